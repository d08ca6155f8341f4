"""Every answer of an explorer, as a list that is also a table. Costs nothing."""

import math
from typing import TYPE_CHECKING

from patchwidgets.errors import listed
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.paths.api import PathResult

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = ("value", "effect", "share", "recovery")


class HistoryList(list[PatchResult | PathResult]):
    """Patches and paths, oldest first.

    Examples
    --------
    >>> w = exp.explore("L0.H1")
    >>> w.history
    [PatchResult(L0.H1, denoise: logit diff +6.49..., effect +12.64..., recovery 0.99...)]
    """

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


def _row(result: PatchResult | PathResult) -> dict[str, object]:
    sites = [str(result.path)] if isinstance(result, PathResult) else result.sites
    return {
        "sites": listed(sites, most=len(sites) or 1),
        "direction": result.experiment.direction,
        "metric": next(iter(result.readings)),
        **{name: getattr(result, name) for name in NUMBERS},
        "seconds": getattr(result, "seconds", math.nan),  # a path is kept without
        "note": result.note,
        **{name: reading.value for name, reading in result.readings.items()},
    }
