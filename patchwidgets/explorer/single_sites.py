"""All single sites of some components, recorded for a saved page: every metric, top tokens and reach, in columns.

Costs a sweep in each direction, with all metrics and reach. Values are exact; reach is rounded (`STEPS`), since most of
a page would be its digits, and logits and probabilities of tokens to `DIGITS`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from patchwidgets.arrays import NDArray
from patchwidgets.directions import Direction
from patchwidgets.errors import CounterpartError, SiteError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patching import unpatched
from patchwidgets.experiment.reach import ratios
from patchwidgets.explorer import shown_pair
from patchwidgets.explorer.blobs import Blobs
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.messages import Message
from patchwidgets.explorer.shown_pair import N_TOP_TOKENS, number_of
from patchwidgets.explorer.site_tokens import Scores, SiteTokens, TokenTable
from patchwidgets.explorer.views import Views
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sites import Component, Patch
from patchwidgets.sweep.cell_reach import GridReach
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.rows import Row
from patchwidgets.sweep.sweep import Sweep

COMPONENTS: tuple[Component, ...] = ("z", "attn_out", "mlp_out", "resid_pre")
"""What the maps of an explorer show; of these a page has all sites that the model has."""
MOST_PAIRS, MOST_REACHED = 8, 2**23
"""Up to so many pairs and numbers of reach a page has every pair of a dataset, beyond that the one that is shown."""
MOST_SCORES = 2**25
"""How many scores of tokens are summed over pairs together."""

_UP = [*np.arange(0, 1.5, 0.01), *np.geomspace(1.5, 30, 48)]
_DOWN = [*np.arange(0.01, 0.3, 0.01), *np.geomspace(0.3, 10, 24)]
STEPS: Float[NDArray[np.float64], "step"] = np.array(
    sorted({*(-each for each in _DOWN), -0.001, 0.001, *_UP})
)
"""What a reach is rounded to: hundredths up to 1.5, and 7 % beyond (downwards 17 %, from −0.3 on). No more than 255."""
UNDEFINED = 255
ROUNDING = (
    "Values and effects are exact. How far a patch reaches into other boxes is rounded to 0.01, more coarsely "
    "above 1.5 and below −0.3; logits and probabilities of tokens are rounded to five digits."
)
"""What a page says."""


def recorded_pairs(experiment: BaseExperiment, shown: ShownPair, n_sites: int) -> list[ShownPair]:
    """Of which pairs a page answers: the mean and all of a dataset, or the one that is shown (`MOST_PAIRS`)."""
    n_pairs = len(experiment.pairs)
    if n_pairs == 1:
        return [shown]
    model = experiment.model
    cells = model.n_layers * (model.n_heads + 3)
    if n_pairs <= MOST_PAIRS and 4 * n_sites * cells * (n_pairs + 1) <= MOST_REACHED:
        return ["mean", *range(n_pairs)]
    return list(dict.fromkeys(["mean", shown]))


def checked_components(components: Any) -> list[Component]:
    """Return the components of a page as a list, also one alone; whether the model has them, `sites_of` says.

    Raises
    ------
    SiteError
        Neither a name nor a list.
    """
    listed = [components] if isinstance(components, str) else components
    if not isinstance(listed, Iterable):
        raise SiteError(
            f"components is {shown(components)}; expected a list, as in components=['z', 'mlp_out']."
        )
    return list(listed)


def sites_of(experiment: BaseExperiment, components: Sequence[Component]) -> list[str]:
    """Heads and layers at all positions, and layers at each position that all prompts have."""
    n_positions = min(len(pair) for pair in experiment.pairs)
    alike = all(len(pair) == n_positions for pair in experiment.pairs)
    found: list[str] = []
    for component in components:
        if component in experiment.model.refused:
            continue
        for site in experiment.model.sites(component):
            found.append(str(site))
            if component != "z" and alike:
                found += [str(site.at(pos)) for pos in range(n_positions)]
    return found


def single_sites(
    views: Views, sites: Sequence[str], pairs: Sequence[ShownPair], blobs: Blobs
) -> Message:
    """Patch each site alone, in both directions; errors as of `Experiment.sweep`.

    Parameters
    ----------
    pairs
        What answers are about: the mean of several, or single pairs.

    Returns
    -------
    dict
        As ``js/src/comm/recorded-sites.ts`` reads it.
    """
    experiment = views.experiment
    table = TokenTable(experiment)
    directions: tuple[Direction, ...] = ("denoise", "noise")
    by_direction, scored = {}, list[SiteTokens]()
    for direction in directions:
        turned = views.of(direction, next(iter(experiment.metrics)))
        by_direction[direction], scored = _direction(turned, sites, pairs, table, blobs)
    return {
        "steps": STEPS.round(4).tolist(),
        "metrics": list(experiment.metrics),
        "tokens": table.texts,
        "views": [
            _view(experiment, pair, [of.unpatched(token) for token in table.ids])
            for pair, of in zip(pairs, scored, strict=True)
        ],
        "directions": by_direction,
    }


def _view(experiment: BaseExperiment, pair: ShownPair, tokens: list[list[float]]) -> Message:
    """What share and recovery of a pair are made of, why they are undefined, and its tokens in the unpatched runs."""
    runs = shown_pair.runs(experiment, pair)
    reasons = {
        name: shown_pair.of_pair(reading, experiment, pair).reason
        for name, reading in unpatched(experiment).readings.items()
    }
    ends = {
        name: {
            "clean": runs["clean"]["values"][name],
            "corrupted": runs["corrupted"]["values"][name],
            "noise_floor": experiment.noise_floor[name],
            "reason": reasons[name],
        }
        for name in experiment.metrics
    }
    several = len(experiment.pairs) > 1
    words = {"task": shown_pair.task(experiment, pair), "runs": runs} if several else {}
    certain = _certainly_zero(experiment, number_of(experiment, pair))
    return {"pair": pair, "ends": ends, "unpatched": tokens, "words": words, "zero": certain}


def _certainly_zero(experiment: BaseExperiment, number: int | None) -> Message:
    """Before and after which position a copy changes nothing that a metric reads, of one pair or of all."""
    chosen = range(len(experiment.pairs)) if number is None else [number]
    pairs = [experiment.pairs[i] for i in chosen]
    moved = [i for pair in pairs for i, there in pair.counterparts.items() if i != there]
    alike = len({len(pair) for pair in pairs}) == 1
    read = [experiment.evaluation.read_positions.positions[i][-1] for i in chosen]
    return {
        "before": min([*moved, *(pair.prefix for pair in pairs)]),
        "after": max(read) if alike and not moved else None,
    }


def _direction(
    experiment: BaseExperiment,
    sites: Sequence[str],
    pairs: Sequence[ShownPair],
    table: TokenTable,
    blobs: Blobs,
) -> tuple[Message, list[SiteTokens]]:
    patchable = [site for site in sites if _is_patchable(experiment, site)]
    shown = [number_of(experiment, pair) for pair in pairs]
    n_pairs = len(experiment.pairs)
    parts, scored, scores = [], list[SiteTokens](), [list[Scores]() for _ in pairs]
    at_once = len(patchable)
    if None in shown:
        at_once = max(1, MOST_SCORES // experiment.host.logits.shape[-1])
    for start in range(0, len(patchable), at_once):
        part = patchable[start : start + at_once]
        scored = [SiteTokens(experiment, len(part), each, N_TOP_TOKENS, table) for each in shown]
        parts.append(_swept(experiment, part, scored))
        for of_pair, found in zip(scores, scored, strict=True):
            of_pair += found.scores
    return {
        "sites": patchable,
        "shapes": _shapes(parts[0]),
        "views": [
            {
                "position": len(experiment.pairs[number or 0]) - 1,
                "values": blobs.add(_values(experiment, parts, number)),
                "reach": blobs.add(_reach(parts, number)),
                "scores": of_pair,
            }
            for number, of_pair in zip(shown, scores, strict=True)
        ],
        "intervals": _intervals(experiment, parts, blobs) if len(pairs) > n_pairs else None,
    }, scored


def _is_patchable(experiment: BaseExperiment, site: str) -> bool:
    try:
        for pair in experiment.pairs:
            experiment.sources.places(Patch(site), pair)
    except (CounterpartError, SiteError):
        return False
    return True


def _swept(
    experiment: BaseExperiment, sites: Sequence[str], scored: Sequence[SiteTokens]
) -> GridValues:
    def observe(rows: Sequence[Row], logits: Float[Tensor, "row vocabulary"]) -> None:
        for each in scored:
            each.see(rows, logits)

    grid = make_grid(experiment, SweepRequest(sites=sites))
    sweep = Sweep(experiment, [grid], reach=True, observe=observe)
    for _ in sweep.run():
        pass
    if sweep.progress.left:
        raise Cancelled
    for each in scored:
        each.finish()
    return sweep.grid_values()[0]


def _values(
    experiment: BaseExperiment, parts: Sequence[GridValues], number: int | None
) -> Float[np.ndarray, "site metric"]:
    """Every metric, of one pair or over all."""
    columns = []
    for name in experiment.metrics:
        of_parts = [part.pair_values(experiment, name) for part in parts]
        columns.append(
            np.concatenate(
                [
                    each.over_pairs()["value"] if number is None else each.value[:, number]
                    for each in of_parts
                ]
            )
        )
    return np.stack(columns, axis=1).astype("<f8")


def _intervals(experiment: BaseExperiment, parts: Sequence[GridValues], blobs: Blobs) -> Message:
    """Of each metric the bounds of mean recovery, or why it has none."""
    found: Message = {}
    for name in experiment.metrics:
        of_parts = [part.pair_values(experiment, name) for part in parts]
        intervals = [each.intervals() for each in of_parts]
        bounds = [
            np.concatenate([each[f"recovery_{end}"] for each in intervals]).astype("<f8")
            for end in ("low", "high")
        ]
        found[name] = {
            "bounds": blobs.add(np.stack(bounds)),
            "no_interval": of_parts[0].no_interval or None,
        }
    return found


def _shapes(part: GridValues) -> dict[str, list[int]]:
    assert part.reach is not None
    return {name: list(moved.shape[3:]) for name, moved in part.reach.moved.items()}


def _reach(parts: Sequence[GridValues], number: int | None) -> NDArray[np.uint8]:
    """Along, then size, of every component moved by every site; rounded."""
    found = [_ratios(part.reach, number) for part in parts if part.reach is not None]
    return _rounded(np.concatenate(found, axis=1))


def _ratios(reach: GridReach, number: int | None) -> Float[np.ndarray, "2 site cell"]:
    columns = []
    for component, moved in reach.moved.items():
        apart = reach.apart[component]
        sums, ends = (
            (moved.astype(np.float64).sum(1), apart.sum(0))
            if number is None
            else (moved[:, number].astype(np.float64), apart[number])
        )
        along, size, _ = ratios(sums[:, 0], sums[:, 1], *np.broadcast_arrays(ends[0], ends[1]))
        columns.append(np.stack([along, size]).reshape(2, len(moved), -1))
    return np.concatenate(columns, axis=2)


def _rounded(values: Float[np.ndarray, "*of"]) -> NDArray[np.uint8]:
    """The number of the nearest step; what is not 0 does not become 0."""
    values = values.astype(np.float64)
    after = np.searchsorted(STEPS, values).clip(1, len(STEPS) - 1)
    nearer_before = values - STEPS[after - 1] < STEPS[after] - values
    number = np.where(nearer_before, after - 1, after)
    zero = int(np.searchsorted(STEPS, 0))
    number = np.where((number == zero) & (values > 0), zero + 1, number)
    number = np.where((number == zero) & (values < 0), zero - 1, number)
    return np.where(np.isnan(values), UNDEFINED, number).astype(np.uint8)
