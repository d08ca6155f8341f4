"""The errors that patchwidgets raises on purpose. Each message says what was expected, what arrived and what to do.

Importing this module costs nothing.
"""

import reprlib
import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any


class _Short(reprlib.Repr):
    """`repr` of a few dozen characters, whatever arrives: of nested lists too, and of numbers of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 200
        self.fillvalue = "…"
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to print a number of more than 4,300 digits.
        return super().repr_int(x, level) if x.bit_length() < 1000 else "a number too long to print"


_SHORT = _Short()


def shown(value: Any) -> str:
    """What arrived, as error messages quote it: its `repr`, cut in the middle if it is long.

    Examples
    --------
    >>> pw.errors.shown(" Mary"), len(pw.errors.shown("a" * 10_000_000))
    ("' Mary'", 198)
    """
    return _SHORT.repr(value)


def type_named(value: Any) -> str:
    """The type of what arrived, with its article.

    Examples
    --------
    >>> pw.errors.type_named(3), pw.errors.type_named("a")
    ('an int', 'a str')
    """
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def listed(names: Sequence[str], most: int = 8, by: str = " + ") -> str:
    """What acts together, as titles and messages name it; of many only the first ones.

    Examples
    --------
    >>> pw.errors.listed(["L0.H1", "L0.H2"]), pw.errors.listed(["a", "b", "c", "d"], most=2)
    ('L0.H1 + L0.H2', 'a + b + 2 more')
    """
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return by.join([*names[:most], *more])


def in_one_line(error: BaseException, width: int = 300) -> str:
    r"""Return what an error of another library says, as a part of a message of ours: its first line, without a stop.

    Examples
    --------
    >>> from patchwidgets.errors import in_one_line
    >>> in_one_line(KeyError("a")), in_one_line(OSError("No such file.\nTry again."))
    ("KeyError: 'a'", 'No such file')
    """
    line = next(iter(str(error).strip().splitlines()), "").rstrip(".: ")
    if not line or not isinstance(error, OSError | ValueError | ImportError | RuntimeError):
        line = f"{type(error).__name__}: {line}".rstrip(": ")
    return line if len(line) <= width else f"{line[:width]}…"


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

    It has no tokens, it changes the tokens of the prompt, the tokenizer does not know it, or another alternative begins
    with it.
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


class WeightsChangedError(ModelError):
    """Weights of the model changed since a run was recorded; the message names the first tensor that differs."""


class LensError(PatchwidgetsError, ValueError):
    """A lens that cannot read: it is not fitted yet, or on another model, or not for what it is asked to read."""


class LoadError(PatchwidgetsError, OSError):
    """A model or a front end that could not be found or read; the message says how to get it."""


class ArgumentError(PatchwidgetsError, TypeError):
    """An argument that a function does not have, or of another kind; the message names the one to use."""


class MissingError(PatchwidgetsError, AttributeError):
    """An attribute that there is not; the message names what to use in its place."""


class FileError(PatchwidgetsError, OSError):
    """A file that could not be written or read, or that is damaged or holds no sweep.

    Where a file could not be written, an earlier file of this name is still there, whole.
    """


class ExecutorError(PatchwidgetsError, RuntimeError):
    """Work that cannot be given to other processes, or that did not come back from them; the message says how to go on.

    Examples
    --------
    >>> try:
    ...     exp.sweep("z", executor="processes:4")
    ... except pw.errors.ExecutorError as error:
    ...     print(str(error)[:48])
    'processes:4' is no executor: expected something
    """


class NoModelError(PatchwidgetsError, AttributeError):
    """Something that needs the model, asked of what was read from a file without one; the message says how to open it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     exp.explore("L0.H1").save(f"{folder}/session.json")
    ...     hasattr(pw.open(f"{folder}/session.json"), "experiment")
    False
    """


class ExtensionError(PatchwidgetsError, ImportError):
    """What another package adds by an entry point, and that cannot be used; the message names the package."""


class ProtocolError(PatchwidgetsError, ValueError):
    """A message from a front end that does not follow the protocol."""


class WaitError(PatchwidgetsError, TimeoutError):
    """An answer of the explorer that did not come in time, or that a computation awaits of itself."""


class PatchwidgetsWarning(UserWarning):
    """Base class of every warning of patchwidgets: something that a number, a file or a model does not show by itself.

    Each points at the line that called patchwidgets.

    Examples
    --------
    >>> import warnings
    >>> unknown = pw.Task(clean="12+34=", corrupted="15+34=", answer="47", foil="46")
    >>> with warnings.catch_warnings(action="error", category=pw.errors.PatchwidgetsWarning):
    ...     pw.Experiment(model, unknown)
    Traceback (most recent call last):
    ...
    patchwidgets.errors.ResultWarning: teaching model: The model does not do this task: ...
    """


class ResultWarning(PatchwidgetsWarning):
    """Numbers that say less than they seem to: the model does not do the task, a site was left out, routing flips."""


class ModelWarning(PatchwidgetsWarning):
    """A model of which something was not as expected: a check failed, tensors are unused, or prompts are too long."""


class FileWarning(PatchwidgetsWarning):
    """A file that does not say all: it has no checksum or no fingerprint, or is about another type of numbers."""


class ExtensionWarning(PatchwidgetsWarning):
    """What another package adds under a name that is there already; it is not used."""


def warn(message: str, category: type[PatchwidgetsWarning]) -> None:
    """Warn at the line that called patchwidgets, however deep inside of it that is noticed."""
    frame = _outside(sys._getframe())
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    name = str(frame.f_globals.get("__name__", "__main__"))
    file, line = frame.f_code.co_filename, frame.f_lineno
    warnings.warn_explicit(message, category, file, line, module=name, registry=registry)


def _outside(frame: FrameType) -> FrameType:
    """Return the frame that called the outermost one of this package."""
    found, caller = frame, frame.f_back
    while caller is not None:
        if _is_ours(frame) and not _is_ours(caller):
            found = caller
        frame, caller = caller, caller.f_back
    return found


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "patchwidgets"
