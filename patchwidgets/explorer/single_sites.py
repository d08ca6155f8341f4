"""All single sites of some components, recorded for a saved page: every metric, top tokens and reach, in columns.

Costs a late pass for each site, many in one: 25 s for SmolLM2's 1,620 sites and directions. Values are exact; reach is
rounded (`STEPS`), since most of a page would be its digits, and logits and probabilities to six digits.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from patchwidgets.directions import Direction
from patchwidgets.errors import CounterpartError, SiteError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import unpatched
from patchwidgets.explorer import shown_pair
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.messages import Message
from patchwidgets.explorer.shown_pair import N_TOP_TOKENS, number_of
from patchwidgets.explorer.views import Views
from patchwidgets.sites import Component, Patch

COMPONENTS: tuple[Component, ...] = ("z", "attn_out", "mlp_out", "resid_pre")
"""What the maps of an explorer show; of these a page has all sites that the model has."""
AT_ONCE = 64
"""Sites whose logits are in memory together."""
DIGITS = 6

_UP = [*np.arange(0, 1.5, 0.01), *np.geomspace(1.5, 30, 48)]
_DOWN = [*np.arange(0.01, 0.3, 0.01), *np.geomspace(0.3, 10, 24)]
STEPS: Float[NDArray[np.float64], "step"] = np.array(
    sorted({*(-each for each in _DOWN), -0.001, 0.001, *_UP})
)
"""What a reach is rounded to: hundredths up to 1.5, and 7 % beyond (downwards 17 %, from −0.3 on). No more than 255."""
UNDEFINED = 255


@dataclass(eq=False)
class _Tokens:
    """Next tokens, each once, with their scores in the unpatched runs where somebody compares them."""

    texts: list[str] = field(default_factory=list)
    unpatched: dict[int, list[float]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(self, token: str) -> int:
        """Which token it is."""
        if token not in self._numbers:
            self._numbers[token] = len(self.texts)
            self.texts.append(token)
        return self._numbers[token]


def single_sites(views: Views, components: Sequence[Component], pair: ShownPair) -> Message:
    """Patch each site of some components alone, in both directions; errors as of `Experiment.patch`.

    Returns
    -------
    dict
        As ``js/src/comm/recorded-sites.ts`` reads it.
    """
    experiment, tokens = views.experiment, _Tokens()
    known = [each for each in components if each not in experiment.model.refused]
    sites = _sites(experiment, known)
    directions: tuple[Direction, ...] = ("denoise", "noise")
    by_direction = {each: _direction(views, each, sites, pair, tokens) for each in directions}
    return {
        "pair": pair,
        "steps": STEPS.round(4).tolist(),
        "metrics": _metrics(experiment, pair),
        "tokens": tokens.texts,
        "unpatched": tokens.unpatched,
        "directions": by_direction,
    }


def _sites(experiment: BaseExperiment, components: Sequence[Component]) -> list[str]:
    """Heads and layers at all positions, and layers at each position that all prompts have."""
    n_positions = min(len(pair) for pair in experiment.pairs)
    alike = all(len(pair) == n_positions for pair in experiment.pairs)
    found: list[str] = []
    for component in components:
        for site in experiment.model.sites(component):
            found.append(str(site))
            if component != "z" and alike:
                found += [str(site.at(pos)) for pos in range(n_positions)]
    return found


def _is_patchable(experiment: BaseExperiment, site: str) -> bool:
    try:
        for pair in experiment.pairs:
            experiment.sources.places(Patch(site), pair)
    except (CounterpartError, SiteError):
        return False
    return True


def _metrics(experiment: BaseExperiment, pair: ShownPair) -> Message:
    """What share and recovery are made of, and why they are undefined."""
    runs = shown_pair.runs(experiment, pair)
    reasons = {
        name: shown_pair.of_pair(reading, experiment, pair).reason
        for name, reading in unpatched(experiment).readings.items()
    }
    return {
        name: {
            "clean": runs["clean"]["values"][name],
            "corrupted": runs["corrupted"]["values"][name],
            "noise_floor": experiment.noise_floor[name],
            "reason": reasons[name],
        }
        for name in experiment.metrics
    }


def _direction(
    views: Views, direction: Direction, sites: Sequence[str], pair: ShownPair, tokens: _Tokens
) -> Message:
    experiment = views.of(direction, next(iter(views.experiment.metrics)))
    patchable = [site for site in sites if _is_patchable(experiment, site)]
    patching, shown = views.patching(views.edits), number_of(experiment, pair)
    values, reach, scores = [], [], []
    shapes, position = dict[str, list[int]](), 0
    for start in range(0, len(patchable), AT_ONCE):
        cells = [[Patch(site)] for site in patchable[start : start + AT_ONCE]]
        for outcome in patching.run(experiment, cells):
            readings = [
                shown_pair.of_pair(each, experiment, pair) for each in outcome.readings.values()
            ]
            values.append([each.value for each in readings])
            moved = outcome.reach(pair=shown)
            shapes = {name: list(each.shape) for name, each in moved.along.items()}
            position = moved.pos
            reach.append([_rounded(moved.along), _rounded(moved.size)])
            scores.append(_scores(outcome, shown, tokens))
    return {
        "sites": patchable,
        "values": _text(np.array(values, dtype="<f8")),
        "order": list(experiment.metrics),
        "reach": _text(np.array(reach, dtype=np.uint8).transpose(1, 0, 2)),
        "shapes": shapes,
        "position": position,
        "scores": scores,
    }


def _rounded(moved: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """The number of the nearest step; what is not 0 does not become 0."""
    values = np.concatenate([each.ravel() for each in moved.values()]).astype(np.float64)
    after = np.searchsorted(STEPS, values).clip(1, len(STEPS) - 1)
    nearer_before = values - STEPS[after - 1] < STEPS[after] - values
    number = np.where(nearer_before, after - 1, after)
    zero = int(np.searchsorted(STEPS, 0))
    number = np.where((number == zero) & (values > 0), zero + 1, number)
    number = np.where((number == zero) & (values < 0), zero - 1, number)
    return np.where(np.isnan(values), UNDEFINED, number).astype(np.uint8)


def _scores(outcome: PatchResult, shown: int | None, tokens: _Tokens) -> list[list[list[float]]]:
    """The next tokens of the patched run, and those that are compared: number, logit and probability of each."""
    compared = []
    for row in outcome.top_tokens(N_TOP_TOKENS, shown):
        number = tokens.number(row.token)
        of_runs = [row.clean.logit, row.clean.prob, row.corrupted.logit, row.corrupted.prob]
        tokens.unpatched.setdefault(number, list(map(_short, of_runs)))
        compared.append([number, _short(row.patched.logit), _short(row.patched.prob)])
    top = [
        [tokens.number(each.token), _short(each.logit), _short(each.prob)]
        for each in outcome.run_tokens(N_TOP_TOKENS, shown)
    ]
    return [top, compared]


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def _text(array: NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
