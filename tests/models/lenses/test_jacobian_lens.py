"""A fitted lens: reading through it, its file, and to which model it belongs."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

import patchwidgets as pw
from patchwidgets.errors import FileError, LensError, RefusedError
from patchwidgets.methods.fit_lens import fit_lens, streams_of
from patchwidgets.methods.lens_texts import own_texts, teaching_texts
from patchwidgets.models.lenses.estimator import jacobian_sums
from patchwidgets.models.lenses.fitted import SHIPPED, fitted_lens
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.lenses.lens_file import _checksum
from patchwidgets.models.lenses.readout import read_as_last
from patchwidgets.models.model import Model
from patchwidgets.models.weights_mark import weights_checksum
from tests.support.families import N_LAYERS
from tests.support.prompts import CLEAN
from tests.support.toy_models import make_model

PROMPTS = [(3, 14, 15, 9, 26, 5), (35, 8, 9, 7, 3, 2)]


def test_reading_by_the_lens_by_hand() -> None:
    model = make_model("llama")
    lens = fit_lens(model, PROMPTS, skip_first=1, progress=False)
    run = model.run("w3 w14 w15 w9")
    read = run.lens(method=lens, k=61, answer=" w8")
    hf = model.hf_model
    for layer in range(N_LAYERS):
        stream = run[f"L{layer}.resid_post@-1"][0, 0]
        with torch.no_grad():
            logits = hf.lm_head(hf.model.norm(lens.matrix(f"L{layer}.resid_post") @ stream))
        of_layer = read.to_xarray().isel(pair=0, pos=0).sel(layer=layer)
        assert of_layer.answer_prob == pytest.approx(float(logits.softmax(-1)[8]), abs=1e-5)
        assert of_layer.answer_rank == 1 + int((logits > logits[8]).sum())
    last = run.lens(answer=" w8").to_xarray().isel(layer=-1)
    assert read.to_xarray().answer_prob.isel(layer=-1) == pytest.approx(last.answer_prob, abs=1e-6)
    assert read.jacobian_lens is lens
    assert read.attrs["fit"] == "2 prompts: text of the user's"
    mid = run.lens("resid_mid", method=lens, k=61).to_xarray()
    assert mid.top_prob.shape == (1, 1, N_LAYERS, 61)


def test_parallel_blocks_have_no_stream_between() -> None:
    model = make_model("gptj")
    lens = fit_lens(model, PROMPTS, skip_first=1, progress=False)
    assert lens.sites == ("L0.resid_pre", "L0.resid_post", "L1.resid_post")
    with pytest.raises(LensError, match=r"no matrix for L1.resid_mid; it has L0.resid_pre, L0.r"):
        lens.matrix("L1.resid_mid")


# ---- files ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> tuple[Model, JacobianLens]:
    model = make_model("llama")
    return model, fit_lens(model, PROMPTS, skip_first=1, progress=False)


def test_a_file_is_the_lens(small: tuple[Model, JacobianLens], tmp_path: Path) -> None:
    model, lens = small
    lens.save(tmp_path / "lens.safetensors")
    again = JacobianLens.load(tmp_path / "lens.safetensors")
    assert again.fit == lens.fit
    assert again.sites == lens.sites == tuple(f"L{k}.{c}" for c, k in streams_of(model.layout))
    assert all(torch.equal(again.matrix(site), lens.matrix(site)) for site in lens.sites)
    others = load_file(tmp_path / "lens.safetensors")  # any tool reads it
    assert torch.equal(others["L1.resid_post"].float(), lens.matrix("L1.resid_post"))
    again.save(tmp_path / "again.safetensors")
    both = [(tmp_path / f"{name}.safetensors").read_bytes() for name in ("lens", "again")]
    assert both[0] == both[1]


def test_a_damaged_file_is_refused(small: tuple[Model, JacobianLens], tmp_path: Path) -> None:
    path = tmp_path / "lens.safetensors"
    small[1].save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    start = 8 + int.from_bytes(whole[:8], "little")
    for at in [0, 9, start, len(whole) - 1, *rng.integers(start, len(whole), size=20)]:
        broken = bytearray(whole)
        broken[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        with pytest.raises(FileError, match="is not a Jacobian lens, or is damaged"):
            JacobianLens.load(path)
    for n in (0, 4, 8, 100, len(whole) - 5):
        path.write_bytes(whole[:n])
        with pytest.raises(FileError, match="is not a Jacobian lens, or is damaged"):
            JacobianLens.load(path)


def test_other_files_are_refused(small: tuple[Model, JacobianLens], tmp_path: Path) -> None:
    path = tmp_path / "lens.safetensors"
    save_file({"L0.resid_pre": torch.zeros(2, 2).half()}, path)
    with pytest.raises(FileError, match="it does not say that it is a lens"):
        JacobianLens.load(path)
    fit = dataclasses.asdict(small[1].fit)
    for tensors, text in (
        ({"L0.resid_pre": torch.zeros(2, 3).half()}, "not square and of one size"),
        ({"L0.mlp_out": torch.zeros(2, 2).half()}, "'L0.mlp_out' is no residual stream"),
        ({"L0.resid_pre": torch.zeros(2, 2)}, "'L0.resid_pre' is no matrix in float16"),
        ({"nonsense": torch.zeros(2, 2).half()}, "'nonsense' is not a site"),
    ):
        described = {"version": 1, "fit": fit, "sha256": _checksum(save(tensors))}
        path.write_bytes(save(tensors, {"patchwidgets_lens": json.dumps(described)}))
        with pytest.raises(FileError, match=text):
            JacobianLens.load(path)
    described = {"version": 2, "fit": fit, "sha256": ""}
    path.write_bytes(save(tensors, {"patchwidgets_lens": json.dumps(described)}))
    with pytest.raises(FileError, match="of a later version"):
        JacobianLens.load(path)
    with pytest.raises(FileError, match="Say max_bytes= to read more"):
        JacobianLens.load(path, max_bytes=10)


def test_numbers_that_float16_cannot_hold(small: tuple[Model, JacobianLens]) -> None:
    with pytest.raises(LensError, match=r"The Jacobian of L0.resid_pre has numbers that float16"):
        JacobianLens({("resid_pre", 0): torch.full((2, 2), 1e6)}, small[1].fit)


# ---- the lens of a model --------------------------------------------------------------------


def test_a_lens_of_another_model_is_refused(small: tuple[Model, JacobianLens]) -> None:
    with pytest.raises(LensError, match=r"fitted on 'llama' with other weights than those of mist"):
        make_model("mistral").run("w1 w2").lens(method=small[1])
    with pytest.raises(LensError, match=r"last stream is L2.resid_post with 32 .* L3.resid_post w"):
        pw.load().run("12+34=").lens(method=small[1])
    edited = make_model("llama")
    with torch.no_grad():
        edited.hf_model.model.layers[1].mlp.down_proj.weight.mul_(1.02)
    with pytest.raises(LensError, match=r"with other weights than those of llama.*pw.fit_lens"):
        edited.run("w1 w2").lens(method=small[1])


def test_the_checksum_of_weights() -> None:
    one, again = make_model("llama"), make_model("llama")
    assert weights_checksum(one.hf_model) == weights_checksum(again.hf_model)
    narrow = make_model("llama", torch.bfloat16)
    assert weights_checksum(narrow.hf_model) == weights_checksum(one.hf_model)
    assert weights_checksum(make_model("mistral").hf_model) != weights_checksum(one.hf_model)
    offloaded = make_model("llama").hf_model
    offloaded.lm_head.to("meta")
    with pytest.raises(RefusedError, match=r"lm_head\.weight are offloaded or quantised"):
        weights_checksum(offloaded)


def test_the_shipped_lens_is_that_of_the_shipped_model() -> None:
    model = pw.load()
    assert len(list(SHIPPED.iterdir())) == 1
    assert next(SHIPPED.iterdir()).stat().st_size < 300_000
    lens = fitted_lens(model.layout)
    assert (SHIPPED / f"jacobian-{lens.fit.weights[:16]}.safetensors").is_file()
    assert lens.fit.weights == weights_checksum(model.hf_model)
    assert lens.fit.n_prompts >= 700
    assert lens.fit.skip_first == 1
    assert max(lens.fit.sampling_error.values()) < 0.1
    again = fit_lens(model, teaching_texts(21, seed=1), skip_first=1, progress=False)
    for site in ("L1.resid_post", "L2.resid_post"):  # of a few other prompts
        gap = (again.matrix(site) - lens.matrix(site)).norm() / lens.matrix(site).norm()
        assert gap < 0.4, site


def test_what_both_lenses_say_of_the_teaching_model() -> None:
    """The numbers that the docstring of `JacobianLens` gives."""
    task = pw.tasks.modular(64, seed=3, modulus=5, part="test")
    run = pw.Experiment(pw.load(), task).clean
    logit, by_jacobian = (
        run.lens(method=method).over_pairs().answer_prob for method in ("logit", "jacobian")
    )
    assert (logit[1], by_jacobian[1]) == (
        pytest.approx(0.958, abs=0.01),
        pytest.approx(0.553, abs=0.01),
    )
    assert min(logit[2], by_jacobian[2]) > 0.998
    assert logit[3] == by_jacobian[3]


def test_what_both_lenses_say_of_smollm2(smollm2: Model) -> None:
    """Fitted at one stream, on a single short text: its docstring's ranks at layer 23 come out already."""
    text = torch.tensor(own_texts(smollm2, 1, 32))
    key = ("resid_post", 23)
    matrix = jacobian_sums(smollm2.layout, text, [key], range(16, 31))[key]
    stream = smollm2.run(CLEAN)["L23.resid_post@-1"][0]
    logits = read_as_last(smollm2.layout, torch.cat([stream, stream @ matrix.T]), token=5)
    mary = smollm2.encode(" Mary")[0]
    logit, by_jacobian = (1 + (logits > logits[:, [mary]]).sum(-1)).tolist()
    assert logit == pytest.approx(148, abs=5)
    assert by_jacobian <= 3


def test_a_lens_that_is_not_fitted_yet(smollm2: Model, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(tmp_path))
    with pytest.raises(
        LensError, match=r"No Jacobian .* python -m patchwidgets.methods.fit_lens s"
    ):
        smollm2.run("a").lens(method="jacobian")
    model = make_model("llama")
    with pytest.raises(LensError, match=r"fit_lens 'llama' .* or pw.fit_lens\(model, texts\) for"):
        model.run("w1 w2").lens(method="jacobian")
