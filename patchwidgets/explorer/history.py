"""The patches of a session as ``w.history`` and the page list them: each once, oldest first, with notes and pins.

Keeps the logits of the last one alone.
"""

from collections.abc import Hashable
from dataclasses import replace

from patchwidgets.errors import ProtocolError
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.listed import Listed
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath

MOST_PINS = 2
"""How many patches a page compares with; one more takes the place of the earliest."""


class History:
    """What was patched so far, patches and paths.

    A patch that is made again, or read by another metric or for another pair, stays in its place with its newest
    numbers, its note and its pin. The host run, with nothing patched, is no patch.

    Attributes
    ----------
    last
        The last answer; None if there was none yet.
    """

    def __init__(self) -> None:
        self.last: PatchResult | TracedPath | None = None
        self._last_key: Hashable = None
        self._by_run: dict[Hashable, Listed] = {}

    @property
    def results(self) -> list[PatchResult | PathResult]:
        """Every patch and path, oldest first; each has its `note`."""
        for each in self.listed:
            each.outcome.note = each.note
        return [each.outcome for each in self.listed]

    @property
    def listed(self) -> list[Listed]:
        """The same, with all that is known of them."""
        return list(self._by_run.values())

    def newest(self, most: int) -> list[Listed]:
        """The last ones, and of those before them the pinned ones; oldest first."""
        before, last = self.listed[:-most], self.listed[-most:]
        return [each for each in before if each.pinned] + last

    def add(self, request: PatchRequest, outcome: PatchResult | TracedPath) -> None:
        """Take the answer to a request. The one before it gives up its logits."""
        if self.last is not None and self._last_key in self._by_run:
            before = self._by_run[self._last_key]
            self._by_run[self._last_key] = replace(before, outcome=self.last.without_logits())
        self.last, self._last_key = outcome, _key(request)
        if request.patches:
            known = self._by_run.get(self._last_key, Listed(request.edits, outcome))
            self._by_run[self._last_key] = replace(known, outcome=outcome)

    def restore(self, request: PatchRequest, listed: Listed) -> None:
        """Take a patch of an earlier session, with its note and its pin."""
        self._by_run[_key(request)] = listed

    def mark(self, request: PatchRequest, note: str | None, pinned: bool | None) -> Listed:
        """Write a note at a patch, or pin it; what is None stays.

        Raises
        ------
        ProtocolError
            It was not patched so far.
        """
        key = _key(request)
        if key not in self._by_run:
            raise ProtocolError(
                "Expected a patch of the history; this one has not been made. Patch it first."
            )
        before = self._by_run[key]
        pinned = before.pinned if pinned is None else pinned
        marked = replace(before, note=before.note if note is None else note, pinned=pinned)
        self._by_run[key] = marked
        others = [other for other, each in self._by_run.items() if each.pinned and other != key]
        if pinned and len(others) >= MOST_PINS:
            self._by_run[others[0]] = replace(self._by_run[others[0]], pinned=False)
        return marked


def _key(request: PatchRequest) -> Hashable:
    return request.edits, request.direction, frozenset(request.patches)
