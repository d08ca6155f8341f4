"""Metrics of circuits: the rest is ablated, and every metric is read. Costs what the space of the circuits says.

A circuit runs on the prompts of one unpatched run, the *model's*: the clean prompts, or the corrupted ones if the rest
is ablated to the clean run.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.circuits.space import Chosen, Rows, Space
from patchwidgets.models.indexing import key_of
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch, Source
from patchwidgets.sources.source import draws_of

Values = dict[str, Float[np.ndarray, "circuit pair"]]
"""By metric."""


def named(experiment: BaseExperiment, ablation: Source) -> Source:
    """Return what the rest gets; one of the experiment's own runs as ``"clean"`` or ``"corrupted"``.

    Raises
    ------
    PatchError
        A text that names no run.
    """
    run = experiment.sources.run_of(Patch("embed", ablation).source)
    if run is experiment.clean.run:
        return "clean"
    return "corrupted" if run is experiment.corrupted.run else ablation


def model_side(experiment: BaseExperiment, ablation: Source) -> BaseExperiment:
    """Return the experiment in the direction in which its host is the run that circuits should do what it does.

    Parameters
    ----------
    ablation
        From `named`. The run is the other one than this, and the clean run where it is of neither.
    """
    is_clean = isinstance(ablation, str) and ablation == "clean"
    return experiment.turned("denoise" if is_clean else "noise")


def measure_circuits(
    experiment: BaseExperiment,
    space: Space,
    ablation: Source,
    circuits: Sequence[Chosen],
    done: Callable[[int], object] = lambda n: None,
) -> Values:
    """Return every metric of some circuits, pair by pair.

    Parameters
    ----------
    experiment
        From `model_side`.
    ablation
        What the rest gets, as the source of a `Patch`; of several draws the values are means.
    circuits
        Those that keep the same are run once.
    done
        Called with the number of circuits and pairs that a pass has measured.

    Raises
    ------
    PatchError, SiteError, CounterpartError
        As for a patch from this source at every node.
    WeightsChangedError
        The weights have changed since the runs of the experiment.
    """
    unlike = {chosen.key: chosen for chosen in circuits}
    numbers = {key: i for i, key in enumerate(unlike)}
    draws = [patch.source for (patch,) in draws_of([Patch("embed", ablation)])]
    of_draws = [
        _measured(experiment, space, drawn, list(unlike.values()), done if i == 0 else _nothing)
        for i, drawn in enumerate(draws)
    ]
    back = [numbers[chosen.key] for chosen in circuits]
    return {
        name: np.mean([values[name] for values in of_draws], axis=0)[back]
        for name in experiment.metrics
    }


def _nothing(_n: int) -> None:
    """Count the progress of one draw alone."""


def _measured(
    experiment: BaseExperiment,
    space: Space,
    ablation: Source,
    circuits: Sequence[Chosen],
    done: Callable[[int], object],
) -> Values:
    shape = (len(circuits), len(experiment.pairs))
    values = {name: np.full(shape, np.nan) for name in experiment.metrics}
    sources = Rows(experiment, ablation, (), [], experiment.host.batches[0].ids)
    patches = sources.patches(space.sites())
    _record(experiment, patches)
    for batch in experiment.host.batches:
        at_once = space.rows_at_once(batch.ids.shape[1])
        for first in range(0, len(batch.rows), at_once):
            part = slice(first, first + at_once)
            pairs, ids = batch.rows[part], batch.ids[part]
            starts = experiment.sources.starts(patches, pairs)
            n = max(1, at_once // len(pairs))
            for start in range(0, len(circuits), n):
                rows = Rows(experiment, ablation, circuits[start : start + n], pairs, ids)
                for name, of_rows in _read(space, rows, starts).items():
                    values[name][start : start + n, pairs] = of_rows
                done(len(rows.chosen) * len(pairs))
    experiment.check_weights(patches)
    return values


def _record(experiment: BaseExperiment, patches: Sequence[Patch]) -> None:
    """Record all that is written of a run in one pass, and not component by component."""
    experiment.sources.record(patches)
    run = experiment.sources.run_of(patches[0].source) if patches else None
    if isinstance(run, Run):
        for batch in run.batches:
            run.record(batch, [key_of(patch.site) for patch in patches])


def _read(space: Space, rows: Rows, starts: Sequence[int]) -> Values:
    exp, n = rows.experiment, len(rows.pairs)
    output = space.run(rows)
    n_entries = len(exp.evaluation.read_positions.entries(rows.pairs))
    of_circuits = []
    for i in range(len(rows.chosen)):
        logits = output.read[i * n_entries : (i + 1) * n_entries]
        joint = None if output.joint is None else output.joint[i * n : (i + 1) * n]
        of_circuits.append(
            exp.evaluation.measure_patched(logits, rows.pairs, starts, exp.host_name, joint)
        )
    return {name: np.stack([each[name] for each in of_circuits]) for name in exp.metrics}
