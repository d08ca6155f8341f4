"""The logit lens, against the model's own logits and against the last block's output replaced by hand."""

import copy

import pytest
import torch
from torch import Tensor

import patchwidgets as pw
from patchwidgets.errors import (
    AnswerError,
    LensError,
    MetricError,
    RefusedError,
    SiteError,
    TaskError,
    WeightsChangedError,
)
from patchwidgets.models.lenses.readout import ENTRIES_AT_ONCE, check_readout, read_as_last
from patchwidgets.models.model import Model
from tests.support.families import CASES, N_LAYERS, VOCABULARY
from tests.support.prompts import CLEAN
from tests.support.toy_models import assert_same_logits, make_model

PROMPT = "w3 w14 w15 w9 w26"


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


def own_logits(model: Model, text: str) -> Tensor:
    """``[pos, vocabulary]`` by a plain call of the user's object."""
    with torch.no_grad():
        return model.hf_model(torch.tensor([model.encode(text)])).logits[0].float()


def replaced(model: Model, text: str, layer: int) -> Tensor:
    """The model's logits where the last block returns what block `layer` returned, at every position at once."""
    blocks = model.hf_model.get_submodule(model.layout.architecture.layers)
    held = []

    def keep(_module, _args, output):
        held.append(output[0] if isinstance(output, tuple) else output)

    def swap(_module, _args, output):
        return (held[0], *output[1:]) if isinstance(output, tuple) else held[0]

    handles = [blocks[layer].register_forward_hook(keep), blocks[-1].register_forward_hook(swap)]
    try:
        return own_logits(model, text)
    finally:
        for handle in handles:
            handle.remove()


def all_logits(data, layer: int, n: int = VOCABULARY) -> Tensor:
    """``[pos, vocabulary]`` of a lens that listed every token."""
    ids, logits = (
        torch.tensor(data[name].sel(layer=layer, pair=0).values) for name in ("top_id", "top_logit")
    )
    return torch.empty(len(ids), n).scatter(1, ids, logits)


def test_the_last_layer_is_the_model_and_every_other_is_its_own_end_on_that_stream(
    model: Model,
) -> None:
    data = model.run(PROMPT).lens(pos=None, k=VOCABULARY).to_xarray()
    assert_same_logits(all_logits(data, N_LAYERS - 1), own_logits(model, PROMPT), 1e-5)
    for layer in range(N_LAYERS - 1):
        expected = replaced(model, PROMPT, layer)
        assert_same_logits(all_logits(data, layer), expected, 1e-5)
        assert (all_logits(data, N_LAYERS - 1) - expected).abs().max() > 0.01
    assert data.attrs["noise_floor"] < 1e-4
    earlier = model.run(PROMPT).lens("resid_pre", None, k=VOCABULARY).to_xarray()
    assert_same_logits(all_logits(earlier, 1), all_logits(data, 0), 1e-5)


def test_between_attention_and_mlp_where_there_is_such_a_stream(model: Model) -> None:
    run = model.run(PROMPT)
    if "resid_mid" in model.refused:
        with pytest.raises(RefusedError, match="attention and MLP run in parallel"):
            run.lens("resid_mid")
        return
    data = run.lens("resid_mid", pos=-1, layers=[1], k=VOCABULARY).to_xarray()
    expected = read_as_last(model.layout, run["L1.resid_mid@-1"][0], token=5)
    assert_same_logits(all_logits(data, 1), expected, 1e-5)


def test_by_the_modules_of_the_model(smollm2: Model) -> None:
    ids = torch.tensor([smollm2.encode(CLEAN)])
    # A copy: transformers leaves hooks on a model that was asked for hidden states.
    hf = copy.deepcopy(smollm2.hf_model)
    with torch.no_grad():
        streams = hf.model(ids, output_hidden_states=True).hidden_states
        by_hand = torch.stack([hf.lm_head(hf.model.norm(each[0, -1])) for each in streams[1:-1]])
    run = smollm2.run(CLEAN)
    data = run.lens(answer=" Mary", foil=" John", k=5).to_xarray().isel(pair=0, pos=0)
    logprobs = torch.cat([by_hand, run.logits]).log_softmax(-1)
    mary, john = smollm2.encode(" Mary")[0], smollm2.encode(" John")[0]
    above = (logprobs > logprobs[:, [mary]]).sum(-1)
    assert abs(data.answer_logprob.values - logprobs[:, mary].numpy()).max() < 1e-3
    assert (
        abs(data.logit_diff.values - (logprobs[:, mary] - logprobs[:, john]).numpy()).max() < 1e-3
    )
    assert (data.answer_rank.values == 1 + above.numpy()).all()
    assert (data.top_id.values == logprobs.topk(5).indices.numpy()).mean() > 0.99  # ties may swap
    assert data.answer_prob.values[-1] == pytest.approx(0.9229, abs=1e-3)


def test_many_streams_are_read_in_several_passes() -> None:
    model = make_model("llama")
    text = " ".join(f"w{i % 60}" for i in range(50))
    assert ENTRIES_AT_ONCE < 3 * 50 * 2
    data = model.run([text, text.replace("w7", "w8")]).lens(pos=None, k=VOCABULARY).to_xarray()
    for pair, each in enumerate((text, text.replace("w7", "w8"))):
        last = all_logits(data.isel(pair=[pair]).assign_coords(pair=[0]), N_LAYERS - 1)
        assert_same_logits(last, own_logits(model, each), 1e-5)


def test_bfloat16_reads_the_same_at_the_last_layer() -> None:
    model = make_model("gemma2", torch.bfloat16)
    data = model.run(PROMPT).lens(k=VOCABULARY).to_xarray()
    assert_same_logits(all_logits(data, N_LAYERS - 1), own_logits(model, PROMPT)[[-1]], 2**-7)
    assert data.attrs["dtype"] == "bfloat16"


def test_what_is_followed_by_hand() -> None:
    model = make_model("gpt2")
    run = model.run([PROMPT, "w1 w2"])
    lens = run.lens(answer=[(" w8", 9), " w4"], foil=" w7", layers=[2])
    data = lens.to_xarray().isel(pos=0, layer=0)
    for pair, answers in enumerate(([8, 9], [4])):
        probs = run.logits[pair].softmax(-1)
        best = probs[answers].max()
        assert data.answer_prob.values[pair] == pytest.approx(float(probs[answers].sum()), abs=1e-6)
        assert data.answer_rank.values[pair] == 1 + int((probs > best).sum())
        assert data.foil_prob.values[pair] == pytest.approx(float(probs[7]), abs=1e-6)
        odds = probs[answers].sum().log() - probs[7].log()
        assert data.logit_diff.values[pair] == pytest.approx(float(odds), abs=1e-4)
    assert data.answer.values.tolist() == [" w8 | w9".replace("| ", "|  "), " w4"]
    assert data["index"].values.tolist() == [4, 1]
    frame = lens.over_pairs()
    assert frame.answer_prob[0] == pytest.approx(float(data.answer_prob.mean()))
    assert frame.answer_rank[0] == float(data.answer_rank.median())


def test_tables_and_labels() -> None:
    model = make_model("llama")
    lens = model.run(PROMPT).lens(pos=(1, 3), layers=[2, 0], answer=" w8", k=3)
    assert repr(lens) == "LensResult(logit lens, resid_post of 'llama': 2 layers, 1 prompt)"
    frame, data = lens.to_frame(), lens.to_xarray()
    assert frame[["pos", "layer", "site", "token"]].values.tolist() == [
        [1, 2, "L2.resid_post", " w14"],
        [1, 0, "L0.resid_post", " w14"],
        [2, 2, "L2.resid_post", " w15"],
        [2, 0, "L0.resid_post", " w15"],
    ]
    for row in frame.itertuples():
        cell = data.sel(pair=0, pos=row.pos, layer=row.layer)
        assert row.top == tuple(cell.top_token.values)
        assert (row.top_prob, row.answer_rank) == (cell.top_prob.values[0], cell.answer_rank)
    first = lens.top_tokens(2, 2)
    assert [top.id for top in first] == data.sel(layer=2, pair=0).top_id.values[0, :2].tolist()
    one = model.run(PROMPT).lens(answer=" w8")
    ranks = one.to_frame().answer_rank.astype(int)
    assert repr(one).endswith(f"1 prompt, answer at rank {', '.join(map(str, ranks))})")
    plain = model.run(PROMPT).lens()
    assert "answer_rank" not in plain.to_frame()
    assert plain.reason == "No token is followed; name one with lens(answer=' Mary')."


def test_the_embedding_alone() -> None:
    model = make_model("llama")  # whose stream begins with the embedding
    run = model.run(PROMPT)
    embed, first = (
        run.lens(*what, k=VOCABULARY).to_xarray() for what in (("embed", None), ("resid_pre", None))
    )
    assert_same_logits(all_logits(embed, 0), all_logits(first, 0), 1e-6)
    assert embed.site.values.tolist() == ["embed"]


def test_prompts_of_unequal_length_are_read_at_one_position() -> None:
    model = make_model("llama")
    run = model.run([PROMPT, "w1 w2"])
    data = run.lens(k=VOCABULARY).to_xarray()
    for pair, text in enumerate((PROMPT, "w1 w2")):
        of_pair = data.isel(pair=[pair]).assign_coords(pair=[0])
        assert_same_logits(all_logits(of_pair, 2), own_logits(model, text)[[-1]], 1e-5)
    with pytest.raises(SiteError, match=r"name one, as in pos=-1, or run them one by one"):
        run.lens(pos=None)
    with pytest.raises(SiteError, match=r"Position 3 is out of range: the prompt has 2 tokens"):
        run.lens(pos=3)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"component": "attn_out"},
            LensError,
            "reads a residual stream: resid_pre, resid_mid, res",
        ),
        ({"method": "tuned"}, LensError, "Unknown method 'tuned'; expected 'logit', 'jacobian' or"),
        ({"layers": [7]}, SiteError, "layer 7 is out of range; llama has layers 0 to 2"),
        ({"layers": []}, SiteError, "at least one layer; got"),
        ({"layers": [1, 1]}, SiteError, "Name each layer once"),
        ({"component": "embed", "layers": [0]}, SiteError, "belongs to no layer; leave layers out"),
        ({"component": "embed", "method": "jacobian"}, LensError, "which begins at L0.resid_pre"),
        ({"k": 0}, LensError, "lists 1 to 100 tokens, and no more than there are; got k=0"),
        ({"k": 62}, LensError, "no more than there are; got k=62"),
        ({"pos": "S2"}, SiteError, "no named positions; give an index instead of 'S2'"),
        ({"foil": " w8"}, TaskError, "A foil without an answer: give both, or an answer alone"),
        ({"answer": [" w8", " w9"]}, TaskError, "Got 2 answers or foils for 1 prompts"),
        ({"answer": " w8 w9"}, MetricError, "has 2 tokens, which have no common logit"),
        ({"answer": ""}, AnswerError, "has no tokens; give the text that should follow"),
        ({"answer": 61}, AnswerError, "There is no token 61; the model has logits of the tokens 0"),
        ({"answer": 1.5}, TaskError, "a text, a token id, a tuple of alternatives or a list"),
    ],
)
def test_what_cannot_be_read_is_refused(arguments, error, text) -> None:
    with pytest.raises(error, match=text):
        make_model("llama").run(PROMPT).lens(**arguments)


def test_what_a_result_does_not_have() -> None:
    lens = make_model("llama").run(PROMPT).lens(k=3)
    for ask, text in (
        (lens.over_pairs, r"nothing to average over pairs. No token is followed"),
        (lambda: lens.effect, r"Only a patch has an effect.*use exp.patch"),
        (lambda: lens.top_tokens(5), r"There is no layer 5 here; there is 0, 1, 2"),
        (lambda: lens.top_tokens(1, pair=1), r"There is no pair 1 here; there is 0"),
        (lambda: lens.top_tokens(1, run="clean"), r"There is no run 'clean' here; .*a single one"),
        (lambda: lens.top_tokens(1, 4), r"listed 3 tokens; got k=4. Read again with lens\(k=4\)"),
    ):
        with pytest.raises(LensError, match=text):
            ask()


def test_a_model_whose_logits_need_more_than_its_last_stream_is_refused() -> None:
    model = make_model("llama")
    seen = []
    model.hf_model.get_input_embeddings().register_forward_hook(
        lambda _module, args, _output: seen.append(args[0][0, -1])
    )
    model.hf_model.lm_head.register_forward_hook(lambda _m, _a, output: output + 0.1 * seen[-1])
    with pytest.raises(
        LensError, match=r"do not come from its last stream alone: .*off by up to 2"
    ):
        model.run(PROMPT).lens()


def test_streams_that_are_too_large_are_refused() -> None:
    model = make_model("gpt2", torch.float16)
    with pytest.raises(LensError, match=r"not finite in torch.float16.*dtype='float32'"):
        read_as_last(model.layout, torch.full((1, 32), 1e9), 3)


def test_the_gap_is_measured() -> None:
    model = make_model("llama")
    run = model.run([PROMPT] * 2)
    last = run["L2.resid_post@-1"][:, 0]
    assert check_readout(model.layout, last, run.logits, 3) < 1e-4
    with pytest.raises(LensError, match="do not come from its last stream"):
        check_readout(model.layout, last + 0.1, run.logits, 3)


def test_weights_that_changed_are_noticed() -> None:
    model = make_model("llama")
    run = model.run(PROMPT)
    with torch.no_grad():
        model.hf_model.lm_head.weight.mul_(2)
    with pytest.raises(WeightsChangedError, match=r"lm_head.weight changed"):
        run.lens()


def test_the_public_names() -> None:
    assert isinstance(make_model("llama").run(PROMPT).lens(), pw.LensResult)
