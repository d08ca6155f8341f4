"""Sweeps against one full forward pass per site: equal to the noise floor, whatever is left out."""

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.errors import PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import cancellable
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sweep import continuation as sweep_continuation
from patchwidgets.sweep import passes as sweep_passes
from patchwidgets.sweep import sweep as sweep_sweep
from patchwidgets.sweep.grid import Grid, cell_names, make_grid
from patchwidgets.sweep.progress import GridValues
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task
from tests.support.families import CASES, N_HEADS, N_LAYERS, VOCABULARY, random_model
from tests.support.sweeps import APART
from tests.support.toy_tokenizer import toy_tokenizer
from tests.test_families import count_hooks

PLAIN = {case for case, (family, _) in CASES.items() if family in ("bloom", "gpt_bigcode")}
"""Families that size something by the first batch, so that no rows can join."""
WINDOWED = ("mistral", "gemma2", "gemma3_text", "qwen2", "phi3", "starcoder2", "gpt_neo")
METRICS = ["logit_diff", "kl"]


def make_model(case: str, dtype: torch.dtype = torch.float32, **config: Any) -> Model:
    return Model(random_model(case, dtype, **config), toy_tokenizer(VOCABULARY), case)


def one_pair(model: Model, metrics: list[str] = METRICS) -> Experiment:
    task = Task("w3 w14 w15 w9 w26 w5 w35", "w3 w14 w42 w9 w26 w7 w35", " w8", " w9", {"first": 2})
    return Experiment(model, task, metrics)


def several_pairs(model: Model, metrics: list[str] = METRICS) -> Experiment:
    """Two lengths; first differences at 1, 3 and 2."""
    clean = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6", "w3 w14 w42 w9 w26 w7 w35"]
    corrupted = ["w3 w16 w15 w9 w26", "w7 w5 w9 w34 w6", "w3 w14 w43 w9 w26 w7 w35"]
    places = {"subject": [1, 3, 2], "end": [4, 4, 6]}
    return Experiment(
        model,
        Task(clean, corrupted, [" w8", " w10", " w11"], [" w9", " w12", " w13"], places),
        metrics,
    )


def sweep(experiment: Experiment, *grids: Grid, **options: Any) -> list[GridValues]:
    made = Sweep(experiment, grids, **options)
    for _ in made.run():
        pass
    assert made.progress.left == 0
    return made.grid_values()


def one_by_one(experiment: Experiment, grid: Grid) -> dict[str, np.ndarray]:
    """Values of one full forward pass per cell, ``[cell, pair]`` by metric."""
    results = [experiment.patch(*patches) for patches in grid.cells]
    return {
        name: np.array([result.readings[name].patched for result in results])
        for name in experiment.metrics
    }


def assert_same(experiment: Experiment, grid_values: GridValues, tolerance: float = 1e-4) -> None:
    """To rounding of logits whose size is that of these models' (a few dozen)."""
    size = max(1.0, float(experiment.host.logits.abs().max()))
    for name, expected in one_by_one(experiment, grid_values.grid).items():
        gap = np.abs(grid_values.values[name] - expected).max()
        assert gap <= tolerance * size, f"{name}: off by {gap}"


def every_grid(experiment: Experiment) -> Iterator[Grid]:
    has = experiment.model.components
    for component in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"):
        if component in has:
            yield make_grid(experiment, SweepRequest(component, ("layer", "pos_name")))
    yield make_grid(experiment, SweepRequest("z"))
    yield make_grid(experiment, SweepRequest("attn_out"))
    yield make_grid(experiment, SweepRequest("mlp_out", window=2))
    yield make_grid(experiment, SweepRequest("embed", ("pos_name",)))
    yield make_grid(experiment, SweepRequest(sites=list(odd_sites(experiment))))


def odd_sites(experiment: Experiment) -> Iterator[Any]:
    """Joint patches, other sources, functions, single neurons."""
    yield ["L0.H1", "L2.mlp_out@-1"]
    yield ["L1.z", Patch("L1.H2", "host")]
    yield [Patch("L0.attn_out@0", fn=lambda host, _source: host + 1), "L1.resid_pre@0:2"]
    yield Patch("L1.mlp_out@1", "clean", lambda host, source: host + 2 * (source - host))
    yield Patch("L0.H0@-2", torch.zeros(1))
    yield Patch("L2.attn_out", torch.ones(1))
    if "neuron" in experiment.model.components:
        yield ["L1.N3", "L1.N7@-1", "L2.N1.neuron_pre"]


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("make", [one_pair, several_pairs])
def test_every_family_equals_one_forward_per_site(model: Model, make: Any, direction: Any) -> None:
    experiment = make(model).turned(direction)
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values)
        assert grid_values.method == ("plain" if model.name in PLAIN else "descent")


def test_every_position_of_one_pair(model: Model) -> None:
    experiment = one_pair(model)
    grids = [
        make_grid(experiment, SweepRequest(component, ("layer", "pos")))
        for component in ("resid_pre", "attn_out", "mlp_out")
    ]
    heads = make_grid(experiment, SweepRequest("z", ("layer", "head", "pos")))
    assert heads.shape == (N_LAYERS, N_HEADS, 7)
    for grid_values in sweep(experiment, *grids, heads):
        assert_same(experiment, grid_values)
        assert (
            grid_values.effects["logit_diff"].reshape(*grid_values.grid.shape)[..., :2] == 0
        ).all()


@pytest.mark.parametrize("case", WINDOWED)
def test_prompts_longer_than_the_window(case: str) -> None:
    config = {"window_size": 3} if case == "gpt_neo" else {"sliding_window": 3}
    model = make_model(case, **config)
    words = [f"w{i}" for i in (3, 14, 15, 9, 26, 5, 35, 8, 10, 22, 11)]
    other = [*words[:3], "w40", *words[4:]]
    experiment = Experiment(model, Task(" ".join(words), " ".join(other), " w8", " w9"), METRICS)
    grids = [
        make_grid(experiment, SweepRequest(component, ("layer", "pos")))
        for component in ("resid_pre", "attn_out")
    ]
    for grid_values in sweep(experiment, *grids):
        assert_same(experiment, grid_values)


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2"])
def test_float64(case: str) -> None:
    experiment = several_pairs(make_model(case, torch.float64))
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values, 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_to_its_own_floor(case: str) -> None:
    """Two spacings of the largest logit, or what unpatched rows of the same passes show, if that is more."""
    experiment = several_pairs(make_model(case, torch.bfloat16))
    largest = max(float(run.logits.abs().max()) for run in (experiment.clean, experiment.corrupted))
    two_spacings = 2 * 2.0 ** (math.floor(math.log2(largest)) - 7)
    effects = []
    for grid_values in sweep(experiment, *every_grid(experiment)):
        for name, expected in one_by_one(experiment, grid_values.grid).items():
            floor = grid_values.noise_floor[name]
            assert np.abs(grid_values.values[name] - expected).max() <= floor, name
            assert floor <= 2 * two_spacings, name
            effects.append(np.abs(grid_values.effects[name]).max() / floor)
    assert max(effects) > 2, "nothing would show"


@pytest.mark.parametrize("case", ["llama", "mixtral", "bloom"])
def test_sources_recorded_on_their_own(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with many prompts; few run beside the host's."""
    monkeypatch.setattr(sweep_passes, "RECORDED_TOGETHER", 0)
    experiment = several_pairs(make_model(case))
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values)


@pytest.mark.parametrize("metrics", [["logit_diff"], ["rank", "answer_prob"]])
@pytest.mark.parametrize("off", ["equal", "cone", "descent", "unembed"])
@pytest.mark.parametrize("case", ["llama", "gemma2", "cohere"])
def test_each_saving_changes_nothing(case: str, off: str, metrics: list[str]) -> None:
    experiment = several_pairs(make_model(case), metrics)
    grids = list(every_grid(experiment))
    whole = sweep(experiment, *grids)
    less = sweep(experiment, *grids, savings=replace(APART, **{off: False}))
    size = float(experiment.host.logits.abs().max())
    for one, other in zip(whole, less, strict=True):
        for name in metrics:
            assert one.effects[name] == pytest.approx(other.effects[name], abs=1e-5 * size)


def test_no_savings_at_all_is_a_batch_of_whole_prompts(model: Model) -> None:
    experiment = several_pairs(model)
    grid = make_grid(experiment, SweepRequest("z"))
    none = replace(APART, equal=False, cone=False, descent=False, unembed=False)
    made = Sweep(experiment, [grid], savings=none)
    assert made.plan().zero == 0
    list(made.run())
    assert_same(experiment, made.grid_values()[0])


@pytest.fixture
def llama() -> Experiment:
    return one_pair(make_model("llama"))


def test_few_rows_join_an_earlier_group(llama: Experiment) -> None:
    """In the last layer heads begin at the last position, where a pass of their own would not pay."""
    grid = make_grid(llama, SweepRequest("z"))
    assert Sweep(llama, [grid], savings=APART).plan().groups == 2
    made = Sweep(llama, [grid])
    assert made.plan().groups == 1
    list(made.run())
    assert_same(llama, made.grid_values()[0])


def test_the_plan_counts_what_is_zero_for_certain(llama: Experiment) -> None:
    """By hand: 3 layers × 7 positions, the first two equal; in the last layer only position 6 is read."""
    plan = Sweep(llama, [make_grid(llama, SweepRequest("resid_pre"))], savings=APART).plan()
    assert (plan.sites, plan.zero, plan.runs, plan.method) == (21, 6, 15, "descent")
    plan = Sweep(
        llama, [make_grid(llama, SweepRequest("mlp_out", ("layer", "pos")))], savings=APART
    ).plan()
    assert (plan.sites, plan.zero, plan.runs) == (21, 3 * 2 + 4, 11)
    plan = Sweep(llama, [make_grid(llama, SweepRequest("z"))], savings=APART).plan()
    assert (plan.sites, plan.zero, plan.runs) == (12, 0, 12)
    assert "12 sites, 0 of them exactly 0 for certain; 12 runs" in repr(plan)
    pairs = several_pairs(llama.model)
    plan = Sweep(pairs, [make_grid(pairs, SweepRequest("z"))], savings=APART).plan()
    assert (plan.sites, plan.runs) == (12, 36)


def test_what_is_zero_for_certain_is_exactly_zero(llama: Experiment) -> None:
    sites = [
        "L0.resid_pre@0",
        "L1.H2@1",
        f"L{N_LAYERS - 1}.mlp_out@2",
        f"L{N_LAYERS - 1}.resid_post@:6",
        Patch("L1.mlp_out", "host"),
        Patch("L1.mlp_out", "corrupted"),
    ]
    (grid_values,) = sweep(llama, make_grid(llama, SweepRequest(sites=sites)))
    assert (grid_values.effects["logit_diff"] == 0).all()
    assert (grid_values.values["kl"] == llama.evaluation.values["corrupted"]["kl"]).all()


def test_an_earlier_patch_of_another_kind_takes_equal_activations_seriously(
    llama: Experiment,
) -> None:
    """Before the prompts differ, the source's value still undoes what a function changed."""
    variant = [Patch("L0.mlp_out@0", fn=lambda host, _source: host + 5), "L1.resid_pre@0"]
    (grid_values,) = sweep(llama, make_grid(llama, SweepRequest(sites=[variant])))
    assert_same(llama, grid_values)


def test_a_small_batch_gives_the_same(llama: Experiment) -> None:
    grid = make_grid(llama, SweepRequest("z", ("layer", "head", "pos")))
    (whole,) = sweep(llama, grid)
    (split,) = sweep(llama, grid, batch=5)
    assert split.effects["kl"] == pytest.approx(whole.effects["kl"], abs=1e-4)
    assert Sweep(llama, [grid], batch=5, savings=APART).plan().groups == 11


def test_a_small_budget_splits_groups_and_pairs() -> None:
    experiment = several_pairs(make_model("llama"))
    grid = make_grid(experiment, SweepRequest("z"))
    roomy, tight = (Sweep(experiment, [grid], budget=b, savings=APART) for b in (2**26, 2**16))
    assert tight.plan().groups > roomy.plan().groups
    assert tight.plan().memory <= 2**16
    list(tight.run())
    assert_same(experiment, tight.grid_values()[0])


def test_there_is_one_recording_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = several_pairs(make_model("llama"))
    made = Sweep(
        experiment, [make_grid(experiment, SweepRequest("z"))], budget=2**16, savings=APART
    )
    before, held = sweep_sweep.record, []

    def watched(*args: Any) -> None:
        held.append(made._recording)
        before(*args)

    monkeypatch.setattr(sweep_sweep, "record", watched)
    list(made.run())
    assert held == [None] * len(made._pair_batches)
    assert len(held) > 1


def test_out_of_memory_halves_the_group(llama: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    descend = sweep_sweep.descend

    def small(*args: Any) -> Any:
        group = args[2]
        sizes.append(len(group.rows))
        if len(group.rows) > 4:
            raise torch.OutOfMemoryError("out of memory")
        return descend(*args)

    monkeypatch.setattr(sweep_sweep, "descend", small)
    (grid_values,) = sweep(llama, make_grid(llama, SweepRequest("z")))
    assert sizes == [8, 4, 4, 4]
    assert_same(llama, grid_values)


def test_any_other_error_is_an_error(llama: Experiment) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("out of luck")

    hooks = count_hooks(llama.model.hf_model)
    with pytest.raises(RuntimeError, match="out of luck"):
        sweep(llama, make_grid(llama, SweepRequest(sites=[Patch("L1.H2", fn=fails)])))
    assert count_hooks(llama.model.hf_model) == hooks


def test_cancelled_within_a_layer_and_nothing_done_is_lost(llama: Experiment) -> None:
    unwanted = threading.Event()
    made = Sweep(llama, [make_grid(llama, SweepRequest("resid_pre"))], savings=APART)
    with cancellable(unwanted):
        running = made.run()
        next(running)
        first = next(running)
        block = llama.model.layout.blocks[1]
        handle = block.register_forward_pre_hook(lambda *_: unwanted.set())
        assert list(running) == []
        handle.remove()
    assert 0 < first.done == made.progress.done < first.total
    (grid_values,) = made.grid_values()
    expected = one_by_one(llama, grid_values.grid)["logit_diff"]
    done = ~np.isnan(grid_values.values["logit_diff"])
    assert done.sum() == first.done
    assert grid_values.values["logit_diff"][done] == pytest.approx(expected[done], abs=1e-3)


def test_the_most_telling_positions_come_first(llama: Experiment) -> None:
    """Tokens differ at 2 and 5; 6 is the last."""
    made = Sweep(llama, [make_grid(llama, SweepRequest("resid_pre"))], savings=APART)
    order: list[int] = []
    for _ in made.run():
        done = ~np.isnan(made.grid_values()[0].effects["kl"]).reshape(N_LAYERS, 7)[0]
        order += [pos for pos in range(7) if done[pos] and pos not in order]
    assert order[:2] == [0, 1]
    assert order.index(2) < order.index(4)


def test_which_way_is_chosen_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "patchwidgets")
    for case, says in (("llama", "go on from recorded"), ("bloom", "run whole prompts")):
        experiment = one_pair(make_model(case))
        for _ in range(2):
            Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], savings=APART)
        assert [record.message for record in caplog.records if says in record.message] != []
        assert len([r for r in caplog.records if case in r.message]) == 1


def test_a_wrong_continuation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = one_pair(make_model("llama"))
    descend = sweep_continuation.descend

    def wrong(*args: Any, **options: Any) -> Any:
        ends = descend(*args, **options)
        ends.hidden[2] *= 1.01
        return ends

    monkeypatch.setattr(sweep_continuation, "descend", wrong)
    assert (
        Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], savings=APART).method
        == "plain"
    )


@pytest.mark.parametrize(
    ("request_", "error", "says"),
    [
        (SweepRequest(), PatchError, "needs a component"),
        (SweepRequest("z", sites=["L1.H2"]), PatchError, "one of the two"),
        (SweepRequest("z", ("layer", "neuron")), SiteError, "expected some of layer, head, pos"),
        (SweepRequest("z", ("head",)), SiteError, "runs over layers"),
        (
            SweepRequest("resid_pre", ("layer", "pos", "pos_name")),
            SiteError,
            "one of pos and pos_name",
        ),
        (SweepRequest("mlp_out", window=0), PatchError, "at least 1"),
        (SweepRequest("mlp_out", layers=[3]), SiteError, "layer 3 is out of range"),
        (SweepRequest(sites="L1.H2"), PatchError, "as a list"),
        (SweepRequest(sites=["L1.H9"]), SiteError, "head 9 is out of range"),
    ],
)
def test_wrong_requests_say_what_was_expected(
    llama: Experiment, request_: SweepRequest, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        make_grid(llama, request_)


def test_positions_that_do_not_correspond_are_refused() -> None:
    experiment = several_pairs(make_model("llama"))
    with pytest.raises(SiteError, match=r"5 to 7 tokens.*pos_name"):
        make_grid(experiment, SweepRequest("resid_pre"))
    parallel = one_pair(make_model("gptj"))
    with pytest.raises(RefusedError, match="in parallel"):
        make_grid(parallel, SweepRequest("resid_mid"))


def test_windows_and_functions_of_sites(llama: Experiment) -> None:
    grid = make_grid(llama, SweepRequest("mlp_out", ("layer",), window=3))
    assert cell_names(grid.cells) == [
        "L0.mlp_out + L1.mlp_out",
        "L0.mlp_out + L1.mlp_out + L2.mlp_out",
        "L1.mlp_out + L2.mlp_out",
    ]
    frozen = make_grid(llama, SweepRequest("z", make=lambda site: Patch(site, "host")))
    assert {patches[0].source for patches in frozen.cells} == {"host"}
