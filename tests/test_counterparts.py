"""Patches between prompts of unequal token counts, against hooks by hand that map the positions themselves."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import patchwidgets as pw
from patchwidgets.directions import Direction
from patchwidgets.errors import CounterpartError, PatchError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.sweeps import APART
from tests.support.toy_tokenizer import toy_tokenizer

CLEAN, CORRUPTED = "w3 w14 w15 w9 w26 w5", "w3 w14 w42 w43 w9 w26 w5"
ALIGN = [(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)]
"""Position 2 of the clean prompt has no counterpart, nor have 2 and 3 of the corrupted one; the rest is shifted."""
DIRECTIONS: tuple[Direction, ...] = ("denoise", "noise")
FLOOR = 1e-4


def toy_model(case: str = "llama") -> Model:
    return Model(random_model(case), toy_tokenizer(VOCABULARY), case)


@pytest.fixture(scope="module")
def toy() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def experiment(toy: Model) -> Experiment:
    task = Task(CLEAN, CORRUPTED, " w8", " w9", {"X": 3, "lone": 2}, align=ALIGN)
    return Experiment(toy, task, ["logit_diff", "kl"])


def ids(text: str) -> Tensor:
    return torch.tensor([[int(word[1:]) for word in text.split()]])


# ---- by hand --------------------------------------------------------------------------------


def module_of(model: Model, component: str, layer: int) -> tuple[nn.Module, str]:
    block: Any = model.hf_model.model.layers[layer]
    return {
        "z": (block.self_attn.o_proj, "input"),
        "mlp_out": (block.mlp, "output"),
        "resid_pre": (block, "input"),
        "v": (block.self_attn.v_proj, "output"),
    }[component]


@contextmanager
def hook(module: nn.Module, side: str, change: Any) -> Iterator[None]:
    def before(_module: nn.Module, args: Any, kwargs: Any) -> Any:
        return (change(args[0]), *args[1:]), kwargs

    def after(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        return change(output)

    handle = (
        module.register_forward_pre_hook(before, with_kwargs=True)
        if side == "input"
        else module.register_forward_hook(after)
    )
    try:
        yield
    finally:
        handle.remove()


def by_hand(
    model: Model, direction: str, places: list[tuple[str, int, slice, list[tuple[int, int]]]]
) -> Tensor:
    """Last logits of the host where parts of components come from the source's counterparts."""
    runs = {"clean": ids(CLEAN), "corrupted": ids(CORRUPTED)}
    source, host = ("clean", "corrupted") if direction == "denoise" else ("corrupted", "clean")
    held: dict[tuple[str, int], Tensor] = {}
    with torch.no_grad(), ExitStack() as stack:
        for component, layer, _part, _columns in places:

            def keep(activation: Tensor, key: Any = (component, layer)) -> Tensor:
                held[key] = activation.clone()
                return activation

            stack.enter_context(hook(*module_of(model, component, layer), keep))
        model.hf_model(runs[source])
    with torch.no_grad(), ExitStack() as stack:
        for component, layer, part, columns in places:

            def write(
                activation: Tensor,
                key: Any = (component, layer),
                part: slice = part,
                columns: Any = columns,
            ) -> Tensor:
                changed = activation.clone()
                for clean, corrupted in columns:
                    there, here = (
                        (clean, corrupted) if direction == "denoise" else (corrupted, clean)
                    )
                    changed[:, here, part] = held[key][:, there, part]
                return changed

            stack.enter_context(hook(*module_of(model, component, layer), write))
        return model.hf_model(runs[host]).logits[0, -1]


HEAD2 = slice(16, 24)
ALL = slice(None)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("sites", "places"),
    [
        (["L1.H2"], [("z", 1, HEAD2, ALIGN)]),
        (["L1.H2@3"], [("z", 1, HEAD2, [(3, 4)])]),
        (["L0.mlp_out@-1"], [("mlp_out", 0, ALL, [(5, 6)])]),
        (["L0.mlp_out@X"], [("mlp_out", 0, ALL, [(3, 4)])]),
        (["L1.resid_pre@3:"], [("resid_pre", 1, ALL, ALIGN[2:])]),
        (["L2.resid_pre"], [("resid_pre", 2, ALL, ALIGN)]),
        (["L1.KV1.v@4"], [("v", 1, slice(8, 16), [(4, 5)])]),
        (
            ["L0.H2", "L2.mlp_out@5", "L1.H2@3:5"],
            [
                ("z", 0, HEAD2, ALIGN),
                ("mlp_out", 2, ALL, [(5, 6)]),
                ("z", 1, HEAD2, [(3, 4), (4, 5)]),
            ],
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value[0], str) else "",
)
def test_a_patch_goes_from_counterpart_to_counterpart(
    experiment: Experiment, direction: Direction, sites: list[str], places: Any
) -> None:
    turned = experiment.turned(direction)
    result = turned.patch(*sites, record_reach=True)
    assert torch.allclose(result.logits[0], by_hand(turned.model, direction, places), atol=FLOOR)
    assert abs(result.effect) > 1e-3
    assert result.reach().along["z"] == pytest.approx(turned.reach(*sites).along["z"], nan_ok=True)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_reach_is_between_counterparts(experiment: Experiment, direction: Direction) -> None:
    turned = experiment.turned(direction)
    reach = turned.patch("L0.resid_pre@3").reach(4)
    assert reach.pos == 4
    here, there = (5, 4) if direction == "denoise" else (4, 5)
    source, host = turned.source[f"L1.mlp_out@{there}"], turned.host[f"L1.mlp_out@{here}"]
    tokens = turned.pairs[0].prompt(turned.host_name)
    at = 4 if direction == "denoise" else 3
    patch = Patch(f"L0.resid_pre@{at}", turned.source[f"L0.resid_pre@{7 - at}"])
    recorded = []
    with turned.model.patching(patch), torch.no_grad():
        mlp = turned.model.hf_model.model.layers[1].mlp
        handle = mlp.register_forward_hook(lambda _m, _a, out: recorded.append(out[:, [here]]))
        turned.model.hf_model(torch.tensor([tokens]))
        handle.remove()
    moved, whole = (recorded[0] - host).flatten(), (source - host).flatten()
    assert reach.along["mlp_out"][1] == pytest.approx(
        float(moved @ whole / (whole @ whole)), abs=1e-3
    )
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt"):
        turned.patch("L0.H1").reach("lone")


def test_flip_and_effects(experiment: Experiment) -> None:
    flipped = experiment.flip()
    assert flipped.patch().effect == experiment.patch().effect == 0
    assert flipped.patch("L1.H2@3").value == experiment.turned("noise").patch("L1.H2@3").value
    swapped = Task(CORRUPTED, CLEAN, " w8", " w9", align=[(b, a) for a, b in ALIGN])
    back = Experiment(experiment.model, swapped, direction="noise")
    assert torch.equal(back.patch("L1.H2@4").logits, experiment.patch("L1.H2@3").logits)


def test_the_identity_written_out_changes_no_bit(toy: Model) -> None:
    task = Task(CLEAN, "w3 w14 w42 w9 w26 w5", " w8", " w9")
    plain, mapped = (
        Experiment(toy, each, ["logit_diff", "kl"])
        for each in (task, task.aligned([(i, i) for i in range(6)]))
    )
    assert plain.noise_floor == mapped.noise_floor
    for site in ("L1.H2", "L0.mlp_out@3", "L1.KV1.k", "L1.H0.pattern@-1", "L1.H1.q@2:4"):
        assert torch.equal(plain.patch(site).logits, mapped.patch(site).logits)
        assert np.array_equal(
            plain.patch(site).reach().along["z"], mapped.patch(site).reach().along["z"]
        )
    for component, over in (("z", None), ("mlp_out", ("layer", "pos"))):
        first, second = (
            exp.sweep(component, over, progress=False).to_xarray()  # type: ignore[arg-type]
            for exp in (plain, mapped)
        )
        assert first.drop_attrs().identical(second.drop_attrs())


# ---- what cannot be patched -----------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("site", "says"),
    [
        ("L1.H2@2", "Position 2 of the clean prompt has no counterpart in the corrupted prompt"),
        ("L1.H2@lone", "Position 2 of the clean prompt has no counterpart"),
        ("L1.H2@1:4", "Position 2 of the clean prompt has no counterpart"),
        ("L1.KV0.k@3", r"L1.KV0.k@3: q and k carry the position .* position 3 .* at 4 in the cor"),
        ("L1.H1.q", "L1.H1.q: q and k carry the position at which they were computed"),
        ("L1.H1.pattern@0", "these prompts have other keys: 6 and 7 tokens with 5 counterparts"),
    ],
)
def test_what_has_no_counterpart_is_refused(
    experiment: Experiment, direction: Direction, site: str, says: str
) -> None:
    with pytest.raises(CounterpartError, match=says) as error:
        experiment.turned(direction).patch(site)
    assert "  corrupted|␣w3|␣w14|    |␣w42|␣w43|" in str(error.value)
    with pytest.raises(CounterpartError):
        experiment.turned(direction).sweep(sites=[site], progress=False)


def test_queries_and_keys_at_the_same_position_may_be_patched(experiment: Experiment) -> None:
    assert experiment.patch("L1.KV0.k@0", "L1.H1.q@1").effect == pytest.approx(0, abs=FLOOR)


# ---- other sources --------------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_other_sources(experiment: Experiment, toy: Model, direction: Direction) -> None:
    turned = experiment.turned(direction)
    by_name = turned.patch("L1.H2@3").logits
    own = toy.run(CLEAN if direction == "denoise" else CORRUPTED, record=["L1.H2"])
    there = 3 if direction == "denoise" else 4
    for patch in (
        Patch("L1.H2@3", own),
        Patch("L1.H2@3", turned.measuring("kl").source),
        Patch("L1.H2@3", own[f"L1.H2@{there}"]),
        Patch("L1.H2@3", fn=lambda _host, source: source),
        Patch("L1.H2@3", turned.source, lambda _host, source: source),
        Patch("L1.H2@3", "clean" if direction == "denoise" else "corrupted"),
    ):
        assert torch.equal(turned.patch(patch).logits, by_name)
        grid_values = turned.sweep(sites=[patch], progress=False)
        assert float(grid_values.effect[0]) == pytest.approx(turned.patch(patch).effect, abs=FLOOR)
    other, named = toy.run("w1 w2 w3"), "clean" if direction == "denoise" else "corrupted"
    with pytest.raises(
        PatchError, match=rf"source run has 3 tokens and the {named} prompt {3 + there}"
    ):
        turned.patch(Patch("L1.H2", other))
    everywhere = turned.patch("L1.H2").logits
    assert torch.equal(turned.patch(Patch("L1.H2", own)).logits, everywhere)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_freezes_or_brings_its_own_value_acts_on_the_whole_host(
    experiment: Experiment, direction: Direction
) -> None:
    turned = experiment.turned(direction)
    length = len(turned.pairs[0].prompt(turned.host_name))
    seen = []

    def zero(host: Tensor, _source: Tensor) -> Tensor:
        seen.append(host.shape[1])
        return 0 * host

    turned.patch(Patch("L1.H2", torch.zeros(1), zero))
    assert seen == [length]
    parts = ("attn_out", "mlp_out")
    frozen = [Patch(f"L{layer}.{part}", "host") for layer in range(3) for part in parts]
    result = turned.patch("L0.H1", *frozen)
    assert result.effect == pytest.approx(0, abs=FLOOR)
    lone = Patch("L1.H2@2", torch.zeros(1))
    if direction == "noise":
        assert turned.patch(lone).effect != 0
    else:
        with pytest.raises(CounterpartError, match="Position 2"):
            turned.patch(lone)


def test_a_tensor_is_cut_by_pairs_only_where_it_has_the_axes_of_the_site(toy: Model) -> None:
    """A tensor [pos, d] with as many positions as there are pairs serves every pair, in patches and in sweeps."""
    task = Task(["w3 w14", "w5 w6"], ["w3 w15", "w5 w7"], " w8", " w9")
    exp = Experiment(toy, task)
    tensor = torch.randn(2, 32)
    patch = Patch("L0.mlp_out", tensor)
    expected = exp.patch(Patch("L0.mlp_out", tensor[None].expand(2, -1, -1).clone()))
    assert torch.equal(exp.patch(patch).logits, expected.logits)
    grid_values = exp.sweep(sites=[patch], progress=False).to_xarray()["value"].values[0, 0]
    assert grid_values == pytest.approx(expected.per_pair.value, abs=FLOOR)
    heads = torch.randn(2, 4, 8)
    whole = exp.patch(Patch("L0.z", heads[None].expand(2, -1, -1, -1).clone()))
    assert torch.equal(exp.patch(Patch("L0.z", heads)).logits, whole.logits)


# ---- datasets -------------------------------------------------------------------------------

PAIRS: list[tuple[str, str, Any]] = [
    (CLEAN, CORRUPTED, ALIGN),
    ("w7 w14 w15 w9 w26 w5", "w7 w14 w42 w43 w9 w26 w5", [(0, 0), (2, 3), (5, 6)]),
    ("w3 w14 w15 w9 w26 w6", "w3 w14 w42 w9 w26 w6", None),
    ("w7 w1 w15 w9 w26 w5", "w7 w1 w42 w43 w9 w26 w5", ALIGN),
    ("w7 w1 w15 w9 w26 w5", "w1 w15 w9 w26 w5", [(-1, -1)]),
]


@pytest.fixture(scope="module")
def dataset(toy: Model) -> Experiment:
    clean, corrupted, align = map(list, zip(*PAIRS, strict=True))
    task = Task(clean, corrupted, " w8", " w9", align=align)
    return Experiment(toy, task, ["logit_diff", "kl"])


def test_pairs_that_run_together_have_the_same_shape(dataset: Experiment) -> None:
    rows = [[0, 3], [1], [2], [4]]
    assert [batch.rows for batch in dataset.clean.batches] == rows
    assert [batch.rows for batch in dataset.corrupted.batches] == rows


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("site", ["L1.H2", "L0.mlp_out@-1", "L1.resid_pre"])
def test_a_dataset_is_its_pairs_one_by_one(
    dataset: Experiment, site: str, direction: Direction
) -> None:
    together = dataset.turned(direction).patch(site)
    alone = [
        Experiment(dataset.model, dataset.task.pair(i), direction=direction).patch(site).effect
        for i in range(len(PAIRS))
    ]
    assert together.per_pair.effect == pytest.approx(alone, abs=2 * FLOOR)
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt"):
        dataset.patch("L1.H2@2")


def test_a_cell_of_a_dataset_that_some_pair_lacks(dataset: Experiment) -> None:
    found = dataset.sweep("mlp_out", ("layer", "pos"), progress=False)
    whole = found.to_xarray()
    assert whole["unpatchable"].values[0].tolist() == [True] * 5 + [False]
    single = whole["effect"].sel(metric="logit_diff", layer=1)
    assert np.isnan(single.sel(pos=3)).values.tolist() == [False, True, False, False, True]
    assert np.isnan(found.effect.sel(pos=3)).all()
    assert float(found.effect.sel(layer=1, pos=5)) == pytest.approx(
        dataset.patch("L1.mlp_out@5").effect, abs=FLOOR
    )
    assert set(found.top_sites(99)) == {f"L{layer}.mlp_out@5" for layer in range(3)}
    assert whole["corrupted_token"].sel(pair=1).values.tolist() == [
        " w7",
        "",
        " w43",
        "",
        "",
        " w5",
    ]


# ---- answers of several tokens --------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_answers_of_several_tokens(toy: Model, direction: Direction) -> None:
    task = Task(CLEAN, CORRUPTED, " w8 w10 w11", " w9 w12", align=ALIGN)
    exp = Experiment(toy, task, direction=direction)
    there, here = (3, 4) if direction == "denoise" else (4, 3)
    patch = Patch(f"L1.mlp_out@{here}", exp.source[f"L1.mlp_out@{there}"])
    totals = []
    for answer in ([8, 10, 11], [9, 12]):
        text, total = list(exp.pairs[0].prompt(exp.host_name)), 0.0
        for token in answer:
            with toy.patching(patch), torch.no_grad():
                logits = toy.hf_model(torch.tensor([text]), use_cache=False).logits[0, -1]
            total += float(logits.log_softmax(-1)[token])
            text.append(token)
        totals.append(total)
    assert exp.patch("L1.mlp_out@3").value == pytest.approx(totals[0] - totals[1], abs=1e-3)


# ---- sweeps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["llama", "gpt2", "bloom", "mistral, narrow window"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_cell_of_a_sweep_is_one_patch(
    case: str, direction: Direction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(CLEAN, CORRUPTED, " w8", " w9", align=ALIGN)
    exp = Experiment(toy_model(case), task, ["logit_diff", "kl"], direction)
    requests = [
        SweepRequest("resid_pre", ("layer", "pos")),
        SweepRequest("mlp_out", ("layer", "pos")),
        SweepRequest("z", ("layer", "head", "pos")),
        SweepRequest("z"),
        SweepRequest("embed"),
        SweepRequest(sites=[["L0.H1", "L2.mlp_out@-1"], [Patch("L1.z", "host"), "L0.H0@3"]]),
    ]
    grids = [make_grid(exp, request) for request in requests]
    size = float(exp.host.logits.abs().max())
    for savings in (APART, Savings(False, False, False, False, join_below=0)):
        sweep = Sweep(exp, grids, savings=savings)
        for _ in sweep.run():
            pass
        assert sweep.progress.left == 0
        for grid_values in sweep.grid_values():
            for cell, patches in enumerate(grid_values.grid.cells):
                effects = [array[cell, 0] for array in grid_values.effects.values()]
                if any(patch.site.pos == 2 for patch in patches):
                    assert grid_values.unpatchable[cell]
                    assert not grid_values.zero[cell]
                    assert np.isnan(effects).all()
                    continue
                readings = exp.patch(*patches).readings.values()
                expected = [reading.effect for reading in readings]
                assert effects == pytest.approx(expected, abs=FLOOR * size)
                assert not grid_values.unpatchable[cell]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_zero_for_certain_is_where_the_prompts_begin_alike(
    experiment: Experiment, direction: Direction
) -> None:
    found = experiment.turned(direction).sweep("mlp_out", ("layer", "pos"), progress=False)
    zero = found.to_xarray()["zero"].values
    assert zero[0].tolist() == [True, True, False, False, False, False]
    assert zero[2].tolist() == [True, True, False, True, True, False]
    plan = experiment.turned(direction).plan("mlp_out", ("layer", "pos"))
    assert (plan.sites, plan.zero, plan.unpatchable, plan.runs) == (18, 8, 3, 7)
    assert "8 of them exactly 0 for certain, 3 without a counterpart" in repr(plan)


def test_a_shifted_position_is_no_zero_though_its_token_is_the_same(toy: Model) -> None:
    """A map that pairs the second of two equal tokens with the first: same token, other activation."""
    task = Task("w3 w14 w15", "w3 w3 w14 w42", " w8", " w9", align=[(0, 1), (1, 2), (2, 3)])
    exp = Experiment(toy, task)
    found = exp.sweep("mlp_out", ("layer", "pos"), progress=False)
    assert not found.to_xarray()["zero"].values[0].any()
    for pos in range(3):
        assert float(found.effect.sel(layer=0, pos=pos)) == pytest.approx(
            exp.patch(f"L0.mlp_out@{pos}").effect, abs=FLOOR
        )


def test_the_result_says_what_is_not_patchable(experiment: Experiment, tmp_path: Path) -> None:
    found = experiment.sweep("mlp_out", ("layer", "pos"), progress=False)
    assert "3 without a counterpart" in repr(found)
    assert "done" not in repr(found)
    assert np.isnan(found.sel(pos=2).effect).all()
    assert "L0.mlp_out@2" not in found.top_sites(18)
    assert found.to_frame().set_index("site").effect.isna().sum() == 2 * 3
    tokens = found.to_xarray()["corrupted_token"].values.tolist()
    assert tokens == [" w3", " w14", "", " w9", " w26", " w5"]
    found.save(tmp_path / "s.nc")
    assert SweepResult.load(tmp_path / "s.nc").to_xarray()["unpatchable"].values.sum() == 3
    ax = pw.plot.heatmap(found)
    assert "␣w15→× 2" in [label.get_text() for label in ax.get_xticklabels()]
    assert ax.get_xlabel() == "position (× no counterpart)"
    crosses = next(line for line in ax.lines if line.get_marker() == "x")
    assert sorted(zip(crosses.get_xdata(), crosses.get_ydata(), strict=True)) == [
        (2, 0),
        (2, 1),
        (2, 2),
    ]
    pw.plot.flow(experiment.patch("L1.H2"))
    pw.plot.layers(found)


# ---- a real model ---------------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_name_of_two_tokens_on_smollm2(smollm2: Model, direction: Direction) -> None:
    task = Task(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and Timothy Lee went to the store, Mary gave a drink to",
        " Mary",
        " John",
        {"S2": "John"},
    )
    task = task.aligned(pw.propose_alignment(smollm2, task))
    exp = Experiment(smollm2, task, direction=direction)
    assert exp.pairs[0].positions == {"S2": 9}
    assert exp.pairs[0].columns == (
        *((i, i) for i in range(3)),
        *((i, i + 1) for i in range(3, 14)),
    )
    runs = {"clean": exp.pairs[0].clean, "corrupted": exp.pairs[0].corrupted}
    source = "clean" if direction == "denoise" else "corrupted"
    block = smollm2.hf_model.model.layers[23]
    held: list[Tensor] = []
    with torch.no_grad():
        keep = block.self_attn.o_proj.register_forward_pre_hook(lambda _m, a: held.append(a[0]))
        smollm2.hf_model(torch.tensor([runs.pop(source)]))
        keep.remove()

        def write(_module: nn.Module, args: Any) -> Any:
            changed, head = args[0].clone(), slice(3 * 64, 4 * 64)
            for clean, corrupted in exp.pairs[0].columns:
                there, here = (clean, corrupted) if source == "clean" else (corrupted, clean)
                changed[:, here, head] = held[0][:, there, head]
            return (changed,)

        handle = block.self_attn.o_proj.register_forward_pre_hook(write)
        logits = smollm2.hf_model(torch.tensor([next(iter(runs.values()))])).logits[0, -1]
        handle.remove()
    assert torch.allclose(exp.patch("L23.H3").logits[0], logits, atol=1e-3)


# ---- metrics at positions -------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_metric_is_read_at_the_counterpart(experiment: Experiment, direction: Direction) -> None:
    names = ["answer_logit@X", "kl@X", "answer_logit@3:6"]
    turned = experiment.turned(direction).measuring(names)
    with torch.no_grad():
        clean, corrupted = (
            experiment.model.hf_model(ids(text)).logits[0].float() for text in (CLEAN, CORRUPTED)
        )
    kl = (clean[3].softmax(-1) * (clean[3].log_softmax(-1) - corrupted[4].log_softmax(-1))).sum()
    read = {
        "clean": (clean[3, 8], 0.0, clean[3:6, 8].mean()),
        "corrupted": (corrupted[4, 8], kl, corrupted[4:7, 8].mean()),
    }
    for name, run in (("clean", turned.clean), ("corrupted", turned.corrupted)):
        expected = pytest.approx([float(value) for value in read[name]], abs=1e-5)
        assert [run.values[metric] for metric in names] == expected
    assert turned.patch().effect == 0
    assert turned.patch("L0.resid_pre@4").effect == 0
    assert abs(turned.patch("L0.resid_pre@1", "L1.mlp_out@3").effect) > 100 * FLOOR


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sweeps_read_metrics_at_counterparts(experiment: Experiment, direction: Direction) -> None:
    turned = experiment.turned(direction).measuring(["answer_logit@X", "kl@-2", "logit_diff"])
    grid_values = turned.sweep("mlp_out", ("layer", "pos"), progress=False).to_xarray()["effect"]
    for layer in range(3):
        for pos in (0, 1, 3, 4, 5):
            one = turned.patch(f"L{layer}.mlp_out@{pos}").readings
            for name, reading in one.items():
                found = float(grid_values.sel(layer=layer, pos=pos, metric=name).mean("pair"))
                assert found == pytest.approx(reading.effect, abs=2e-5), (layer, pos, name)


def test_a_metric_at_a_position_without_a_counterpart_is_refused(experiment: Experiment) -> None:
    with pytest.raises(CounterpartError, match="kl@lone: Position 2 of the clean prompt has no"):
        experiment.measuring("kl@lone")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_top_neurons_are_ranked_by_counterparts(
    experiment: Experiment, direction: Direction
) -> None:
    """By the gradient, taken apart: moving one neuron a little moves the metric by its share of the first order."""
    turned = experiment.turned(direction)
    grid_values = turned.sweep("neuron", ("layer", "neuron", "pos"), top=6, progress=False)
    found = grid_values.to_xarray().sel(metric="logit_diff")
    for i, site in enumerate(found["site"].to_numpy()):
        assert found["pos"].to_numpy()[i] != 2
        assert float(found["effect"][i].mean("pair")) == pytest.approx(
            turned.patch(str(site)).effect, abs=2e-5
        )
        little = Patch(str(site), fn=lambda host, source: host + 0.01 * (source - host))
        first_order = float(found["first_order"][i])
        assert 100 * turned.patch(little).effect == pytest.approx(first_order, rel=0.1, abs=2e-3)
