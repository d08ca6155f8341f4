"""What a front end can ask for (``docs/protocol.md``). Messages are checked here, before anything runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from patchwidgets.directions import Direction
from patchwidgets.edges import Path
from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.edits import Edits
from patchwidgets.explorer.fields import (
    ShownPair,
    checked_list,
    checked_pair,
    checked_text,
    checked_view,
)
from patchwidgets.explorer.messages import PROTOCOL
from patchwidgets.explorer.path_requests import ends, is_path, path_in_model
from patchwidgets.explorer.sources import (
    ChosenSource,
    PatchSource,
    check_at_site,
    checked_choice,
    checked_source,
    source_at,
    source_text,
)
from patchwidgets.sites import Patch
from patchwidgets.sources.attention import Cut
from patchwidgets.tasks import Pair

KINDS = ("hello", "patch", "sweep", "cancel", "code", "mark", "position", "picture")
"""What the session handles itself; further kinds are in `questions.py`."""

LARGEST_ID = 2**53 - 1
"""Beyond it JavaScript takes two whole numbers for one."""
MOST_PATCHES = 100_000
"""In one request."""
LONGEST_NOTE = 500
"""Characters of a note in the history."""


@dataclass(frozen=True)
class PatchRequest:
    """A request for a patch. It holds everything that the answer depends on.

    Attributes
    ----------
    patches
        Pairs of site string and source: the name of a run, or one of `patchwidgets.sources`.
    source
        What the page puts into whatever it patches next.
    pair
        Which pair of a dataset the answer is about.
    edits
        Prompts in place of those of the task.
    """

    id: int
    patches: tuple[tuple[str, PatchSource], ...]
    direction: Direction
    metric: str
    source: ChosenSource = "source"
    pair: ShownPair = "mean"
    edits: Edits = ()

    @property
    def run(self) -> tuple[tuple[tuple[str, PatchSource], ...], Direction, Edits]:
        """What runs, whatever of it is shown: all metrics and all pairs are measured in one go."""
        return self.patches, self.direction, self.edits

    @property
    def sites(self) -> list[str]:
        """The sites that are patched."""
        return [site for site, _ in self.patches]

    @property
    def path(self) -> Path | None:
        """The path that is followed; None where sites are patched."""
        return Path.parse(self.sites[0]) if self.patches and is_path(self.sites[0]) else None

    @property
    def cuts(self) -> bool:
        """Whether it cuts edges of attention: their queries are not where the next click patches."""
        return any(isinstance(source, Cut) for _, source in self.patches)

    @property
    def has_parts(self) -> bool:
        """Whether single patches tell more about it: the parts of a joint patch, or the ends of a path."""
        return len(self.patches) > 1 or self.path is not None

    def to_patches(self) -> list[Patch]:
        """The request as patches; of a path, the ends."""
        if self.path is not None:
            return [Patch(site) for site in ends(self.path)]
        return [Patch(site, source) for site, source in self.patches]


def checked_envelope(content: Any, kinds: Iterable[str] = KINDS) -> tuple[str, int]:
    """The kind and the id of a message, which is of one of these kinds.

    Raises
    ------
    ProtocolError
        The content is not a message of this version of the protocol.
    """
    if not isinstance(content, dict):
        raise ProtocolError(
            f"Expected a message with v, kind and id; got {type(content).__name__}."
        )
    kind, message_id = content.get("kind"), content.get("id")
    if content.get("v") != PROTOCOL:
        raise ProtocolError(
            f"The page speaks version {shown(content.get('v'))} of the protocol and the kernel version {PROTOCOL}; "
            "reload the page and run the notebook again."
        )
    known = tuple(kinds)
    if kind not in known:
        raise ProtocolError(f"Unknown kind {shown(kind)}; expected one of {', '.join(known)}.")
    if not is_id(message_id):
        raise ProtocolError(
            f"Expected an integer id, from -(2**53 - 1) to 2**53 - 1; got {shown(message_id)}."
        )
    return kind, message_id


def is_id(value: Any) -> TypeGuard[int]:
    """Whether a page can hold this as the id of a message."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and -LARGEST_ID <= value <= LARGEST_ID


def checked_patch_request(
    content: dict[str, Any],
    experiment: BaseExperiment,
    edits: Edits = (),
    pairs: Sequence[Pair] | None = None,
) -> PatchRequest:
    """Read a request for a patch.

    Parameters
    ----------
    edits
        Those of the request, read already.
    pairs
        Whose prompts must have the positions: those of the experiment by default; none where others run first.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, SiteError
        The experiment does not have the metric or the site.
    """
    patches = checked_list("patches", "{site, source}", content.get("patches"), MOST_PATCHES)
    direction, metric = checked_view(content, experiment)
    source, known = checked_choice(content.get("source", "source")), _KnownSources()
    asked = []
    for patch in patches:
        site = checked_text("site", patch.get("site"))
        own = known.of(patch["source"]) if "source" in patch else None
        asked.append((site, chosen_at(site, source, experiment) if own is None else own))
    checked = checked_sites(asked, experiment.turned(direction), pairs)
    pair = checked_pair(content.get("pair", "mean"), experiment)
    return PatchRequest(content["id"], checked, direction, metric, source, pair, edits)


def checked_mark(content: dict[str, Any]) -> tuple[str | None, bool | None]:
    """The note and the pin of a message, each None where it stays as it is.

    Raises
    ------
    ProtocolError
        One of them has another form, or the note is too long.
    """
    note, pinned = content.get("note"), content.get("pinned")
    if note is not None and not isinstance(note, str):
        raise ProtocolError(f"Expected a note as text; got {shown(note)}.")
    if note is not None and len(note) > LONGEST_NOTE:
        raise ProtocolError(
            f"Expected a note of at most {LONGEST_NOTE} characters; got {len(note):,}: {shown(note)}."
        )
    if pinned is not None and not isinstance(pinned, bool):
        raise ProtocolError(f"Expected pinned as true or false; got {shown(pinned)}.")
    return note, pinned


def chosen_at(site: Any, source: ChosenSource, experiment: BaseExperiment) -> Any:
    """What a chosen source is at a site; for a path it stays as it is, and is checked there."""
    return source if is_path(site) else source_at(experiment.model.resolve(site), source)


def checked_sites(
    asked: Iterable[tuple[Any, PatchSource]],
    experiment: BaseExperiment,
    pairs: Sequence[Pair] | None = None,
) -> tuple[tuple[str, PatchSource], ...]:
    """Sites, each with its source, that can be patched jointly in the model and on all prompts; or one path.

    Raises
    ------
    SiteError
        Any other site.
    PatchError, RefusedError
        A source that does not go with its site; a path beside something else, or that the model does not have.
    """
    asked, on = list(asked), experiment.pairs if pairs is None else pairs
    for site, source in asked:
        if is_path(site):
            return ((path_in_model(site, source, len(asked), experiment, on), "source"),)
    resolved = [(experiment.model.resolve(site), source) for site, source in asked]
    # Where a patch acts depends on these three alone, and a joint patch may have thousands of sites.
    unlike: dict[tuple[object, ...], Patch] = {}
    for site, source in resolved:
        unlike.setdefault((site.component, site.pos, source), Patch(site, source))
    for patch in unlike.values():
        check_at_site(patch, experiment)
        for pair in on:
            experiment.sources.places(patch, pair)
    return tuple((str(site), source) for site, source in resolved)


class _KnownSources:
    """Sources that were read already: a joint patch has thousands of sites, and most have the same source."""

    def __init__(self) -> None:
        self._by_text: dict[str, PatchSource] = {}

    def of(self, value: Any) -> PatchSource:
        """Read what one patch writes; errors as in `checked_source`."""
        if not isinstance(value, dict):
            return checked_source(value)
        text = source_text(value)
        if text not in self._by_text:
            self._by_text[text] = checked_source(value)
        return self._by_text[text]
