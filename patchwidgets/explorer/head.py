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
from patchwidgets.explorer.messages import SHOWN_PAIR, Buffers, Message, patch_messages
from patchwidgets.explorer.requests import PatchRequest, checked_patch_request, is_id
from patchwidgets.explorer.views import Views
from patchwidgets.models.written import Written, WrittenToken
from patchwidgets.sites import Site

MOST_TOKENS = 512
"""Of longer prompts no whole pattern is sent, only the row of one query."""
N_WRITTEN = 5


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
        return self.head, self.position, self.whole, patched.patches, patched.direction


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
    position = checked_position(content, experiment)
    return HeadRequest(head, position, whole, checked_patch_request(content, experiment))


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


def checked_position(content: Message, experiment: BaseExperiment) -> int:
    """The position that a question is about, in the clean prompt of the pair that is shown.

    Raises
    ------
    ProtocolError, SiteError
        It is none.
    """
    position = content.get("position")
    if not is_id(position):
        raise ProtocolError(f"Expected a position as a whole number; got {shown(position)}.")
    return experiment.pairs[SHOWN_PAIR].indices(position)[0]


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
    pair = experiment.pairs[SHOWN_PAIR]
    whole = request.whole and max(len(pair.clean), len(pair.corrupted)) <= MOST_TOKENS
    patches = experiment.checked(request.patched.to_patches())
    try:
        patterns = run_patterns(experiment, patches, request.head, [SHOWN_PAIR])
    except RefusedError as refused:
        return {"whole": whole, "reason": str(refused)}, {}
    queries = _queries(experiment, request.position)
    chosen = {
        name: pattern[0] if whole else pattern[0][[query]]
        for name, pattern in patterns.items()
        if whole or (query := queries[name]) is not None
    }
    return {"whole": whole, "reason": None}, chosen


def _queries(experiment: BaseExperiment, position: int) -> dict[str, int | None]:
    """Where each run has the position; None where it has no counterpart."""
    counterpart = experiment.pairs[SHOWN_PAIR].counterparts.get(position)
    at = {"clean": position, "corrupted": counterpart}
    return {"clean": position, "patched": at[experiment.host_name], "corrupted": counterpart}


def _written(experiment: BaseExperiment, request: HeadRequest) -> Message:
    patches = experiment.checked(request.patched.to_patches())
    head, position = Site.parse(request.head), request.position
    try:
        runs = written_in_patch(experiment, patches, head, position, N_WRITTEN, SHOWN_PAIR)
    except (RefusedError, CounterpartError, PatchError) as refused:
        return {"reason": str(refused), "runs": {}}
    return {"reason": None, "runs": {name: _tokens(each) for name, each in runs.items()}}


def _tokens(written: Written) -> Message:
    return {"up": list(map(_token, written.up)), "down": list(map(_token, written.down))}


def _token(written: WrittenToken) -> Message:
    return {"token": written.token, "logit": written.logit}
