"""What feeds a head, exactly: the effects of paths into its q, k and v, and its own effect, total and direct.

Costs a sweep over the paths, which goes on where it was left when something else came first.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.edges import Path, Receiver
from patchwidgets.errors import RefusedError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patching import run_patch
from patchwidgets.explorer import shown_pair
from patchwidgets.explorer.fields import ShownPair, checked_pair, checked_view
from patchwidgets.explorer.head import checked_head
from patchwidgets.explorer.kept import kept
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.shown_pair import defined, number_of
from patchwidgets.explorer.views import Views
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.methods.paths.api import edges_between, make_path_sweep
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.sites import Site

PARTS = ("q", "k", "v")
N_SENDERS = 5
"""How many are named of each part."""


@dataclass(frozen=True)
class SendersRequest:
    """A question about what feeds a head. It holds everything that the answer depends on.

    Attributes
    ----------
    head
        A site such as ``L23.H3``.
    pair
        Which pair of a dataset the answer is about.
    """

    head: str
    direction: Direction
    metric: str
    pair: ShownPair = "mean"


def checked_senders_request(content: Message, experiment: BaseExperiment) -> SendersRequest:
    """Read a question about what feeds a head.

    Raises
    ------
    ProtocolError, SiteError, MetricError
        A field is missing or has another form, or the experiment does not have the head or the metric.
    """
    pair = checked_pair(content.get("pair", "mean"), experiment)
    head = checked_head(content, experiment)
    return SendersRequest(head, *checked_view(content, experiment), pair)


def answer_senders(views: Views, request: SendersRequest) -> tuple[Message, Buffers]:
    """The strongest senders into a head, and the head's total and direct effect."""
    return kept(views, "senders", request, lambda: (_computed(views, request), []))


def _computed(views: Views, request: SendersRequest) -> Message:
    experiment = views.of(request.direction, request.metric)
    experiment = experiment.measuring(experiment.metrics[request.metric])
    head = Site.parse(request.head)
    receivers, reasons = _receivers(experiment, head)
    # In the order in which Experiment.patch and Experiment.path would compute them, so that the numbers are the same.
    total = run_patch(experiment, head)[request.metric]
    total = shown_pair.of_pair(total, experiment, request.pair)
    direct = _effects(views, request, experiment, [Path(head, (Receiver("logits"),))])[0]
    paths = edges_between(experiment, None, receivers) if receivers else []
    effects = _effects(views, request, experiment, paths) if paths else []
    return {
        "kind": "senders",
        "head": request.head,
        "direction": request.direction,
        "metric": request.metric,
        "pair": request.pair,
        "total": {"effect": total.effect, "share": defined(total.share)},
        "direct": direct,
        "receivers": [
            {"part": part, "name": name, "reason": None, **_strongest(name, paths, effects)}
            for part, name in zip(PARTS, map(str, receivers), strict=False)
        ]
        + [
            {"part": part, "name": None, "reason": reason, "n": 0, "senders": []}
            for part, reason in reasons.items()
        ],
    }


def _receivers(experiment: BaseExperiment, head: Site) -> tuple[list[Site], dict[str, str]]:
    """The q, k and v of a head as the model names them, and the reasons why some are missing."""
    model = experiment.model
    assert head.index is not None
    shared = model.n_heads // model.n_kv_heads
    found, reasons = [], {}
    for part in PARTS:
        key_value = part != "q" and shared > 1
        index = head.index // shared if key_value else head.index
        try:
            found.append(model.resolve(Site(part, head.layer, index, kv=key_value)))  # type: ignore[arg-type]
        except RefusedError as refused:
            reasons[part] = str(refused)
    return found, reasons


def _effects(
    views: Views, request: SendersRequest, experiment: BaseExperiment, paths: list[Path]
) -> list[Message]:
    """The effects of paths. What is computed of them stays if something else comes first."""
    subject: Hashable = (replace(request, pair="mean"), str(paths[0]))
    sweep: PathSweep = kept(
        views, "path sweep", subject, lambda: make_path_sweep(experiment, paths)
    )
    for _ in sweep.run():
        pass
    if sweep.progress.left:
        sweep.forget_recording()
        raise Cancelled
    pairs = sweep.values_of(sweep.grid).pair_values(experiment, request.metric)
    values = shown_pair.cell_values(pairs, number_of(experiment, request.pair))
    return [
        {"effect": defined(float(effect)), "share": defined(float(share))}
        for effect, share in zip(values["effect"], values["share"], strict=True)
    ]


def _strongest(name: str, paths: list[Path], effects: list[Message]) -> Message:
    """The senders whose paths into a receiver have the largest effects."""
    into: list[dict[str, Any]] = [
        {"site": str(path.sender), **effect}
        for path, effect in zip(paths, effects, strict=True)
        if str(path.receiver) == name
    ]
    known = [each for each in into if each["effect"] is not None]
    order = np.argsort([-abs(each["effect"]) for each in known], kind="stable")
    return {"n": len(into), "senders": [known[i] for i in order[:N_SENDERS]]}
