"""The patches of a session as ``w.history`` and the page list them: each once, oldest first.

Keeps the logits of the last one alone.
"""

from collections.abc import Hashable

from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.edits import Edits
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath


class History:
    """What was patched so far, patches and paths.

    A patch that is made again, or read by another metric or for another pair, stays in its place with its newest
    numbers. The host run, with nothing patched, is no patch.

    Attributes
    ----------
    last
        The last answer; None if there was none yet.
    """

    def __init__(self) -> None:
        self.last: PatchResult | TracedPath | None = None
        self._last_key: Hashable = None
        self._by_run: dict[Hashable, tuple[Edits, PatchResult | PathResult]] = {}

    @property
    def results(self) -> list[PatchResult | PathResult]:
        """Every patch and path, oldest first."""
        return [outcome for _, outcome in self.listed]

    @property
    def listed(self) -> list[tuple[Edits, PatchResult | PathResult]]:
        """The same, each with the edits of its prompts."""
        return list(self._by_run.values())

    def add(self, request: PatchRequest, outcome: PatchResult | TracedPath) -> None:
        """Take the answer to a request. The one before it gives up its logits."""
        if self.last is not None and self._last_key in self._by_run:
            edits, _ = self._by_run[self._last_key]
            self._by_run[self._last_key] = edits, self.last.without_logits()
        key = request.edits, request.direction, frozenset(request.patches)
        self.last, self._last_key = outcome, key
        if request.patches:
            self._by_run[key] = request.edits, outcome
