"""One call for each figure of the paper, against slow ways, on models of which the answer is known."""

import numpy as np
import pytest
import torch

from patchwidgets import helix, sources
from patchwidgets.errors import PatchError, SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.helix import CIRCLES, HELIX, LINE, Basis
from patchwidgets.helix.answers import AnswerErrors
from patchwidgets.helix.operands import random_operands
from patchwidgets.helix.representations import last_activations
from patchwidgets.sites import Patch, Site
from patchwidgets.tasks import Task, addition
from tests.support.number_families import LAYERS as FAMILY_LAYERS
from tests.support.number_families import number_family
from tests.support.number_model import LAYERS

NUMBERS = list(helix.NUMBERS)


# ---- figure 2 -------------------------------------------------------------------------------


def test_the_first_component_of_a_line_and_a_circle():
    """A line of variance 100² / 12 along one axis, and a circle of radius 1: nothing else is in the first component."""
    n = np.arange(100)
    circle = Basis((10,), 0).features(n)
    first = helix.first_component(np.column_stack([-n, circle]), n)
    assert first.r2 == pytest.approx(1, abs=1e-4)
    assert first.variance == pytest.approx(n.var() / (n.var() + 1), abs=1e-3)
    assert first.slope == pytest.approx(
        1, abs=1e-3
    )  # towards larger numbers, though the axis is −n
    assert first.constant == pytest.approx(-49.5, abs=0.1)
    frame = first.to_frame()
    assert frame["value"].to_numpy() == pytest.approx(n - 49.5, abs=0.2)
    assert frame["line"].to_numpy() == pytest.approx(n - 49.5, abs=0.2)


def test_a_circle_is_not_linear():
    first = helix.first_component(Basis((10,), 0).features(NUMBERS))
    assert first.r2 < 0.05
    assert first.variance == pytest.approx(0.5)


def test_the_spectrum_of_a_site(model):
    found = helix.number_spectrum(model, "L0.resid_pre", range(100))
    activations = helix.number_activations(model, "L0.resid_pre")
    assert found.power == pytest.approx(helix.spectrum(activations).power)
    assert found.first.values == pytest.approx(helix.first_component(activations).values)
    assert str(found.site) == "L0.resid_pre"
    assert found.to_frame()["power"].sum() == pytest.approx(1)
    assert helix.number_spectrum(model).numbers == tuple(range(200))


# ---- splits ---------------------------------------------------------------------------------


def test_splits_are_those_that_one_would_make_by_hand():
    rng = np.random.default_rng(0)
    noisy = HELIX.features(NUMBERS) @ rng.standard_normal((8, 30))
    noisy += rng.standard_normal(noisy.shape)
    table = helix.compare_splits(NUMBERS, noisy, splits=4, sets=3)
    single = [
        helix.compare(NUMBERS, noisy, helix.hold_out(NUMBERS, 20, seed)[1], 3, seed)
        for seed in range(4)
    ]
    for name in ("helix", "random periods", "PCA"):
        values = [each[name] for each in single]
        expected = [np.mean(values), np.std(values, ddof=1), min(values), max(values)]
        assert table.loc[name].tolist() == pytest.approx(expected)
    assert table["mean"].is_monotonic_decreasing
    with pytest.raises(TaskError, match="splits is 1; expected at least 2"):
        helix.compare_splits(NUMBERS, noisy, splits=1)


# ---- figures 3 and 4 ------------------------------------------------------------------------


def test_a_helix_that_was_put_in_does_all_that_the_truth_does(model, exp):
    fits = helix.compare_by_layer(exp, component="resid_pre", bases={"helix": HELIX, "line": LINE})
    assert fits.fits == ("true", "helix", "line", "PCA")
    assert fits.layers == tuple(range(LAYERS))
    assert fits.r2[0] == pytest.approx([1, 1, fits.r2[0, 2], 1], abs=1e-4)
    assert fits.relative[0, [0, 1, 3]] == pytest.approx([1, 1, 1], abs=1e-3)
    assert fits.r2[0, 2] < 0.5
    assert abs(fits.relative[0, 2] - 1) > 0.05
    true = exp.patch("L0.resid_pre@a")
    assert fits.effect[0, 0] == pytest.approx(true.effect)
    assert fits.share[0, 0] == pytest.approx(true.share)
    assert fits.low[0, 0] < true.effect < fits.high[0, 0]


def test_each_number_is_predicted_without_it(model, exp):
    """By hand, fold by fold, with scikit-learn's own split."""
    from sklearn.model_selection import KFold

    activations = helix.number_activations(model, "L2.resid_post")
    predicted = np.empty_like(activations)
    for seen, unseen in KFold(5, shuffle=True, random_state=3).split(NUMBERS):
        fitted = helix.fit_numbers(seen, activations[seen], CIRCLES)
        predicted[unseen] = fitted.predict(CIRCLES.features(unseen))
    a = helix.operands(exp.task)[:, 0]
    expected = helix.patch_values(exp, "L2.resid_post@a", predicted[a])
    fits = helix.compare_by_layer(exp, bases={"circles": CIRCLES}, layers=[2], seed=3)
    assert fits.effect[0, 1] == pytest.approx(expected.effect)
    assert fits.r2[0, 1] == pytest.approx(helix.r2(activations, predicted))


def test_the_other_operand_metric_and_direction(exp):
    bases = {"helix": HELIX}
    fits = helix.compare_by_layer(exp, "b", "resid_pre", bases, [0], metric="answer_logit")
    true = exp.measuring("answer_logit").patch("L0.resid_pre@b").effect
    assert fits.metric == "answer_logit"
    assert fits.effect[0] == pytest.approx([true, true, true], abs=1e-3)
    noise = helix.compare_by_layer(exp.flip(), component="resid_pre", bases=bases, layers=[0])
    assert noise.direction == "noise"
    assert noise.effect[0] == pytest.approx(
        [exp.flip().patch("L0.resid_pre@a").effect] * 3, abs=1e-3
    )


def test_cost_is_what_the_documentation_says(exp, monkeypatch):
    """For each layer a patched pass with the truth and with each fit; before that one pass over the numbers."""
    patched, runs = [], []
    from patchwidgets.experiment.patching import run_patch

    def counted(*arguments):
        patched.append(arguments)
        return run_patch(*arguments)

    model_run = type(exp.model).run

    def counted_run(self, prompts, **arguments):
        runs.append(len(prompts))
        return model_run(self, prompts, **arguments)

    monkeypatch.setattr("patchwidgets.helix.layer_fits.run_patch", counted)
    monkeypatch.setattr("patchwidgets.helix.causal.run_patch", counted)
    monkeypatch.setattr(type(exp.model), "run", counted_run)
    helix.compare_by_layer(exp)
    assert (len(patched), runs) == (LAYERS * 6, [100])
    patched.clear()
    runs.clear()
    helix.fit_by_layer(exp, n_fit=60, n_test=20)
    assert (len(patched), runs) == (LAYERS * 7, [80])


def test_signs_are_kept(exp):
    """Of an experiment whose answer and foil are exchanged, every effect has the other sign."""
    task = exp.task
    turned = Experiment(
        exp.model, Task(task.clean, task.corrupted, task.foil, task.answer, task.positions)
    )
    one, other = (
        helix.compare_by_layer(each, bases={"line": LINE}, layers=[0, 1]).effect
        for each in (exp, turned)
    )
    assert one == pytest.approx(-other, abs=1e-4)
    assert np.abs(one).max() > 0.1


def test_a_template_with_a_beginning(model):
    template = "1+1=2 {a}+{b}="
    exp = Experiment(model, addition(8, varies="both", template=template))
    with pytest.raises(TaskError, match=r"the task's prompts begin with .* Give template= with"):
        helix.compare_by_layer(exp, layers=[0])
    fits = helix.compare_by_layer(
        exp, component="resid_pre", layers=[0], bases={"helix": HELIX}, template="1+1=2 {n}+0="
    )
    assert fits.relative[0] == pytest.approx([1, 1, 1], abs=1e-3)


def test_what_compare_by_layer_refuses(exp, model):
    with pytest.raises(PatchError, match="component is 'z'; expected one of resid_pre, "):
        helix.compare_by_layer(exp, component="z")
    with pytest.raises(TaskError, match="operand is 'c'; expected 'a' or 'b'"):
        helix.compare_by_layer(exp, "c")
    with pytest.raises(
        TaskError, match=r"The prompts have a = .*none of the 5 numbers that are fitted"
    ):
        helix.compare_by_layer(exp, numbers=range(5))
    unnamed = Experiment(model, Task("12+34=", "13+34=", "46", "47"))
    with pytest.raises(SiteError, match="names no position 'a'"):
        helix.compare_by_layer(unnamed)


# ---- figures 5 and 7 ------------------------------------------------------------------------


@pytest.mark.parametrize("component", ["resid_post", "mlp_out"])
def test_fits_by_layer_are_those_of_single_calls(exp, component):
    fits = helix.fit_by_layer(exp, component, layers=[2, 0], n_fit=300, n_test=60, seed=5)
    assert (fits.layers, fits.pos) == ((2, 0), -1)
    assert fits.fits == ("true", "a", "b", "a,b", "a+b", "all", "PCA")
    clean = helix.operands(exp.task)
    pairs = random_operands(360, 5, exclude=clean.tolist())
    (activations,) = last_activations(exp.model, [Site(component, 2)], pairs)
    for name, terms in {"a+b": ("a+b",), "a,b": ("a", "b")}.items():
        features = helix.sums(HELIX, pairs, terms)
        fitted = helix.fit(features[:300], activations[:300])
        expected = helix.patch_values(
            exp, f"L2.{component}@-1", fitted.predict(helix.sums(HELIX, clean, terms))
        )
        column = fits.fits.index(name)
        assert fits.effect[0, column] == pytest.approx(expected.effect)
        assert fits.r2[0, column] == pytest.approx(fitted.r2(features[300:], activations[300:]))
    frame = fits.to_frame()
    assert len(frame) == 2 * 7
    assert frame.loc[
        (frame["layer"] == 0) & (frame["fit"] == "true"), "effect"
    ].item() == pytest.approx(exp.patch(f"L0.{component}@-1").effect)


def test_pca_of_few_dimensions_is_the_truth(exp):
    """The model has 24 dimensions, and the fit of a, b and a+b has 24 features."""
    fits = helix.fit_by_layer(exp, layers=[1], n_fit=100, n_test=50)
    assert fits.relative[0, -1] == pytest.approx(1, abs=1e-3)
    assert fits.r2[0, -1] == pytest.approx(1)


# ---- figure 9 -------------------------------------------------------------------------------


def test_neurons_are_kept_and_the_rest_is_at_its_mean(exp):
    """By hand: hooks of torch before each down projection write the mean of the clean run beside the chosen neurons."""
    curve = helix.keep_neurons(exp, (4, 60, 120), n_random=2, seed=1)
    means = [exp.clean[f"L{layer}.neuron@-1"][:, 0].mean(0) for layer in range(LAYERS)]
    reading = curve["logit_diff"]
    for circuit, value in zip(curve.circuits, reading.circuits, strict=True):
        assert value == pytest.approx(ablated_by_hand(exp, means, circuit), abs=1e-4)
    assert [len(circuit) for circuit in curve.circuits] == curve.n_kept == [4, 60, 120]
    assert reading.nothing == pytest.approx(ablated_by_hand(exp, means, ()), abs=1e-4)
    assert curve.faithfulness[-1] == pytest.approx(1)
    assert reading.random.shape == (3, 2, 12)
    assert reading.random[-1] == pytest.approx(reading.circuits[-1][None].repeat(2, 0))
    assert not np.allclose(reading.random[0, 0], reading.random[0, 1])


def ablated_by_hand(exp, means, kept) -> np.ndarray:
    """The logit difference of the clean prompts."""
    hooks = []
    for layer, (block, mean) in enumerate(zip(exp.model.hf_model.model.layers, means, strict=True)):
        chosen = [site.index for site in kept if site.layer == layer]

        def write(_, inputs, mean=mean, chosen=chosen):
            changed = inputs[0].clone()
            changed[:, -1] = mean
            changed[:, -1, chosen] = inputs[0][:, -1, chosen]
            return (changed,)

        hooks.append(block.mlp.down_proj.register_forward_pre_hook(write))
    try:
        with torch.no_grad():
            ids = torch.tensor([pair.clean for pair in exp.pairs])
            logits = exp.model.hf_model(ids).logits[:, -1]
    finally:
        for hook in hooks:
            hook.remove()
    rows = range(len(exp.pairs))
    answers, foils = ([getattr(p, name)[0] for p in exp.pairs] for name in ("answers", "foils"))
    return (logits[rows, answers] - logits[rows, foils]).numpy()


def test_neurons_with_the_largest_estimates_are_kept(exp):
    estimated = {}
    for layer in range(LAYERS):
        sweep = exp.flip().sweep(
            sites=[f"L{layer}.N{i}@-1" for i in range(exp.model.d_mlp)], progress=False
        )
        estimated |= {
            (layer, i): abs(effect) for i, effect in enumerate(sweep.effect.values.tolist())
        }
    curve = helix.keep_neurons(exp, (10, 120), n_random=0)
    kept = [(site.layer, site.index) for site in curve.circuits[0]]
    ranks = sorted(estimated, key=lambda each: -estimated[each])
    # The estimate is not the effect, but most of the ten largest are among the first thirty.
    assert len(set(kept) & set(ranks[:30])) >= 7


def test_counts_and_layers_of_kept_neurons(exp):
    curve = helix.keep_neurons(exp, layers=[1], n_random=0)
    assert curve.n_kept == [1, 2, 5, 10, 20, 40]
    assert {site.layer for site in curve.circuits[-1]} == {1}
    nothing = exp.flip().patch(Patch("L1.neuron@-1", sources.mean(per="pos_name")))
    assert curve["logit_diff"].nothing == pytest.approx(nothing.per_pair.value, abs=1e-5)
    for counts in ((5,), (5, 2), (0, 5), (5, 10_000)):
        with pytest.raises(
            PatchError, match="expected at least two numbers of neurons that grow, from 1"
        ):
            helix.keep_neurons(exp, counts)


# ---- figures 8 and 10 -----------------------------------------------------------------------


def test_a_neuron_map_has_the_neuron_itself(exp):
    fits = helix.fit_neurons(exp, 1, n_fit=200, n_test=50)
    found = helix.neuron_map(exp.model, "L1.N7.neuron_pre", fits, numbers=[3, 40, 99])
    assert found.true.shape == found.fitted.shape == (3, 3)
    own = exp.model.run("40+3=")["L1.N7.neuron_pre@-1"].item()
    assert found.true[1, 0] == pytest.approx(own, abs=1e-5)
    assert found.fitted[1, 0] == pytest.approx(fits.predict([(40, 3)])[0, 7])
    row = found.to_frame().iloc[3]
    assert row.tolist() == [40, 3, found.true[1, 0], found.fitted[1, 0]]
    assert helix.neuron_map(exp.model, "L1.N7", numbers=[3]).fitted is None
    for site, what in (("L2.N7.neuron_pre", fits), ("L1.N7", fits), ("L1.mlp_out", None)):
        with pytest.raises(
            PatchError, match="Expected one neuron of the component that was fitted"
        ):
            helix.neuron_map(exp.model, site, what)


def test_roles_have_exact_effects(exp):
    fits = [helix.fit_neurons(exp, layer, n_fit=200, n_test=50) for layer in (2, 0)]
    roles = helix.neuron_roles(exp, *fits, n=15)
    frame = roles.to_frame()
    assert len(frame) == 15
    assert frame["total"].abs().is_monotonic_decreasing
    for row in frame.head(4).itertuples():
        site = f"L{row.layer}.N{row.neuron}@-1"
        assert row.total == pytest.approx(exp.patch(site).effect, abs=1e-4)
        assert row.direct == pytest.approx(helix.direct(exp, site).effect, abs=1e-4)
        assert row.directness == pytest.approx(row.direct / row.total, rel=0.05)
        fit = fits[0 if row.layer == 2 else 1].to_frame().loc[row.neuron]
        assert (row.sum_part, row.r2) == (fit["sum_part"], fit["r2"])
    last = frame[frame["layer"] == LAYERS - 1]
    assert last["directness"].tolist() == pytest.approx([1] * len(last), abs=0.01)
    assert (frame["total"] < 0).any()
    with pytest.raises(PatchError, match="Expected fits of different layers"):
        helix.neuron_roles(exp, fits[0], fits[0])


# ---- errors ---------------------------------------------------------------------------------


def made_up(right, said, n_numbers=199, logits=None) -> AnswerErrors:
    task = Task(["1+1="] * len(right), ["1+2="] * len(right), "2", "3")
    given = np.zeros((len(right), n_numbers)) if logits is None else logits
    first = np.ones(len(right), dtype=bool)
    return AnswerErrors(np.array(right), np.array(said), first, given, task)


def test_errors_are_counted():
    errors = made_up([50, 50, 60, 70, 100, 120], [50, 51, 59, 60, 0, 127])
    assert errors.accuracy == pytest.approx(1 / 6)
    table = errors.off_by()
    assert table.loc[[1, 2, 10, 100, "others"], ["below", "above"]].values.tolist() == [
        *([1, 1], [0, 0], [1, 0], [1, 0], [0, 1]),
    ]
    assert table["share"].sum() == pytest.approx(5 / 6)
    assert errors.table()["pairs"].to_dict() == {1: 1, -1: 1, -10: 1, -100: 1, 7: 1}
    assert errors.to_frame()["off"].tolist() == [0, 1, -1, -10, -100, 7]


def test_waves_in_logits_are_found_at_their_period():
    """Logits that are a wave of period 10 round the right number, which is itself far above."""
    right = np.arange(50, 150)
    numbers = np.arange(200)
    logits = np.cos(2 * np.pi * (numbers - right[:, None]) / 10) + 100 * (numbers == right[:, None])
    waves = made_up(right, right, 200, logits).waves()
    assert waves.strongest(1) == waves.spectrum.strongest(1)
    assert [period for period, _ in waves.strongest(9, longest=2.1)][-1] >= 2
    assert max(period for period, _ in waves.strongest(9, longest=2.1)) <= 2.1
    assert waves.spectrum.strongest(1)[0][0] == 10
    assert waves.spectrum.strongest(1)[0][1] > 0.9
    at = dict(zip(waves.offsets.tolist(), waves.logits, strict=True))
    assert at[10] - at[5] == pytest.approx(2, abs=1e-6)
    assert at[0] - at[10] == pytest.approx(100, abs=1e-6)
    counts = dict(zip(waves.offsets.tolist(), waves.n_pairs.tolist(), strict=True))
    assert (counts[0], counts[-50], counts[-51], counts[149]) == (100, 100, 99, 1)
    assert waves.to_frame().shape == (len(waves.offsets), 3)
    with pytest.raises(TaskError, match="Waves are looked for from 50 below"):
        made_up([3], [3], 20).waves()


def test_answers_of_a_run_are_read_from_its_logits(model, exp):
    errors = helix.answer_errors(exp)
    tokens = [model.tokenizer.convert_tokens_to_ids(f"▁{n}") for n in range(200)]
    expected = exp.clean.logits[:, tokens].argmax(-1).tolist()
    assert errors.said.tolist() == expected
    assert errors.right.tolist() == [int(answer) for answer in exp.task.answer]
    assert errors.logits == pytest.approx(exp.clean.logits[:, tokens].numpy())


def test_a_patch_of_everything_gives_the_answers_of_its_source(exp):
    """In direction noise these are those of the corrupted prompts."""
    last = f"L{LAYERS - 1}.resid_post@-1"
    denoised, noised = (helix.answer_errors(each.patch(last)) for each in (exp, exp.flip()))
    assert denoised.said.tolist() == helix.answer_errors(exp).said.tolist()
    assert noised.right.tolist() == [int(foil) for foil in exp.task.foil]


def test_answers_that_are_no_numbers(model):
    with pytest.raises(TaskError, match="Expected one number in digits as the answer of each pair"):
        helix.answer_errors(Experiment(model, Task("12+34=", "13+34=", "mod", "47")))


# ---- on models of the paper's families --------------------------------------------------------


@pytest.fixture(scope="module", params=["gptj", "gpt_neox"])
def family(request) -> Experiment:
    model = number_family(request.param)
    return Experiment(model, addition(6, varies="both", model=model), "answer_logit")


def test_every_figure_on_a_family_of_the_paper(family):
    """Of vocabularies of the real sizes. The weights are random, so numbers are compared with definitions alone."""
    model = family.model
    spectrum = helix.number_spectrum(model)
    assert spectrum.numbers == tuple(range(500))
    assert helix.number_spectrum(model, "L0.resid_post", range(361)).numbers[-1] == 360
    by_layer = helix.compare_by_layer(family)
    assert by_layer.effect.shape == (FAMILY_LAYERS, 6)
    assert by_layer.effect[0, 0] == pytest.approx(family.patch("L0.resid_post@a").effect)
    fits = helix.fit_by_layer(family, "mlp_out", n_fit=100, n_test=30)
    assert fits.effect[1, 0] == pytest.approx(family.patch("L1.mlp_out@-1").effect)
    neurons = helix.fit_neurons(family, 1, n_fit=100, n_test=30)
    roles = helix.neuron_roles(family, neurons, n=5).to_frame()
    assert roles["directness"].dropna().tolist() == pytest.approx(
        [1] * roles["directness"].notna().sum(), abs=0.02
    )
    curve = helix.keep_neurons(family, (5, 80), n_random=1)
    assert curve.faithfulness[-1] == pytest.approx(1)
    assert helix.neuron_map(model, "L1.N3.neuron_pre", neurons, range(12)).true.shape == (12, 12)
    assert len(helix.sort_heads(family, min_share=-10, n_fit=60)) == 2 * 3
    effects = helix.layer_effects(family, metric="answer_prob")
    assert effects["total"].iloc[0] == pytest.approx(
        family.measuring("answer_prob").patch("L0.attn_out@-1").effect, abs=1e-6
    )
    errors = helix.answer_errors(family)
    assert errors.logits.shape[1] == len(helix.single_token_numbers(model))
