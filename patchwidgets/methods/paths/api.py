"""Effects of paths and edges: one, those of one receiver or sender, or all. `Experiment` documents the arguments."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.edges import FROZEN, Frozen, Path, Receiver, comes_after
from patchwidgets.errors import CounterpartError, PatchError, listed, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Readings
from patchwidgets.experiment.run_chart import run_chart
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.methods.paths.path_chart import path_passage
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.methods.paths.steps import checked_path, checked_receiver, checked_sender
from patchwidgets.models import graph
from patchwidgets.models.top_tokens import TopToken
from patchwidgets.sites import Site
from patchwidgets.sweep.api import make_sweep, run_sweep
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.request import SweepRequest

Senders = str | Site | Sequence[str | Site]
Receivers = str | Site | Receiver | Sequence[str | Site | Receiver]

ORDERED_FROM = 2000
"""From this many paths on, a sweep over their receivers finds out which are the most telling, and these come first."""


class PathResult(Readings):
    """What a path did, from `Experiment.path`.

    Attributes
    ----------
    value, effect, share, recovery, reason, per_pair, readings, experiment
        As of a `PatchResult`.
    path
        The path.
    frozen
        What between the ends of each of its edges stayed as in the host.

    Examples
    --------
    >>> exp.path("L0.H1", "L1.H1.v")
    PathResult(L0.H1->L1.H1.v, denoise: logit diff ..., effect ..., recovery ...)
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        readings: dict[str, Reading],
        path: Path,
        frozen: Frozen,
    ) -> None:
        super().__init__(experiment, readings)
        self.path, self.frozen = path, frozen

    def to_mermaid(self, pair: int | None = None) -> str:
        r"""The three runs as a flowchart in Mermaid's language, as that of a patch; receivers say what they see.

        Examples
        --------
        >>> lines = exp.path("L0.H1", "L1.mlp_in", "logits").to_mermaid().splitlines()
        >>> print(*(line.strip() for line in lines if "patched_1" in line), sep="\n")
        patched_1["L1.mlp_in<br/>sees the clean value of L0.H1"]:::patched
        patched_0 -.-> patched_1
        patched_1 --> patched_2
        clean_0 == "seen there alone" ==> patched_1
        """
        passage = path_passage(self.experiment, self.path, self.frozen)
        return run_chart(self, passage, self._known_tokens(pair), pair)

    def _known_tokens(self, _pair: int | None) -> Sequence[TopToken]:
        """The next tokens of the changed run, as far as they are known."""
        return []

    def __repr__(self) -> str:
        return f"PathResult({self.path}, {self.in_words})"


def run_path(experiment: BaseExperiment, path: Path, frozen: Frozen) -> PathResult:
    """The effect of one path; `Experiment.path` documents it."""
    path = checked_path(experiment.model, path)
    sweep = make_path_sweep(experiment, [path], frozen)
    for _ in sweep.run():
        pass
    if sweep.progress.left:
        raise Cancelled
    return PathResult(experiment, readings_of(sweep), path, frozen)


def readings_of(sweep: PathSweep) -> dict[str, Reading]:
    """Every metric of the only path of a sweep that is done."""
    experiment, values = sweep.experiment, sweep.values_of(sweep.grid)
    return {
        name: Reading(
            metric,
            experiment.evaluation.values["clean"][name],
            experiment.evaluation.values["corrupted"][name],
            values.values[name][0],
            experiment.direction,
            values.noise_floor[name],
        )
        for name, metric in experiment.metrics.items()
    }


def make_path_sweep(
    experiment: BaseExperiment,
    paths: Sequence[str | Path],
    frozen: Frozen = FROZEN[0],
    direction: Direction | None = None,
    batch: int | None = None,
    budget: float | None = None,
) -> PathSweep:
    """Plan the effects of paths; nothing runs yet, except a sweep over the receivers of many paths.

    Raises
    ------
    SiteError, RefusedError, CounterpartError
        A path that the model does not have, or no path with a counterpart.
    PatchError
        No path, the same path twice, or `frozen` is neither of its two values.
    """
    if direction is not None:
        experiment = experiment.turned(direction)
    if frozen not in FROZEN:
        raise PatchError(
            f"frozen is {shown(frozen)}; expected ('attn', 'mlp'), or ('attn',) for live MLPs."
        )
    checked = [checked_path(experiment.model, path) for path in paths]
    names = list(map(str, checked))
    if not names:
        raise PatchError(
            "There is no edge between these senders and receivers, and so nothing to compute."
        )
    if len(set(names)) < len(names):
        repeated = sorted(name for name, n in Counter(names).items() if n > 1)
        raise PatchError(f"{listed(repeated, by=', ')} is asked for twice; name each path once.")
    grid = edge_grid(checked, frozen)
    order = _most_telling_first(experiment, checked, budget)
    return PathSweep(experiment, grid, checked, frozen, order, batch, budget)


def edge_grid(paths: Sequence[Path], frozen: Frozen) -> Grid:
    """One cell for each path, with its sender and receiver."""
    return Grid(
        component="edges",
        axes={"edge": list(map(str, paths))},
        cells=[],
        labels={
            "sender": ("edge", [str(path.sender) for path in paths]),
            "receiver": ("edge", [str(path.receiver) for path in paths]),
        },
        attrs={"frozen": "+".join(frozen)},
    )


def edges_between(
    experiment: BaseExperiment, senders: Senders | None = None, receivers: Receivers | None = None
) -> list[Path]:
    """All edges from some senders to some receivers, by default all of the model, in the order of the stream.

    Raises
    ------
    SiteError, RefusedError
        A sender or receiver that the model does not have, or a single one of each without an edge.
    """
    model = experiment.model
    if senders is None and receivers is None:
        return graph.all_edges(model)
    chosen_senders = (
        graph.senders(model)
        if senders is None
        else [checked_sender(model, each) for each in _listed(senders)]
    )
    chosen_receivers = (
        graph.receivers(model)
        if receivers is None
        else [checked_receiver(model, each) for each in _listed(receivers)]
    )
    if len(chosen_senders) == len(chosen_receivers) == 1:
        return [checked_path(model, Path(chosen_senders[0], (chosen_receivers[0],)))]
    parallel = model.layout.parallel
    return [
        Path(sender, (receiver,))
        for receiver, sender in product(chosen_receivers, chosen_senders)
        if comes_after(sender, receiver, parallel)
    ]


def _listed(asked: Senders | Receivers) -> Sequence[Any]:
    return [asked] if isinstance(asked, str | Site | Receiver) else asked


def _most_telling_first(
    experiment: BaseExperiment, paths: Sequence[Path], budget: float | None
) -> list[int]:
    """The numbers of paths, those into receivers of large total effect first, if there are many; the logits first.

    Costs a sweep over the receivers, where there are many paths.
    """
    receivers = list(dict.fromkeys(path.receiver for path in paths))
    rank = {receiver: i for i, receiver in enumerate(receivers)}
    if len(paths) >= ORDERED_FROM and len(receivers) > 1:
        sites = {receiver: _total_site(receiver) for receiver in receivers}
        totals = _total_effects(experiment, [site for site in sites.values() if site], budget)
        size = {each: totals.get(str(site), np.inf) for each, site in sites.items()}
        ordered = sorted(receivers, key=lambda receiver: -size[receiver])
        rank = {receiver: i for i, receiver in enumerate(ordered)}
    return sorted(range(len(paths)), key=lambda i: rank[paths[i].receiver])


def _total_site(receiver: Receiver) -> Site | None:
    """What is patched for the total effect of a receiver; None for the logits."""
    if receiver.layer is None:
        return None
    return receiver.site or Site("mlp_out", receiver.layer, pos=receiver.pos)


def _total_effects(
    experiment: BaseExperiment, sites: Sequence[Site], budget: float | None
) -> dict[str, float]:
    """How large the total effect of each site is; without those that cannot be patched as such."""
    sites = list(dict.fromkeys(sites))
    try:
        sweep = make_sweep(experiment, [SweepRequest(sites=sites)], None, None, budget)
    except CounterpartError:
        return {}
    result = run_sweep(sweep, False, lambda _results: None)[0]
    effects = np.abs(np.nan_to_num(result.effect.values))
    return dict(zip(map(str, sites), map(float, effects), strict=True))
