"""Paths and edges on SmolLM2, their sums, their files, interruptions and misuse."""

from typing import Any

import numpy as np
import pytest

from patchwidgets.edges import Path
from patchwidgets.errors import CounterpartError, PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.methods.paths.api import make_path_sweep
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.methods.paths.steps import checked_receiver
from patchwidgets.sites import Patch, Site
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task, propose_alignment
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.two_runs import TwoRuns

REFERENCE = {
    "L20.H0->L23.H3.q": -0.3864,
    "L19.H2->L23.H3.q": -0.3096,
    "L20.mlp_out->L23.H3.q": 0.5365,
    "L22.mlp_out->L23.H3.q": -0.1284,
    "L20.mlp_out->L23.KV1.k": -0.6520,
    "L9.mlp_out->L23.KV1.k": 0.6085,
    "L0.mlp_out->L23.KV1.v": 3.2245,
    "L21.mlp_out->L23.KV1.v": 1.7768,
    "L20.H0->L29.H1.q": -0.0338,
    "L23.H3->L29.H1.q": 0.0150,
}


@pytest.fixture(scope="module")
def names_alone(smollm2: Any, names: Task) -> Experiment:
    return Experiment(smollm2, names)


def test_reference_numbers(names_alone: Experiment) -> None:
    result = names_alone.sweep_paths(paths=list(REFERENCE), progress=False)
    assert result.effect.values == pytest.approx(list(REFERENCE.values()), abs=2e-4)
    assert result.site_names() == list(REFERENCE)


def test_one_path_is_what_the_sweep_says(names_alone: Experiment) -> None:
    path = "L20.mlp_out->L23.H3.q->logits"
    alone = names_alone.path("L20.mlp_out", "L23.H3.q", "logits")
    both = names_alone.sweep_paths(paths=[path, "L20.H0->logits"], progress=False)
    assert alone.effect == pytest.approx(float(both.effect[0]), abs=1e-5)
    assert str(alone.path) == path
    assert repr(alone).startswith(f"PathResult({path}, denoise: logit diff ")
    assert alone.value == pytest.approx(names_alone.corrupted.value + alone.effect)


@pytest.mark.parametrize(
    ("case", "receiver"),
    [
        *(("llama", receiver) for receiver in ("L2.H1.q", "L2.KV1.k", "L2.KV1.v")),
        *(("gpt2", receiver) for receiver in ("L2.H1.q", "L2.H1.k", "L1.H1.v")),
        *(("gpt_neox", receiver) for receiver in ("L2.H1.q", "L2.H1.k", "L1.mlp_in")),
        *(("gptj", receiver) for receiver in ("L2.H1.v", "L1.mlp_in")),
    ],
)
def test_all_senders_at_once_are_the_receivers_input_patched(case: str, receiver: str) -> None:
    """The sender that is the whole stream: then the receiver reads what it reads in the source run."""
    experiment = one_pair(make_model(case))
    end = checked_receiver(experiment.model, receiver)
    assert end.component != "mlp_in" or experiment.model.layout.parallel
    before = Site("resid_post", (end.layer or 0) - 1)
    sweep = make_path_sweep(experiment, [Path(before, (end,))])
    assert [part.left for part in sweep.run()][-1] == 0
    effect = sweep.values_of(sweep.grid).effects["logit_diff"][0, 0]
    patched = end.site or Site("mlp_out", end.layer)
    assert effect == pytest.approx(experiment.patch(patched).effect, abs=1e-4)


def test_a_sender_that_does_not_differ_changes_nothing() -> None:
    experiment = one_pair(make_model("llama"))
    result = experiment.sweep_paths(
        paths=["L0.H1@0->L1.H1.q", "L0.H1->L1.H1.q@1", "L0.H1@4->logits"], progress=False
    )
    assert result.effect.values.tolist() == [0.0, 0.0, 0.0]
    assert result.to_xarray()["zero"].values.tolist() == [True, True, True]


@pytest.mark.parametrize("frozen", [("attn", "mlp"), ("attn",)])
def test_embeddings_at_several_positions_are_senders_of_their_own(toy: Any, frozen: Any) -> None:
    task = Task("w3 w14 w15 w9 w26", "w3 w16 w42 w9 w26", " w8", " w9")
    experiment = Experiment(toy, task)
    texts = ["embed@1->L1.mlp_in", "embed@2->L1.mlp_in", "embed->L1.mlp_in", "embed@2->L0.KV0.v"]
    result = experiment.sweep_paths(paths=texts, frozen=frozen, progress=False)
    slow = TwoRuns(experiment, 0, frozen)
    expected = [slow.effect(Path.parse(text)) for text in texts]
    assert result.effect.values == pytest.approx(expected, abs=1e-4)
    assert len({round(effect, 4) for effect in expected}) == 4


def test_senders_of_one_receiver_and_receivers_of_one_sender() -> None:
    experiment = one_pair(make_model("llama"))
    into = experiment.sweep_paths("L1.H2.q", progress=False)
    assert list(into.to_xarray()["sender"].values) == [
        "embed", "L0.H0", "L0.H1", "L0.H2", "L0.H3", "L0.mlp_out",
    ]  # fmt: skip
    of = experiment.sweep_paths(senders="L1.H0", progress=False)
    assert list(of.to_xarray()["receiver"].values) == [
        "L1.mlp_in", "L2.H0.q", "L2.H1.q", "L2.H2.q", "L2.H3.q", "L2.KV0.k", "L2.KV1.k", "L2.KV0.v", "L2.KV1.v",
        "L2.mlp_in", "logits",
    ]  # fmt: skip
    everything = experiment.edges(progress=False)
    same = everything.sel(sender="L1.H0").effect.values
    assert same == pytest.approx(of.effect.values, abs=1e-4)
    assert everything.sel(receiver="L1.H2.q").site_names() == into.site_names()
    n_receivers = len(set(everything.to_xarray()["receiver"].values.tolist()))
    says = rf"This sweep has no receiver L1\.H2; it has {n_receivers} from .* to logits\. Did you mean L1\.H2\.q"
    with pytest.raises(SiteError, match=says):
        everything.sel(receiver="L1.H2")


def test_edges_come_in_parts_within_the_memory_and_the_numbers_are_the_same() -> None:
    experiment = several_pairs(make_model("llama"))
    whole = experiment.edges(progress=False).to_xarray()["effect"].values
    parts = list(experiment.iter_edges(batch=7, budget=2**20))
    assert len(parts) > 20
    assert [part.done for part in parts] == sorted(part.done for part in parts)
    assert parts[-1].left == 0
    last = parts[-1].result.to_xarray()["effect"].values
    assert last == pytest.approx(whole, abs=1e-3)
    plan = experiment.plan_edges()
    assert (plan.sites, plan.runs) == (whole.shape[1], 3 * whole.shape[1] - plan.zero * 3)


def test_a_file_keeps_edges(tmp_path: Any) -> None:
    result = one_pair(make_model("llama")).sweep_paths("L2.mlp_in", progress=False)
    result.save(tmp_path / "edges.nc")
    loaded = SweepResult.load(tmp_path / "edges.nc")
    assert loaded.site_names() == result.site_names()
    assert loaded.sel(sender="L0.H1").effect.values == result.sel(sender="L0.H1").effect.values
    assert repr(loaded) == repr(result)


def test_prompts_of_unlike_length(toy: Any) -> None:
    """A sender reads the counterparts of its positions; where there is none, there is no effect to tell."""
    task = Task(
        ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6"],
        ["w3 w14 w15 w42 w9 w26", "w7 w5 w9 w34 w6"],
        [" w8", " w10"],
        [" w9", " w12"],
    )
    experiment = Experiment(toy, task.aligned(propose_alignment(toy, task)))
    total = experiment.sweep_paths(paths=["L0.H1->L1.mlp_in", "L0.mlp_out->logits"], progress=False)
    assert not np.isnan(total.to_xarray()["effect"].values).any()
    backwards = experiment.turned("noise").sweep_paths("logits", "L0.H1", progress=False)
    assert not np.isnan(backwards.to_xarray()["effect"].values).any()


def test_answers_of_several_tokens(toy: Any) -> None:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8 w9", " w9 w4")
    experiment = Experiment(toy, task, "answer_logprob")
    result = experiment.sweep_paths(paths=["L0.mlp_out->L2.mlp_in"], progress=False)
    path = experiment.path("L0.mlp_out->L2.mlp_in")
    assert path.effect == pytest.approx(float(result.effect[0]), abs=1e-5)
    assert abs(path.effect) > 1e-6


def test_interrupted_edges_keep_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = one_pair(make_model("llama"))
    run_group, calls = PathSweep._run_group, []

    def interrupted(self: Any, *arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        run_group(self, *arguments)

    monkeypatch.setattr(PathSweep, "_run_group", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        experiment.edges(batch=10, progress=False)
    done = int(experiment.interrupted[0].effect.notnull().sum())
    assert done == 20
    assert f"{done} of" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("L2.H1", "L1.H0.q"), SiteError, "No path from L2.H1 to L1.H0.q"),
        (("L0.H1", "L2.H3.k"), RefusedError, "H3 reads KV1, shared with H2–H3. Use L2.KV1.k"),
        (("L0.H1", "L5.mlp_in"), SiteError, "layer 5 is out of range"),
        (("L0.H1", "L2.resid_pre"), SiteError, "receives nothing"),
        (("L0.resid_pre", "logits"), SiteError, "sends nothing"),
        (("L0.H1",), SiteError, "'L0.H1' is no edge"),
        (("L0.H1", "L2.mlp_in@9"), SiteError, "Position 9 is out of range"),
    ],
)
def test_misuse(arguments: Any, error: type[Exception], says: str) -> None:
    experiment = one_pair(make_model("llama"))
    with pytest.raises(error, match=says):
        experiment.path(*arguments)


def test_misuse_of_sweeps() -> None:
    experiment = one_pair(make_model("llama"))
    with pytest.raises(PatchError, match=r"frozen is \('mlp',\); expected \('attn', 'mlp'\)"):
        experiment.path("L0.H1", "logits", frozen=("mlp",))
    with pytest.raises(PatchError, match=r"L0\.H1->logits is asked for twice"):
        experiment.sweep_paths(paths=["L0.H1->logits", "L0.H1 → logits"])
    with pytest.raises(PatchError, match="There is no edge between"):
        experiment.sweep_paths(["L0.H1.q", "L0.H2.q"], ["L1.H0", "L1.H1"])


def test_parallel_blocks_have_no_edge_from_attention_to_their_mlp() -> None:
    experiment = one_pair(make_model("gptj"))
    with pytest.raises(SiteError, match="attention and MLP of a layer run in parallel"):
        experiment.path("L1.H0", "L1.mlp_in")


def test_a_position_without_a_counterpart(toy: Any) -> None:
    task = Task("w3 w14 w15 w16 w9 w26", "w3 w14 w9 w26", " w8", " w9", positions={"X": 2})
    experiment = Experiment(toy, task.aligned(propose_alignment(toy, task)))
    with pytest.raises(CounterpartError):
        experiment.path("L0.H1@X", "logits")


def test_the_source_of_a_patch_is_not_changed_by_paths() -> None:
    experiment = one_pair(make_model("llama"))
    before = experiment.patch(Patch("L1.H1")).effect
    experiment.edges(progress=False)
    assert experiment.patch(Patch("L1.H1")).effect == before
