"""A patch or path as a file has it: all its numbers, and no model. Costs nothing."""

import math
from collections.abc import Sequence
from typing import Any

from patchwidgets.edges import Frozen, Path
from patchwidgets.errors import NoModelError, listed
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Numbers
from patchwidgets.sites import Patch
from patchwidgets.sources.source import in_words
from patchwidgets.tasks import Task

NEED_MODEL = frozenset(
    {
        "experiment",
        "focused",
        "lens",
        "logit_attribution",
        "logits",
        "pattern",
        "reach",
        "run_tokens",
        "to_mermaid",
        "top_tokens",
        "without_logits",
        "written",
    }
)
"""What a `PatchResult` or a `PathResult` has beside."""


class SavedPatch(Numbers):
    """What a patch or a path did, read from a file.

    Attributes
    ----------
    value, effect, share, recovery, reason, per_pair, draws, spread, readings, note
        As of a `PatchResult`, to the last digit.
    task
        The task whose prompts ran.
    patches, sites
        What was patched jointly; of a path, nothing and the path as a string.
    path, frozen
        The path, and what stayed as in the host; None and empty where sites were patched.
    seconds
        How long it took; NaN of a path.
    pinned
        Whether pages compare with it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     exp.explore("L0.H1").save(f"{folder}/session.json")
    ...     patch = pw.open(f"{folder}/session.json").history[0]
    >>> patch
    SavedPatch(L0.H1, denoise: logit diff +6.49..., effect +12.64..., recovery 0.99...)
    >>> patch.logits
    Traceback (most recent call last):
    ...
    patchwidgets.errors.NoModelError: logits needs the model, and this patch was read from a file without one...
    """

    def __init__(
        self,
        readings: dict[str, Reading],
        task: Task,
        asked: Sequence[Patch] | Path,
        frozen: Frozen = (),
        seconds: float | None = None,
        note: str = "",
        pinned: bool = False,
    ) -> None:
        super().__init__(readings)
        self.task = task
        self.path = asked if isinstance(asked, Path) else None
        self.patches = () if isinstance(asked, Path) else tuple(asked)
        self.frozen: Frozen = frozen
        self.seconds = math.nan if seconds is None else seconds
        self.note, self.pinned = note, pinned

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that were patched as strings, or the path."""
        if self.path is not None:
            return (str(self.path),)
        return tuple(str(patch.site) for patch in self.patches)

    def __getattr__(self, name: str) -> Any:
        if name in NEED_MODEL:
            raise NoModelError(
                f"{name} needs the model, and this patch was read from a file without one. Open the explorer with it, "
                "as in pw.open('session.json', model), and read w.history, or patch again: "
                "pw.Experiment(model, patch.task).patch(*patch.patches)."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        patched = [str(self.path)] if self.path else [in_words(patch) for patch in self.patches]
        return f"SavedPatch({listed(patched)}, {self.in_words})"
