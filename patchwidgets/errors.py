"""The errors that patchwidgets raises on purpose. Each message says what was expected, what arrived and what to do.

Importing this module costs nothing.
"""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200
_SHORT.fillvalue = "…"


def shown(value: object) -> str:
    """Return a value as messages show it: as in code, with an ellipsis where it is long.

    Examples
    --------
    >>> pw.errors.shown(" Mary"), len(pw.errors.shown("a" * 10_000_000))
    ("' Mary'", 198)
    """
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python refuses to print an int of more digits
        return "a number of more than 4,300 digits"


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
    """A site or position that cannot be parsed, that a model, prompt or task does not have, or that does not fit."""


class CounterpartError(SiteError):
    """A position that cannot be patched: it has no counterpart in the other prompt, or not the one that is needed."""


class RefusedError(SiteError):
    """A component that this model does not have, or gradients that it cannot give; the message says why."""


class TaskError(PatchwidgetsError, ValueError):
    """A task that cannot be made, or whose prompts cannot be compared.

    Such as unequal token counts, identical prompts, lists of unequal length, columns or files of another form, a
    position that does not occur in the prompt, or an argument that a generator does not know.
    """


class AnswerError(TaskError):
    """An answer or foil that cannot be scored.

    It has no tokens, it changes the tokens of the prompt, or another alternative begins with it.
    """


class MetricError(PatchwidgetsError, ValueError):
    """A metric that is unknown, that is not defined for the task, or that did not return one finite number per row.

    Not defined: it needs a foil and there is none, it takes one token and an answer has several, or it has no gradient
    where one is needed.
    """


class PatchError(PatchwidgetsError, ValueError):
    """A patch or a sweep that cannot run.

    Such as a source that is unknown or does not fit its site, an unknown direction, arguments of a sweep that do not go
    together, or a patch that was never reached.
    """


class ModelError(PatchwidgetsError, ValueError):
    """A model that cannot be patched, such as one of unknown structure, or an unknown setting of its checks."""


class VerificationError(ModelError):
    """A model that failed a check at load time; the message names the identity, the layer and the size of the gap."""


class LoadError(PatchwidgetsError, OSError):
    """A model or a front end that could not be found or read; the message says how to get it."""


class FileError(PatchwidgetsError, OSError):
    """A file that could not be written or read, or that is damaged or holds no sweep.

    Where a file could not be written, an earlier file of this name is still there, whole.
    """


class ProtocolError(PatchwidgetsError, ValueError):
    """A message from a front end that does not follow the protocol."""
