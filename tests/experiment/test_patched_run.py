"""The run of a patch, read like every other run: the same activations as by hand, and a source of other patches."""

import pytest
import torch

import patchwidgets as pw
from patchwidgets.directions import Direction
from patchwidgets.errors import MetricError, PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task


def pairs() -> Task:
    return pw.tasks.ioi(6, seed=3)


@pytest.fixture(scope="module")
def teaching() -> Model:
    return pw.load()


@pytest.fixture(scope="module")
def exp(teaching: Model) -> Experiment:
    return Experiment(teaching, pairs(), ["logit_diff", "kl"])


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_what_is_patched_is_the_sources_and_what_lies_before_is_the_hosts(
    exp: Experiment, direction: Direction
) -> None:
    exp = exp.turned(direction)
    r = exp.patch("L1.H1@-1")
    assert torch.equal(r["L1.H1@-1"], exp.source["L1.H1@-1"])
    assert torch.allclose(r["L1.H2"], exp.host["L1.H2"], atol=1e-5)
    assert not torch.allclose(r["L1.attn_out@-1"], exp.host["L1.attn_out@-1"], atol=1e-2)
    assert r["L1.H1"].shape == exp.clean["L1.H1"].shape == (6, len(exp.pairs[0]), 32)
    assert (r.run.name, r.run.value, r.run.values["kl"]) == (
        exp.host_name,
        r.value,
        r["kl"].value,
    )


def test_the_stream_is_that_of_the_identities(exp: Experiment) -> None:
    run = exp.patch("L0.H1").run
    parts = [run[f"L2.{part}"] for part in ("resid_pre", "attn_out", "mlp_out")]
    assert torch.allclose(sum(parts[1:], parts[0]), run["L2.resid_post"], atol=1e-4)


def test_it_is_what_hooks_on_the_model_itself_see(teaching: Model) -> None:
    task = pairs().pair(0)
    exp = Experiment(teaching, task)
    seen: list[torch.Tensor] = []
    module = teaching.hf_model.model.layers[2].mlp
    handle = module.register_forward_hook(lambda _m, _i, output: seen.append(output.clone()))
    ids = torch.tensor([exp.pairs[0].corrupted])
    try:
        with torch.no_grad(), teaching.patching(pw.Patch("L0.H1", source=exp.clean)):
            logits = teaching.hf_model(ids).logits
    finally:
        handle.remove()
    r = exp.patch("L0.H1")
    assert torch.allclose(r["L2.mlp_out"], seen[-1], atol=1e-5)
    assert torch.allclose(
        r.run.logits_at([(0, 3), (0, len(ids[0]) - 1)]), logits[0, [3, -1]], atol=1e-4
    )


def test_a_name_of_the_task_is_its_position_in_the_run(exp: Experiment) -> None:
    r = exp.patch("L0.H1")
    at = [pair.positions["S2"] for pair in exp.pairs]
    whole = r["L1.resid_post"]
    assert torch.equal(r["L1.resid_post@S2"][:, 0], whole[range(6), at])
    assert torch.equal(exp.clean["L1.H0@S2"][:, 0], exp.clean["L1.H0"][range(6), at])


def test_with_prompts_of_unequal_lengths_a_name_is_its_counterpart(teaching: Model) -> None:
    task = Task("12+34=", "12+34 mod 10=", "46", "6", {"b": 3, "end": -1})
    exp = Experiment(teaching, task.aligned(pw.propose_alignment(teaching, task)))
    r = exp.patch("L1.mlp_out@end")
    assert torch.equal(r["L1.mlp_out@end"], r["L1.mlp_out@6"])
    assert torch.equal(r["L1.mlp_out@end"], exp.clean["L1.mlp_out@4"])
    assert r["L1.mlp_out"].shape == exp.corrupted["L1.mlp_out"].shape == (1, 7, 128)
    # As a source it is read where it is written, also at positions without a counterpart, of which there are two.
    again = exp.patch(pw.Patch("L3.resid_post", source=r.run))
    assert again.value == pytest.approx(r.value, abs=1e-4)
    assert exp.flip().patch(pw.Patch("L3.resid_post@-1", source=r.run)).value == pytest.approx(
        r.value, abs=1e-4
    )


def test_as_a_source_it_gives_one_component_what_another_patch_gave_it(exp: Experiment) -> None:
    r = exp.patch("L0.H1")
    part = exp.patch(pw.Patch("L1.mlp_out", source=r.run))
    assert torch.equal(part["L1.mlp_out"], r["L1.mlp_out"])
    assert torch.equal(part["L1.resid_mid"], exp.host["L1.resid_mid"])
    assert 0.2 < part.share < 0.9 < r.share
    direct = exp.patch("L0.H1", pw.Patch("L1.mlp_out", "host"))
    assert not torch.allclose(direct["L2.resid_pre"], r["L2.resid_pre"], atol=1e-2)


def test_its_logits_are_split_as_those_of_the_result(exp: Experiment) -> None:
    r = exp.patch("L0.H1")
    parts = r.run.logit_attribution()
    assert parts["L1.mlp_out"] == pytest.approx(r.logit_attribution()["L1.mlp_out"], abs=1e-5)
    assert parts.total == pytest.approx(r.value, abs=1e-3)
    change = exp.corrupted.logit_attribution(scale_of=r.run).total
    assert change != pytest.approx(exp.corrupted.logit_attribution().total, abs=1e-2)
    assert r.run.written("L1.H2", pair=1) == r.written("L1.H2", pair=1)["patched"]
    assert torch.equal(
        torch.tensor(r.run.pattern("L1.H1", pair=2).values),
        torch.tensor(r.pattern("L1.H1", pair=2).sel(run="patched").values),
    )
    lens = r.run.lens().to_xarray()["answer_prob"]
    assert float(lens.isel(layer=-1).mean()) > 0.5


def test_it_reads_without_the_logits_of_the_result_too(exp: Experiment) -> None:
    light = exp.patch("L0.H1").without_logits()
    assert torch.allclose(light.run.logits, exp.patch("L0.H1").logits, atol=1e-4)
    assert light.focused("kl").run.value == light["kl"].value


def test_what_is_no_single_run_or_no_site_is_refused(exp: Experiment) -> None:
    drawn = exp.patch(pw.Patch("L0.H1", pw.sources.resample(n=3)))
    with pytest.raises(PatchError, match=r"run reads one run, and this patch has 3 draws"):
        _ = drawn["L0.H1"]
    r = exp.patch("L0.H1")
    with pytest.raises(SiteError, match="layer 7 is out of range"):
        _ = r["L7.H1"]
    with pytest.raises(SiteError, match="The task names no position 'X'; it names: IO"):
        _ = r["L1.H1@X"]
    with pytest.raises(MetricError, match=r"does not measure 'rank'; .*A site, as in r\['L0\.mlp"):
        _ = r["rank"]
    assert repr(r.run).endswith("and 5 more, with L0.H1 patched)")
