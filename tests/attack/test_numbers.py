"""Attacks on numbers: undefined exactly where they must be, intervals around their point, optimal alignments."""

import random
from itertools import pairwise

import numpy as np
import torch

from patchwidgets.facade import Experiment
from patchwidgets.metrics import METRICS
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.tasks import Task
from patchwidgets.tasks.alignment import propose_columns
from tests.attack.conftest import Attack
from tests.support.families import N_LAYERS
from tests.support.toy_models import make_model

FAMILIES = ("llama", "gpt2", "gemma2", "mixtral", "gpt_neox", "opt")
DTYPES = (torch.float32, torch.bfloat16, torch.float64)


def words(rng: random.Random, n: int) -> list[str]:
    return [f"w{rng.randrange(4, 40)}" for _ in range(n)]


def random_model(rng: random.Random) -> Model:
    """A family in a dtype; torch multiplies no experts in float64."""
    family = rng.choice(FAMILIES)
    return make_model(family, rng.choice(DTYPES[:2] if family == "mixtral" else DTYPES))


def random_experiment(rng: random.Random, n_pairs: int) -> Experiment:
    """Prompts of one length per pair; some pairs differ in a word that is read late or hardly matters."""
    pairs = []
    for _ in range(n_pairs):
        clean = words(rng, rng.randint(3, 8))
        corrupted = list(clean)
        corrupted[rng.randrange(1, len(clean))] = f"w{rng.randrange(40, 56)}"
        pairs.append((" ".join(clean), " ".join(corrupted)))
    task = Task(*(list(each) for each in zip(*pairs, strict=True)), " w8", " w9")
    model = random_model(rng)
    return Experiment(model, task, list(METRICS), rng.choice(["denoise", "noise"]))  # type: ignore[arg-type]


def test_recovery_is_undefined_exactly_within_the_floor(attack: Attack) -> None:
    for rng in attack("recoveries within the noise floor", 6):
        experiment = random_experiment(rng, rng.randint(1, 4))
        result = experiment.patch(f"L{rng.randrange(N_LAYERS)}.resid_pre@{-rng.randint(1, 3)}")
        for name, reading in result.readings.items():
            floor = experiment.noise_floor[name]
            apart = np.abs(reading.clean - reading.corrupted) > floor
            assert np.array_equal(np.isfinite(reading.per_pair.recovery), apart)
            assert np.array_equal(np.isfinite(reading.per_pair.share), apart)
            metric = reading.metric
            defined = abs(metric.mean(reading.clean) - metric.mean(reading.corrupted)) > floor
            assert np.isfinite(reading.recovery) == defined == (reading.reason is None)


def test_patching_a_run_with_itself_is_within_the_floor(attack: Attack) -> None:
    for rng in attack("patches that change nothing", 6):
        experiment = random_experiment(rng, rng.randint(1, 4))
        site = (
            f"L{rng.randrange(N_LAYERS)}.{rng.choice(['resid_pre', 'attn_out', 'mlp_out', 'H1'])}"
        )
        for name, reading in experiment.patch(Patch(site, "host")).readings.items():
            assert abs(reading.effect) <= experiment.noise_floor[name]


def test_reach_is_undefined_in_what_both_prompts_begin_with(attack: Attack) -> None:
    for rng in attack("reach in equal beginnings", 6):
        start, n = words(rng, rng.randint(1, 4)), rng.randint(1, 4)
        clean = [*start, "w41", *words(rng, n), "w5"]
        corrupted = [*start, "w42", *words(rng, rng.randint(1, 4)), "w5"]
        task = Task(" ".join(clean), " ".join(corrupted), " w8", " w9")
        task = task.aligned(list(propose_columns(clean, corrupted)))
        model = random_model(rng)
        pos = rng.randrange(len(start))
        push = Patch(f"L0.resid_pre@{pos}", fn=lambda host, _source: host * 1.5)
        reach = (
            Experiment(model, task, direction=rng.choice(["denoise", "noise"]))
            .patch(push)
            .reach(pos)
        )
        for ratios in (reach.along, reach.size, reach.cos):
            assert all(np.isnan(each).all() for each in ratios.values())


def test_intervals_contain_their_point(attack: Attack) -> None:
    for rng in attack("intervals over pairs", 200):
        numbers, pairs = np.random.default_rng(rng.getrandbits(32)), rng.randint(1, 30)
        scale, zero = 10.0 ** rng.randint(-6, 6), rng.random() < 0.2
        corrupted = scale * numbers.standard_cauchy(pairs)
        clean = corrupted + (
            0 if zero else scale * numbers.exponential(size=pairs) * rng.choice([1, -1])
        )
        value = corrupted + numbers.normal(0.5, 1, (3, pairs)) * (clean - corrupted)
        found = PairValues(
            value, value - corrupted, clean, corrupted, 1e-9 * scale, "denoise", rng.random() < 0.1
        )
        centre, bounds = found.over_pairs(), found.intervals()
        for name in ("effect", "recovery"):
            low, high = bounds[f"{name}_low"], bounds[f"{name}_high"]
            assert np.array_equal(np.isnan(low), np.isnan(high))
            if found.no_interval:
                assert np.isnan(low).all()
                continue
            known = ~np.isnan(low)
            assert known.all() or name == "recovery"
            slack = 1e-9 * (1 + np.abs(centre[name])) + 1e-9 * scale * (name == "effect")
            assert (low - slack <= centre[name])[known].all()
            assert (centre[name] <= high + slack)[known].all()


def longest_common(clean: list[str], corrupted: list[str]) -> int:
    """The length of the longest common subsequence, by the textbook's table."""
    table = [[0] * (len(corrupted) + 1) for _ in range(len(clean) + 1)]
    for i, a in enumerate(clean, 1):
        for j, b in enumerate(corrupted, 1):
            longer = max(table[i - 1][j], table[i][j - 1])
            table[i][j] = table[i - 1][j - 1] + 1 if a == b else longer
    return table[-1][-1]


def test_alignments_share_as_many_tokens_as_possible(attack: Attack) -> None:
    for rng in attack("alignments of edited prompts", 300):
        letters = "abcdefgh"[: rng.randint(2, 8)]
        clean = [rng.choice(letters) for _ in range(rng.randint(1, 25))]
        corrupted = list(clean)
        for _ in range(rng.randint(1, 6)):
            i = rng.randrange(len(corrupted) + 1)
            corrupted[i : i + rng.randint(0, 3)] = [rng.choice(letters)] * rng.randint(0, 3)
        clean, corrupted = [*clean, "."], [*corrupted, "."]
        columns = propose_columns(clean, corrupted)
        assert all(a < c and b < d for (a, b), (c, d) in pairwise(columns))
        if len(clean) != len(corrupted):
            shared = sum(clean[i] == corrupted[j] for i, j in columns)
            assert shared == longest_common(clean, corrupted)
