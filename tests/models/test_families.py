"""Every family of models, every parameter random: what the components are to each other must hold as numbers.

The relations are independent of the hooks' own arithmetic: patching all that enters a sum must equal patching the sum.
"""

import copy

import pytest
import torch

from patchwidgets.errors import RefusedError
from patchwidgets.facade import Experiment
from patchwidgets.models.architectures import ARCHITECTURES
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import (
    CASES,
    D_MODEL,
    DISCOVERED,
    N_HEADS,
    N_LAYERS,
    VOCABULARY,
    random_model,
)
from tests.support.toy_models import assert_same_logits, count_hooks, has
from tests.support.toy_tokenizer import toy_tokenizer

LAST = N_LAYERS - 1


@pytest.fixture(scope="module", params=CASES)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    model = Model(random_model(request.param), toy_tokenizer(VOCABULARY))
    task = Task("w3 w14 w15 w9 w26 w5 w35", "w3 w14 w42 w9 w26 w7 w35", " w8", " w9", {"first": 2})
    return Experiment(model, task)


def test_every_record_is_tried() -> None:
    assert {family for family, _ in CASES.values()} - DISCOVERED.keys() == set(ARCHITECTURES)
    assert not DISCOVERED.keys() & ARCHITECTURES.keys()


def sites(experiment: Experiment, *components: str, layers: range = range(N_LAYERS)) -> list[str]:
    return [f"L{layer}.{component}" for layer in layers for component in components]


def test_the_checks_pass_and_the_sizes_are_right(experiment: Experiment) -> None:
    model = experiment.model
    assert model.checks.passed, str(model.checks)
    assert (model.n_layers, model.n_heads, model.d_model) == (N_LAYERS, N_HEADS, D_MODEL)
    assert model.run("w1 w2 w3")["L1.z"].shape == (1, 3, N_HEADS, D_MODEL // N_HEADS)
    assert len(model.sites("z")) == N_LAYERS * N_HEADS


def test_patching_a_run_with_itself_changes_nothing(experiment: Experiment) -> None:
    for component in experiment.model.components:
        site = "embed" if component == "embed" else f"L1.{component}"
        result = experiment.patch(Patch(site, source="host"))
        assert_same_logits(result.logits, experiment.host.logits, 1e-6)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_first_residual_everywhere_is_the_source(
    experiment: Experiment, direction: str
) -> None:
    turned = experiment.turned(direction)  # type: ignore[arg-type]
    for site in ("L0.resid_pre", "L1.resid_pre", f"L{LAST}.resid_post"):
        assert_same_logits(turned.patch(site).logits, turned.source.logits, 1e-6)


def test_the_last_residual_elsewhere_than_at_the_end_is_exactly_nothing(
    experiment: Experiment,
) -> None:
    assert torch.equal(
        experiment.patch(f"L{LAST}.resid_post@first").logits, experiment.patch().logits
    )


def test_all_that_is_added_to_the_stream_is_the_source(experiment: Experiment) -> None:
    added = sites(experiment, "attn_out", "mlp_out")
    assert_same_logits(experiment.patch("L0.resid_pre", *added).logits, experiment.source.logits)
    assert_same_logits(
        experiment.patch("L1.resid_pre", *added[2:]).logits, experiment.patch("L1.resid_pre").logits
    )


def test_all_heads_together_are_the_attention_output(experiment: Experiment) -> None:
    heads = [f"L1.H{head}" for head in range(N_HEADS)]
    joint = experiment.patch(*heads)
    assert_same_logits(joint.logits, experiment.patch("L1.z").logits, 1e-6)
    assert_same_logits(joint.logits, experiment.patch("L1.attn_out").logits)
    assert (joint.logits - experiment.host.logits).abs().max() > 1e-2


def test_all_neurons_together_are_the_mlp_output(experiment: Experiment) -> None:
    if not has(experiment, "neuron"):
        with pytest.raises(RefusedError, match="mixture of experts"):
            experiment.patch("L1.neuron")
        return
    neurons = experiment.patch("L1.neuron").logits
    assert_same_logits(neurons, experiment.patch("L1.mlp_out").logits)
    before = (
        ["L1.neuron_pre", "L1.neuron_up"] if has(experiment, "neuron_up") else ["L1.neuron_pre"]
    )
    assert_same_logits(neurons, experiment.patch(*before).logits)
    assert (neurons - experiment.host.logits).abs().max() > 1e-2


def test_the_stream_between_attention_and_mlp(experiment: Experiment) -> None:
    if not has(experiment, "resid_mid"):
        with pytest.raises(
            RefusedError, match=r"No L1.resid_mid here: attention and MLP run in parallel"
        ):
            experiment.patch("L1.resid_mid")
        return
    middle = experiment.patch("L1.resid_mid").logits
    assert_same_logits(middle, experiment.patch("L1.resid_pre", "L1.attn_out").logits)
    assert_same_logits(middle, experiment.source.logits)


def test_one_position_of_one_head(experiment: Experiment) -> None:
    """Against activations put together by hand, of which only one row and one head come from the source."""
    host, source = experiment.host["L1.z"], experiment.source["L1.z"]
    mixed = host.clone()
    mixed[0, 4, 2] = source[0, 4, 2]
    by_hand = experiment.patch(Patch("L1.z", source=mixed))
    assert torch.equal(experiment.patch("L1.H2@4").logits, by_hand.logits)
    assert torch.equal(experiment.patch("L1.H2@-3").logits, by_hand.logits)
    assert torch.equal(experiment.patch("L1.H2@4:5").logits, by_hand.logits)


def test_the_model_is_left_as_it_was(experiment: Experiment) -> None:
    hf_model = experiment.model.hf_model
    weights = copy.deepcopy(hf_model.state_dict())
    ids = torch.tensor([experiment.pairs[0].clean])
    before = hf_model(ids).logits
    hooks = count_hooks(hf_model)

    def fails(_host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        raise KeyboardInterrupt

    experiment.patch("L1.H2", "L0.mlp_out@2")
    with pytest.raises(KeyboardInterrupt):
        experiment.patch("L0.attn_out", Patch("L1.H1", fn=fails))
    assert count_hooks(hf_model) == hooks
    assert torch.equal(hf_model(ids).logits, before)
    assert all(torch.equal(weights[name], value) for name, value in hf_model.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype: torch.dtype) -> None:
    model = Model(random_model("llama", dtype), toy_tokenizer(VOCABULARY))
    task = Task("w3 w14 w15 w9", "w3 w14 w42 w9", " w8", " w9")
    experiment = Experiment(model, task)
    tolerance = 1e-12 if dtype == torch.float64 else 0.06
    assert_same_logits(experiment.patch("L1.resid_pre").logits, experiment.source.logits, tolerance)
    largest = float(experiment.clean.logits.abs().max())
    assert experiment.noise_floor["logit_diff"] >= torch.finfo(dtype).eps * largest
