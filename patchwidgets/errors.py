"""The errors that users can meet. Each message says what was expected, what arrived and what to do.

Importing this module costs nothing.
"""


class PatchwidgetsError(Exception):
    """Base class of every error that patchwidgets raises on purpose.

    Examples
    --------
    >>> try:
    ...     exp.patch("L9.H0")
    ... except pw.errors.PatchwidgetsError as error:
    ...     print(type(error).__name__, error)
    SiteError L9.H0: layer 9 is out of range; teaching model has layers 0 to 3.
    """


class SiteError(PatchwidgetsError, ValueError):
    """A site that cannot be parsed, or that is out of range for this model or prompt."""


class CounterpartError(SiteError):
    """A position that cannot be patched: it has no counterpart in the other prompt, or not the one that is needed."""


class RefusedError(SiteError):
    """A component that this model does not have; the message gives the reason."""


class TaskError(PatchwidgetsError, ValueError):
    """A task whose prompts cannot be compared: unequal token counts, identical prompts, lists of unequal length."""


class AnswerError(TaskError):
    """An answer or foil that cannot be scored.

    It has no tokens, it changes the tokens of the prompt, or another alternative begins with it.
    """


class MetricError(PatchwidgetsError, ValueError):
    """An unknown metric, one that needs a foil, or a callable that did not return one finite number per row."""


class PatchError(PatchwidgetsError, ValueError):
    """A patch whose source does not fit its site."""


class ModelError(PatchwidgetsError, ValueError):
    """A model that cannot be patched: not a causal language model, of unknown structure, or with non-finite logits."""


class VerificationError(ModelError):
    """A model that failed a check at load time; the message names the identity, the layer and the size of the gap."""


class LoadError(PatchwidgetsError, OSError):
    """A model that could not be found or read; the message says how to get it."""


class ProtocolError(PatchwidgetsError, ValueError):
    """A message from a front end that does not follow the protocol."""
