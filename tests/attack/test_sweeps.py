"""Random sweeps of random tasks: every cell is one patch; what a choice of neurons missed is within its bound."""

from functools import cache
from random import Random
from typing import Any

import numpy as np
from scipy.stats import binom

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sweep.grid import Grid, make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.families import N_HEADS, N_LAYERS, VOCABULARY
from tests.support.sweeps import assert_same, sweep
from tests.support.toy_models import make_model

CASES = ("llama", "gpt2", "gemma2", "bloom", "phi3", "mixtral", "mistral, narrow window", "gptj")
ONE_TOKEN = ("answer_logit", "rank")
CELLS = 12
"""Each is patched on its own as well, so that a round stays short."""

model = cache(make_model)


def test_every_cell_of_a_random_sweep_is_one_patch(attack: Attack) -> None:
    for rng in attack("sweeps against patches", 12):
        experiment = random_experiment(rng, model(rng.choice(CASES)))
        grids = [random_grid(rng, experiment) for _ in range(rng.randint(1, 2))]
        options: dict[str, Any] = rng.choice(
            [{}, {"batch": rng.randint(1, 9)}, {"budget": 10.0 ** rng.randint(0, 7)}]
        )
        savings = Savings(*(rng.random() < 0.8 for _ in range(4)), rng.choice([0, 32]))
        for grid_values in sweep(experiment, *grids, savings=savings, **options):
            assert_same(experiment, grid_values)


def test_what_a_choice_missed_is_within_its_bound(attack: Attack) -> None:
    """The bound may be exceeded in one of twenty samples, so it is the number of such samples that can fail."""
    tried = exceeded = 0
    for rng in attack("choices of neurons", 6):
        case = model(rng.choice(["llama", "gpt2", "gemma2", "phi3"]))
        experiment = random_experiment(rng, case, ["logit_diff", "answer_logprob", "kl"])
        exact = experiment.sweep("neuron", progress=False)
        sizes = dict(zip(exact.site_names(), np.abs(exact.effect.values.ravel()), strict=True))
        if max(sizes.values()) == 0:
            continue
        top = pw.Top(rng.randint(5, 40), rng.randint(10, 60), rng.randrange(99))
        chosen = experiment.sweep("neuron", top=top, progress=False)
        again = experiment.sweep("neuron", top=top, progress=False)
        k = rng.randint(1, 5)
        missed, names = chosen.missed(k), chosen.site_names()
        assert missed == again.missed(k)
        assert (len(names), missed.sampled) == (top.n, top.sampled)
        for name, effect in zip(names, np.abs(chosen.effect.values), strict=True):
            assert abs(effect - sizes[name]) <= 1e-3 * max(1.0, sizes[name])
        limit = sorted(sizes[name] for name in names)[-k]
        others = [name for name in sizes if name not in set(names)]
        assert missed.others == len(others)
        assert all(name in others and sizes[name] >= 0.999 * limit - 1e-3 for name in missed.larger)
        tried += 1
        exceeded += sum(sizes[name] > limit + 1e-3 for name in others) > missed.upper
        assert binom.sf(exceeded - 1, tried, 0.05) > 1e-6, f"{exceeded} of {tried} bounds exceeded"


def random_experiment(rng: Random, of: Model, metrics: list[str] | None = None) -> Experiment:
    """One to three pairs of several lengths, answers of one token and several, in either direction."""
    n_pairs = rng.randint(1, 3)
    clean = [[word(rng) for _ in range(rng.randint(2, 7))] for _ in range(n_pairs)]
    corrupted = [changed(rng, prompt) for prompt in clean]
    has_foil = metrics is not None or rng.random() < 0.8
    answers = [alternatives(rng) for _ in clean]
    foils = [alternatives(rng) for _ in clean] if has_foil else None
    named = {"place": [rng.randrange(len(prompt)) for prompt in clean]}
    task = Task(
        *([" ".join(p) for p in each] for each in (clean, corrupted)), answers, foils, named
    )
    several = any(len(text.split()) > 1 for each in answers + (foils or []) for text in each)
    if metrics is None:
        known = pw.metrics.available_metrics(has_foil, several)
        metrics = [*rng.sample(list(known), rng.randint(1, len(known))), "kl@place"]
        metrics = rng.sample(metrics, len(metrics))
    return Experiment(of, task, metrics, rng.choice(["denoise", "noise"]))  # type: ignore[arg-type]


def alternatives(rng: Random) -> tuple[str, ...]:
    """One to three answers of one to three tokens; some begin alike, but none with another one."""
    first, kept = word(rng), list[list[str]]()
    for _ in range(rng.randint(1, 3)):
        length = rng.randint(0, 2)
        answer = [rng.choice([first, word(rng)]), *(word(rng) for _ in range(length))]
        if all(answer[: len(each)] != each[: len(answer)] for each in kept):
            kept.append(answer)
    return tuple("".join(f" {each}" for each in answer) for answer in kept)


def changed(rng: Random, prompt: list[str]) -> list[str]:
    """The same prompt with one word or several exchanged."""
    other = list(prompt)
    for i in rng.sample(range(len(prompt)), rng.randint(1, min(2, len(prompt)))):
        other[i] = word(rng, other[i])
    return other


def word(rng: Random, instead_of: str = "") -> str:
    return rng.choice([w for w in (f"w{i}" for i in range(3, VOCABULARY)) if w != instead_of])


def random_grid(rng: Random, experiment: Experiment) -> Grid:
    if rng.random() < 0.4:
        sites = [joint(rng, experiment) for _ in range(rng.randint(1, CELLS))]
        return make_grid(experiment, SweepRequest(sites=sites))
    component = rng.choice(["resid_pre", "attn_out", "mlp_out", "z"])
    layers = rng.sample(range(N_LAYERS), rng.randint(1, N_LAYERS))
    unit = ("head",) if component == "z" and rng.random() < 0.7 else ()
    over = ("layer", *unit, *rng.choice([(), ("pos_name",)]))
    window = rng.choice([1, 1, 2])
    return make_grid(experiment, SweepRequest(component, over, layers=layers, window=window))  # type: ignore[arg-type]


def joint(rng: Random, experiment: Experiment) -> list[Patch]:
    """One patch or several at different sites, from any source."""
    has = experiment.model.components
    units = ["z", "attn_out", "mlp_out", "resid_pre", "resid_post", "v", "q", "pattern", "neuron"]
    wanted = {
        (rng.choice([unit for unit in units if unit in has]), rng.randrange(N_LAYERS))
        for _ in range(rng.randint(1, 3))
    }
    return [a_patch(rng, component, layer) for component, layer in sorted(wanted)]


def a_patch(rng: Random, component: str, layer: int) -> Patch:
    head = rng.randrange(N_HEADS)
    unit = {
        "z": f"H{head}",
        "q": f"H{head}.q",
        "pattern": rng.choice([f"H{head}.pattern", "pattern"]),
        "neuron": f"N{rng.randrange(40)}",
    }.get(component, component)
    site = f"L{layer}.{unit}{rng.choice(['', '@-1', '@place', '@0', '@1:'])}"
    source: Any = rng.choice(["source", "source", "clean", "corrupted", "host"])
    if rng.random() < 0.3:
        return Patch(site, source, lambda host, source: host + 0.7 * (source - host))
    return Patch(site, source)
