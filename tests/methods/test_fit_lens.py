"""Fitting a lens: from Python, by the command, and on which text."""

from pathlib import Path

import pytest
import torch

from patchwidgets.errors import LensError, RefusedError
from patchwidgets.methods.fit_lens import fit_lens, main, streams_of
from patchwidgets.methods.lens_texts import OPENINGS, _continued, own_texts, teaching_texts
from patchwidgets.models.lenses.estimator import jacobian_sums
from tests.support.families import D_MODEL
from tests.support.toy_models import make_model

PROMPTS = [(3, 14, 15, 9, 26, 5), (35, 8, 9, 7, 3, 2)]


def test_the_lens_is_the_mean_over_prompts_of_any_length() -> None:
    model = make_model("gpt2")
    prompts = ["w3 w14 w15 w9 w26", "w5 w8 w2 w44 w13 w20 w31", PROMPTS[0]]
    lens = fit_lens(model, prompts, skip_first=1, progress=False, text="three prompts")
    ids = [model.encode(each) if isinstance(each, str) else list(each) for each in prompts]
    singles = [
        jacobian_sums(
            model.layout, torch.tensor([each]), streams_of(model.layout), range(1, len(each) - 1)
        )
        for each in ids
    ]
    for key in streams_of(model.layout):
        mean = torch.stack([each[key] for each in singles]).mean(0)
        found = lens.matrix(f"L{key[1]}.{key[0]}")
        assert (found - mean).abs().max() < 2**-10 * mean.abs().max()
        error = ((singles[0][key] + singles[2][key]) / 2 - singles[1][key]).norm() / 2 / mean.norm()
        assert lens.fit.sampling_error[f"L{key[1]}.{key[0]}"] == pytest.approx(float(error), 1e-3)
    assert lens.fit.n_tokens == 18
    assert lens.fit.n_positions == 12
    assert (lens.fit.model, lens.fit.text, lens.fit.dtype) == ("gpt2", "three prompts", "float32")
    assert (lens.matrix("L2.resid_post") == torch.eye(D_MODEL)).all()
    assert (lens.matrix("L2.resid_pre") == lens.matrix("L1.resid_post")).all()


def test_fitting_leaves_the_model_as_it_was() -> None:
    model = make_model("llama")
    frozen = model.hf_model.lm_head.weight.requires_grad_(False)
    before = {name: each.clone() for name, each in model.hf_model.state_dict().items()}
    fit_lens(model, PROMPTS, skip_first=1, progress=False)
    for name, parameter in model.hf_model.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad == (parameter is not frozen)
        assert torch.equal(parameter, before[name])
    for parameter in model.hf_model.parameters():
        parameter.requires_grad_(False)
    assert fit_lens(model, PROMPTS, skip_first=1, progress=False).fit.n_prompts == 2


@pytest.mark.parametrize(
    ("prompts", "options", "text"),
    [
        ([], {}, "fitted on prompts, and there are none"),
        (["w3 w14 w15"], {}, r"Prompt 0 has 3 tokens. Without the first 16 and the last one, none"),
        (
            [PROMPTS[0], "w3 w14"],
            {"skip_first": 1},
            r"Prompt 1 has 2 tokens\. Without the first 1 ",
        ),
        ([PROMPTS[0]], {"skip_first": 1, "max_tokens": 2}, r"Prompt 0 has 2 tokens"),
    ],
)
def test_prompts_that_are_too_short(prompts, options, text) -> None:
    with pytest.raises(LensError, match=text):
        fit_lens(make_model("llama"), prompts, progress=False, **options)


def test_a_model_without_gradients_is_refused() -> None:
    with torch.inference_mode():
        model = make_model("llama")
    with pytest.raises(RefusedError, match=r"No Jacobian lens .*made in torch.inference_mode\(\)"):
        fit_lens(model, PROMPTS, skip_first=1, progress=False)


def test_the_command_keeps_the_lens_where_it_is_found(monkeypatch, tmp_path: Path, capsys) -> None:
    model = make_model("gpt2")
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr("patchwidgets.methods.fit_lens.load", lambda _name, dtype: model)
    monkeypatch.setattr("patchwidgets.methods.lens_texts.OPENINGS", ("w3 w14", "w5 w9"))
    main(["mine", "--prompts", "3", "--tokens", "8", "--skip-first", "2"])
    said = capsys.readouterr().out
    assert said.startswith("JacobianLens(6 streams of 'gpt2', fitted on 3 prompts) in ")
    assert "sampling error at most" in said
    lens = model.run("w1 w2").lens(method="jacobian").jacobian_lens
    assert lens is not None
    assert (lens.fit.n_tokens, lens.fit.n_positions, lens.fit.skip_first) == (24, 15, 2)
    assert lens.fit.text == "text that it wrote itself at temperature 1 after a few words, seed 0"
    other = tmp_path / "elsewhere"
    main(["mine", "--prompts", "3", "--tokens", "8", "--skip-first", "2", "--folder", str(other)])
    files = [next(folder.glob("*.safetensors")) for folder in (tmp_path / "lenses", other)]
    assert files[0].read_bytes() == files[1].read_bytes()  # the seed decides


def test_text_that_a_model_writes_itself() -> None:
    model = make_model("llama")
    texts = own_texts(model, 3, 12, seed=1)
    assert texts == own_texts(model, 3, 12, seed=1)
    assert texts != own_texts(model, 3, 12, seed=2)
    assert {len(text) for text in texts} == {12}
    assert len(set(OPENINGS)) == len(OPENINGS)
    # sampled from the model's own distribution, one token after the other
    written = _continued(model, [3, 14], 4, torch.Generator().manual_seed(5))
    again, ids = torch.Generator().manual_seed(5), [3, 14]
    for _ in range(2):
        with torch.no_grad():
            logits = model.hf_model(torch.tensor([ids])).logits[0, -1]
        logits[model.tokenizer.all_special_ids] = -torch.inf
        ids.append(int(torch.multinomial(logits.softmax(-1), 1, generator=again)))
    assert list(written) == ids


def test_text_for_the_teaching_model() -> None:
    texts = teaching_texts(15)
    assert len(texts) == 15
    assert texts[:14] == teaching_texts(14)
    assert texts != teaching_texts(15, seed=1)
    assert texts[0] == "49+53=102"
    assert texts[1].count("-") == 1
    assert ["mod 5=" in texts[2], "mod 10=" in texts[3]] == [True, True]
    assert "from the year" in texts[5]
