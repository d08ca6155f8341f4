"""One entry of an explorer's history. Costs nothing."""

from dataclasses import dataclass

from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.edits import Edits
from patchwidgets.methods.paths.api import PathResult


@dataclass(frozen=True)
class Listed:
    """A patch or path of the history.

    Attributes
    ----------
    edits
        Of its prompts.
    note
        What a person has written about it.
    pinned
        Whether pages compare with it.
    """

    edits: Edits
    outcome: PatchResult | PathResult
    note: str = ""
    pinned: bool = False
