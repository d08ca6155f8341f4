"""The circuits of the trained model: the helix with its controls, and the few heads that carry a task.

Every choice is made on one part of the data (the numbers that are fitted, validation pairs) and reported on another
(the numbers held out of the fit, test pairs).
"""

from collections.abc import Sequence
from itertools import combinations

import patchwidgets as pw
from patchwidgets import helix
from patchwidgets.sites import Site

SITES = ("L0.resid_pre", "L0.resid_post", "L1.resid_post", "L2.resid_post")
CANDIDATES = 6
"""How many heads, those of the largest share, `choose_heads` considers."""
PAIRS = 200


def helix_figures(model: pw.Model) -> dict[str, object]:
    """Choose the site where the helix is judged; compute R² with its controls, and the effect of patching the fit."""
    fitted, held_out = helix.hold_out(helix.NUMBERS)
    site = choose_site(model, fitted)
    activations = helix.number_activations(model, site)
    exp = pw.Experiment(model, additions_with(held_out))
    line = helix.fit_numbers(fitted, activations[fitted], helix.LINE)
    wave = helix.fit_numbers(fitted, activations[fitted])
    numbers = helix.operands(exp.task)[:, 0]
    table = helix.compare_patches(
        exp,
        f"{site}@a",
        {
            "helix": wave.predict(helix.HELIX.features(numbers)),
            "line": line.predict(helix.LINE.features(numbers)),
            "PCA": helix.pca_reconstruction(
                activations[fitted], activations[numbers], len(helix.HELIX)
            ),
        },
    )
    return {
        "site": site,
        "r2": helix.compare(helix.NUMBERS, activations, held_out),
        "share_of_true_patch": table["share"].to_list()[0],
        "relative_effect": {name: float(value) for name, value in table["relative"].items()},
        "spectrum": helix.spectrum(activations).strongest(50),
        "r2_by_site": {each: site_r2(model, each, fitted, held_out) for each in SITES},
    }


def additions_with(numbers: Sequence[int], n: int = 100) -> pw.Task:
    """Draw test pairs in which the clean `a` is one of some numbers, for example of those that no fit has seen."""
    task = pw.tasks.addition(50 * n, seed=2, part="test")
    chosen = [i for i, a in enumerate(helix.operands(task)[:, 0]) if a in numbers][:n]
    return task[chosen]


def choose_site(model: pw.Model, fitted: Sequence[int]) -> str:
    """Choose the site where the helix fits best, among those where patching `a` still matters.

    The fit is judged by cross-validation on the numbers that are fitted. `a` matters where patching it moves the
    corrupted run at least half of the way to the clean run, on validation pairs.
    """
    exp = pw.Experiment(model, pw.tasks.addition(100, seed=1, part="validation"))
    causal = [site for site in SITES if exp.patch(f"{site}@a").share >= 0.5]
    features = helix.HELIX.features(fitted)
    return max(
        causal,
        key=lambda site: helix.cross_validated_r2(
            features, helix.number_activations(model, site, fitted)
        ),
    )


def site_r2(model: pw.Model, site: str, fitted: Sequence[int], held_out: Sequence[int]) -> float:
    """Compute R² of the helix on the held-out numbers."""
    wave = helix.fit_numbers(fitted, helix.number_activations(model, site, fitted))
    return wave.r2(helix.HELIX.features(held_out), helix.number_activations(model, site, held_out))


def head_figures(model: pw.Model, validation: pw.Task, test: pw.Task) -> dict[str, object]:
    """Choose up to three heads on validation pairs; measure them and all other heads jointly on test pairs."""
    chosen = choose_heads(pw.Experiment(model, validation))
    exp = pw.Experiment(model, test)
    single = {str(site): exp.patch(site).share for site in model.sites("z")}
    return {
        "heads": [str(site) for site in chosen],
        "joint": exp.patch(*chosen).share,
        "others": exp.patch(*others(model, chosen)).share,
        "single": {name: share for name, share in single.items() if abs(share) >= 0.02},
    }


def choose_heads(exp: pw.Experiment) -> tuple[Site, ...]:
    """Choose the smallest set of up to three heads that is nearly the best.

    A set is as good as its joint share minus the joint share of all other heads; nearly is within 0.02.
    """
    heads = sorted(exp.model.sites("z"), key=lambda site: -exp.patch(site).share)[:CANDIDATES]
    sets = [each for size in (1, 2, 3) for each in combinations(heads, size)]
    margin = {
        each: exp.patch(*each).share - exp.patch(*others(exp.model, each)).share for each in sets
    }
    best = max(margin.values())
    return next(
        each
        for each in sorted(sets, key=lambda s: (len(s), -margin[s]))
        if margin[each] >= best - 0.02
    )


def others(model: pw.Model, heads: Sequence[Site]) -> list[Site]:
    return [site for site in model.sites("z") if site not in heads]


def circuit_figures(model: pw.Model) -> dict[str, object]:
    """Compute every figure that the card gives about circuits."""
    ioi = pw.tasks.ioi
    return {
        "helix": helix_figures(model),
        "names": head_figures(
            model, ioi(PAIRS, seed=1, part="validation"), ioi(PAIRS, seed=2, part="test")
        ),
        "induction": head_figures(
            model, pw.tasks.induction(PAIRS, seed=1), pw.tasks.induction(PAIRS, seed=2)
        ),
    }
