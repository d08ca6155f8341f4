"""A path with its tokens and its reach: the same run whose numbers `exp.path` gives."""

import numpy as np
import pytest

from patchwidgets.errors import PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.methods.paths.sender_maps import make_sender_sweep
from patchwidgets.methods.paths.traced import on_the_way, trace_path
from patchwidgets.models.model import Model
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.rounding import ROUNDING
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
PAIRS = Task(
    ["w3 w14 w15 w9 w26", "w1 w15 w9 w26"], ["w3 w14 w42 w9 w26", "w1 w42 w9 w26"], " w8", " w9"
)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


@pytest.fixture(scope="module")
def experiment(model: Model) -> Experiment:
    return Experiment(model, TASK)


@pytest.mark.parametrize(
    "path",
    [
        "L0.H1->L2.H3.q",
        "L0.H1->L1.KV0.k",
        "L0.mlp_out->L2.KV1.v",
        "L0.H1@2->L1.mlp_in",
        "L1.mlp_out->L2.mlp_in",
        "L0.H0->logits",
        "embed->L1.H2.q@-1",
        "L0.H1->L1.mlp_in->L2.H3.q",
        "L0.H1->L1.KV0.v->logits",
    ],
)
@pytest.mark.parametrize("task", [TASK, PAIRS])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_run_that_is_shown_has_the_numbers_of_the_path(
    model: Model, path: str, task: Task, direction: str
) -> None:
    experiment = Experiment(model, task, direction=direction)
    if "@2" in path and task is PAIRS:
        path = path.replace("@2", "@-1")
    traced, known = trace_path(experiment, path), experiment.path(path)
    assert (traced.value, traced.effect) == pytest.approx((known.value, known.effect), abs=ROUNDING)
    answers = [pair.answers[0] for pair in experiment.pairs]
    foils = [pair.foils[0] for pair in experiment.pairs]
    rows = np.arange(len(answers))
    logits = traced.logits.numpy()
    assert (logits[rows, answers] - logits[rows, foils]).mean() == pytest.approx(
        known.value, abs=1e-4
    )


def test_nothing_before_the_receiver_moves(experiment: Experiment) -> None:
    reach = trace_path(experiment, "L0.H1->L2.H3.q").reach()
    before = reach.size["z"][:2].copy()
    assert np.isnan(before[0, 1]), "the sender, whose change only the receiver sees"
    before[0, 1] = 0
    assert (before == 0).all()
    assert np.isnan(reach.size["attn_out"][0])
    assert reach.size["attn_out"][1] == 0
    assert (reach.size["resid_post"][:2] == 0).all()
    assert reach.size["z"][2, 3] > 0
    assert (reach.size["z"][2, :3] == 0).all()
    assert reach.size["resid_post"][2] > 0


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("L0.H1->logits", {("z", (0, 1)), ("attn_out", (0,))}),
        ("L0.mlp_out->L1.mlp_in->logits", {("mlp_out", (0,)), ("mlp_out", (1,))}),
        # Both heads that share the value see it, and so does what reads them.
        (
            "L0.attn_out->L1.KV1.v->logits",
            {("attn_out", (0,)), ("attn_out", (1,)), ("z", (1, 2)), ("z", (1, 3))},
        ),
        ("embed->L2.H3.q", set()),
    ],
)
def test_what_is_on_the_way_is_not_measured(
    experiment: Experiment, path: str, parts: set[tuple[str, tuple[int, ...]]]
) -> None:
    assert (experiment.model.n_heads, experiment.model.n_kv_heads) == (4, 2)
    traced = trace_path(experiment, path)
    assert set(on_the_way(traced.path, experiment.model)) == parts
    reach = traced.reach()
    assert all(np.isnan(reach.along[component][at]) for component, at in parts)


def test_a_traced_path_shows_tokens_and_lets_its_logits_go(experiment: Experiment) -> None:
    traced = trace_path(experiment, "L0.H1->logits")
    assert len(traced.run_tokens(3)) == 3
    assert len(traced.top_tokens(3)) == 3
    assert not hasattr(traced.without_logits(), "logits")
    assert traced.without_logits().effect == traced.effect


@pytest.mark.parametrize(
    ("component", "over"),
    [("z", ("layer", "head")), ("mlp_out", ("layer", "pos")), ("attn_out", ("layer", "pos"))],
)
@pytest.mark.parametrize("receiver", ["L2.H3.q", "L1.KV1.v", "L1.mlp_in", "logits"])
def test_a_map_of_senders_has_the_numbers_of_each_path(
    experiment: Experiment, component: str, over: tuple[str, ...], receiver: str
) -> None:
    sweep = make_sender_sweep(experiment, SweepRequest(component, over), receiver, batch=3)
    for _ in sweep.run():
        pass
    (values,) = sweep.grid_values()
    assert values.grid.shape == ((3, 4) if over[1] == "head" else (3, 5))
    effects = values.effects["logit_diff"][:, 0]
    for cell, effect, unpatchable in zip(
        values.grid.cells, effects, values.unpatchable, strict=True
    ):
        path = f"{cell[0].site}->{receiver}"
        if unpatchable:
            with pytest.raises(SiteError, match="No path"):
                experiment.path(path)
        else:
            assert effect == pytest.approx(experiment.path(path).effect, abs=1e-5)


def test_what_sends_nothing_is_refused(experiment: Experiment) -> None:
    with pytest.raises(PatchError, match="'resid_pre' sends nothing"):
        make_sender_sweep(experiment, SweepRequest("resid_pre"), "L2.H3.q")
    with pytest.raises(PatchError, match=r"No z writes into the stream before L0\.H1\.q"):
        make_sender_sweep(experiment, SweepRequest("z"), "L0.H1.q")
    with pytest.raises(RefusedError, match="shared with"):
        make_sender_sweep(experiment, SweepRequest("z"), "L2.H3.k")
