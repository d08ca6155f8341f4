"""Every answer of an explorer, as a list that is also a table. Costs nothing."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from patchwidgets.errors import listed
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.saved_patch import SavedPatch
from patchwidgets.files.envelope import Opened, Stamp, read_as, write
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.paths.api import PathResult

if TYPE_CHECKING:
    import pandas as pd

Outcome = PatchResult | PathResult | SavedPatch
NUMBERS = ("value", "effect", "share", "recovery")


class HistoryList(list[Outcome]):
    """Patches and paths, oldest first.

    Attributes
    ----------
    stamp
        Of which model they are; None where nothing says so.

    Examples
    --------
    >>> w = exp.explore("L0.H1")
    >>> w.history
    [PatchResult(L0.H1, denoise: logit diff +6.49..., effect +12.64..., recovery 0.99...)]
    """

    def __init__(self, patches: Iterable[Outcome] = (), stamp: Stamp | None = None) -> None:
        super().__init__(patches)
        self.stamp = stamp

    def save(self, path: str | Path) -> None:
        """Write every patch with all its numbers and its note to a JSON file; whole or not at all.

        Raises
        ------
        FileError
            The disk is full, or the place cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> history = exp.explore("L0.H1").history
        >>> with TemporaryDirectory() as folder:
        ...     history.save(f"{folder}/history.json")
        ...     pw.open(f"{folder}/history.json").to_frame().equals(history.to_frame())
        True
        """
        with Uninterrupted():
            from patchwidgets.explorer.saved_history import Entry, history_data

        listed = [Entry(each, note=each.note) for each in self]
        write(path, "history", history_data(listed, {}), self.stamp)

    @classmethod
    def load(cls, path: str | Path, max_bytes: int | None = None) -> "HistoryList":
        """Read a history that `save` wrote, which has an example; its patches are `SavedPatch`.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read; 64 MiB by default.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds something else, or is of a later version.
        """
        return read_as(path, "history", cls.of_file, max_bytes)

    @classmethod
    def of_file(cls, opened: Opened) -> "HistoryList":
        """Return what was read from a file, as `load`."""
        with Uninterrupted():
            from patchwidgets.explorer.saved_history import patches_of_file
            from patchwidgets.explorer.saved_schema import HistorySchema

        with opened.decoding():
            patches, _ = patches_of_file(HistorySchema.model_validate(opened.content))
            return cls(patches, opened.stamp)

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each patch or path.

        Returns
        -------
        DataFrame
            ``sites`` (or the path), ``direction``, the ``metric`` that was shown with its ``value``, ``effect``,
            ``share`` and ``recovery``, ``seconds``, the ``note`` that was written at it in the explorer, and the value
            of every metric in a column of its name.

        Examples
        --------
        >>> w = exp.explore("L0.H1")
        >>> w.history.to_frame()[["sites", "direction", "metric", "effect", "recovery"]].round(2)
           sites direction      metric  effect  recovery
        0  L0.H1   denoise  logit_diff   12.64      0.99
        """
        with Uninterrupted():
            import pandas as pd

        return pd.DataFrame([_row(result) for result in self], columns=None if self else COLUMNS)


COLUMNS = ["sites", "direction", "metric", *NUMBERS, "seconds", "note"]


def _row(result: Outcome) -> dict[str, object]:
    sites = [str(result.path)] if isinstance(result, PathResult) else result.sites
    return {
        "sites": listed(sites, most=len(sites) or 1),
        "direction": result.direction,
        "metric": next(iter(result.readings)),
        **{name: getattr(result, name) for name in NUMBERS},
        "seconds": getattr(result, "seconds", math.nan),  # a path is kept without
        "note": result.note,
        **{name: reading.value for name, reading in result.readings.items()},
    }
