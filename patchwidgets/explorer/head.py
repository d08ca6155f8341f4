"""What a head does in the three runs of a patch: where it attends, and which tokens it writes.

Costs a few passes over one pair's prompts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import (
    CounterpartError,
    PatchError,
    ProtocolError,
    RefusedError,
    shown,
)
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patterns import run_patterns
from patchwidgets.experiment.written import written_in_patch
from patchwidgets.explorer.fields import checked_text
from patchwidgets.explorer.kept import kept
from patchwidgets.explorer.messages import Buffers, Message, patch_messages
from patchwidgets.explorer.requests import PatchRequest, checked_patch_request, is_id
from patchwidgets.explorer.shown_pair import number_of
from patchwidgets.explorer.views import Views
from patchwidgets.models.written import Written, WrittenToken
from patchwidgets.sites import Site
from patchwidgets.tasks import Pair

MOST_TOKENS = 512
"""Of longer prompts no whole pattern is sent, only the row of one query."""
N_WRITTEN = 5
ONE_PAIR = "This reads one prompt. Choose a pair of the dataset."


@dataclass(frozen=True)
class HeadRequest:
    """A question about a head. It holds everything that the answer depends on.

    Attributes
    ----------
    head
        A site such as ``L23.H3``.
    position
        Of the query, and of what is written, in the clean prompt.
    whole
        Whether all queries are wanted, as far as `MOST_TOKENS` allows.
    patched
        What is patched meanwhile.
    """

    head: str
    position: int
    whole: bool
    patched: PatchRequest

    @property
    def subject(self) -> tuple[Any, ...]:
        """What is asked for: equal subjects have the same answer."""
        patched = self.patched
        return self.head, self.position, self.whole, patched.run, patched.pair


def checked_head_request(content: Message, experiment: BaseExperiment) -> HeadRequest:
    """Read a question about a head.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    SiteError, MetricError
        The experiment does not have the head, the position, a patched site or the metric.
    """
    head, whole = checked_head(content, experiment), content.get("whole", False)
    if not isinstance(whole, bool):
        raise ProtocolError(f"Expected whole as true or false; got {shown(whole)}.")
    patched = checked_patch_request(content, experiment)
    position = checked_position(content, experiment, number_of(experiment, patched.pair))
    return HeadRequest(head, position, whole, patched)


def checked_head(content: Message, experiment: BaseExperiment) -> str:
    """The head that a question is about.

    Raises
    ------
    ProtocolError, SiteError, RefusedError
        It is none that the model has.
    """
    site = experiment.model.resolve(checked_text("head", content.get("head")))
    if site.component != "z" or site.index is None or site.pos is not None:
        raise ProtocolError(f"Expected a head, as in 'L9.H6'; got {shown(str(site))}.")
    return str(site)


def checked_position(content: Message, experiment: BaseExperiment, pair: int | None) -> int:
    """The position that a question is about, in the clean prompt of a pair; over the mean it stands for nothing.

    Raises
    ------
    ProtocolError, SiteError
        It is none.
    """
    position = content.get("position")
    if not is_id(position):
        raise ProtocolError(f"Expected a position as a whole number; got {shown(position)}.")
    return position if pair is None else experiment.pairs[pair].indices(position)[0]


def answer_head(views: Views, request: HeadRequest) -> tuple[Message, Buffers]:
    """What a head does, as a message with the patterns in its buffers."""
    return kept(views, "head", request.subject, lambda: _computed(views, request))


def _computed(views: Views, request: HeadRequest) -> tuple[Message, Buffers]:
    experiment = views.of(request.patched.direction, request.patched.metric)
    attention, buffers = _attention(experiment, request)
    return {
        "kind": "head",
        "head": request.head,
        "position": request.position,
        "patches": patch_messages(request.patched.to_patches()),
        "direction": request.patched.direction,
        "pair": request.patched.pair,
        "attention": attention,
        "written": _written(experiment, request),
        "buffers": [
            {"name": name, "dtype": "float64", "shape": list(array.shape)}
            for name, array in buffers.items()
        ],
    }, [np.ascontiguousarray(array, dtype="<f8").tobytes() for array in buffers.values()]


def _attention(
    experiment: BaseExperiment, request: HeadRequest
) -> tuple[Message, dict[str, Float[np.ndarray, "query key"]]]:
    """Whether the patterns have all queries, and those of each run over its own tokens."""
    shown = number_of(experiment, request.patched.pair)
    if shown is None:
        return {"whole": False, "reason": ONE_PAIR}, {}
    pair = experiment.pairs[shown]
    whole = request.whole and max(len(pair.clean), len(pair.corrupted)) <= MOST_TOKENS
    patches = experiment.checked(request.patched.to_patches())
    try:
        patterns = run_patterns(experiment, patches, request.head, [shown])
    except RefusedError as refused:
        return {"whole": whole, "reason": str(refused)}, {}
    queries = _queries(experiment, pair, request.position)
    chosen = {
        name: pattern[0] if whole else pattern[0][[query]]
        for name, pattern in patterns.items()
        if whole or (query := queries[name]) is not None
    }
    return {"whole": whole, "reason": None}, chosen


def _queries(experiment: BaseExperiment, pair: Pair, position: int) -> dict[str, int | None]:
    """Where each run has the position; None where it has no counterpart."""
    counterpart = pair.counterparts.get(position)
    at = {"clean": position, "corrupted": counterpart}
    return {"clean": position, "patched": at[experiment.host_name], "corrupted": counterpart}


def _written(experiment: BaseExperiment, request: HeadRequest) -> Message:
    patches = experiment.checked(request.patched.to_patches())
    head, position = Site.parse(request.head), request.position
    shown = number_of(experiment, request.patched.pair)
    if shown is None:
        return {"reason": ONE_PAIR, "runs": {}}
    try:
        runs = written_in_patch(experiment, patches, head, position, N_WRITTEN, shown)
    except (RefusedError, CounterpartError, PatchError) as refused:
        return {"reason": str(refused), "runs": {}}
    return {"reason": None, "runs": {name: _tokens(each) for name, each in runs.items()}}


def _tokens(written: Written) -> Message:
    return {"up": list(map(_token, written.up)), "down": list(map(_token, written.down))}


def _token(written: WrittenToken) -> Message:
    return {"token": written.token, "logit": written.logit}
