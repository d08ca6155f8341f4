"""The errors a person can meet: what was expected, what arrived, what to do. Importing this costs nothing."""


class PatchwidgetsError(Exception):
    """Base of all errors raised on purpose by patchwidgets."""


class SiteError(PatchwidgetsError, ValueError):
    """A site that cannot be read, or that is out of range on this model or prompt."""


class CounterpartError(SiteError):
    """A position that cannot be patched, since the other prompt has no counterpart of it, or one elsewhere."""


class RefusedError(SiteError):
    """A component that this model does not have, with the reason."""


class TaskError(PatchwidgetsError, ValueError):
    """A task whose prompts cannot be compared: unequal token counts, identical prompts, lists of unequal length."""


class AnswerError(TaskError):
    """An answer or foil that cannot be scored: without tokens, joined with the prompt, or part of another one."""


class MetricError(PatchwidgetsError, ValueError):
    """An unknown metric, one that lacks a foil, or a callable that returned something else than one number per row."""


class PatchError(PatchwidgetsError, ValueError):
    """A patch whose source does not fit its site."""


class ModelError(PatchwidgetsError, ValueError):
    """A model that cannot be patched: an encoder, one with an unknown structure, one with broken logits."""


class VerificationError(ModelError):
    """A model that failed a check at load time: the layer, the identity and the size of the gap."""


class LoadError(PatchwidgetsError, OSError):
    """A model that could not be found or read, with the command that mends it."""


class ProtocolError(PatchwidgetsError, ValueError):
    """A message from a front end that is not of the protocol's form."""
