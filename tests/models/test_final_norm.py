"""The final norm of every family: found, frozen, and equal to its own formula written out by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from patchwidgets.errors import RefusedError
from patchwidgets.models.final_norm import FinalNorm, find_final_norm
from patchwidgets.models.model import Model
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.norms import frozen_norm_by_hand
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

PROMPTS = ["w3 w14 w15 w9 w26", "w7 w1 w30 w9 w26"]


def final_streams(model: Model) -> tuple[Tensor, Tensor]:
    """The last residual streams of two prompts, ``[pos, d_model]``."""
    streams = model.run(PROMPTS)[f"L{model.n_layers - 1}.resid_post"]
    return streams[0], streams[1]


@pytest.mark.parametrize("case", CASES)
def test_every_family_frozen_norm_by_hand(case: str) -> None:
    model = make_model(case)
    norm = find_final_norm(model.layout)
    (module,) = norm.modules
    host, source = final_streams(model)
    frozen = norm.frozen(host)
    with torch.no_grad():
        torch.testing.assert_close(frozen.output, module(host))
        torch.testing.assert_close(norm(source), module(source))
        expected = frozen_norm_by_hand(module, host, source - host)
    torch.testing.assert_close(frozen(source - host), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(frozen(host) + frozen.bias, frozen.output, rtol=1e-5, atol=1e-5)
    assert (frozen(source) + frozen.bias - norm(source)).abs().max() > 1e-3  # the scale is held


@pytest.mark.parametrize("case", ["llama", "gemma2", "gpt2", "cohere", "nemotron"])
def test_a_direction_keeps_its_products(case: str) -> None:
    model = make_model(case)
    host, source = final_streams(model)
    frozen = find_final_norm(model.layout).frozen(host)
    direction = torch.randn(host.shape)
    products = (frozen(source) * direction).sum(-1)
    torch.testing.assert_close((source * frozen.transposed(direction)).sum(-1), products)


def test_changes_of_many_components_at_once() -> None:
    model = make_model("gpt2")
    host, _ = final_streams(model)
    frozen = find_final_norm(model.layout).frozen(host)
    changes = torch.randn(7, *host.shape)
    together = frozen(changes)
    assert together.shape == changes.shape
    torch.testing.assert_close(together[3], frozen(changes[3]))
    torch.testing.assert_close(together.sum(0), frozen(changes.sum(0)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["llama", "gemma", "gpt2", "cohere"])
def test_half_precision_is_computed_in_float32(case: str) -> None:
    model = make_model(case, torch.bfloat16)
    norm = find_final_norm(model.layout)
    host, source = final_streams(model)
    frozen = norm.frozen(host)
    assert frozen(source - host).dtype == frozen.output.dtype == torch.float32
    with torch.no_grad():
        expected = frozen_norm_by_hand(
            norm.modules[0].float(), host.float(), (source - host).float()
        )
    torch.testing.assert_close(frozen(source - host), expected, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        ({"do_layer_norm_before": True, "word_embed_proj_dim": 12}, [nn.LayerNorm, nn.Linear]),
        ({"do_layer_norm_before": True, "_remove_final_layer_norm": True}, []),
    ],
)
def test_a_projection_after_the_norm_and_no_norm(config: dict[str, Any], kinds: list[type]) -> None:
    model = make_model("opt", **config)
    norm = find_final_norm(model.layout)
    assert [type(module) for module in norm.modules] == kinds
    host, source = final_streams(model)
    frozen = norm.frozen(host)
    expected = host
    with torch.no_grad():
        for module in norm.modules:
            expected = module(expected)
        torch.testing.assert_close(frozen.output, expected)
        torch.testing.assert_close(frozen(host) + frozen.bias, expected, rtol=1e-5, atol=1e-5)
        logits = model.hf_model.lm_head(frozen.output)[-1]
    torch.testing.assert_close(logits, model.run(PROMPTS[0]).logits[0], rtol=1e-5, atol=1e-5)
    direction = torch.randn(frozen.output.shape)
    products = (frozen(source) * direction).sum(-1)
    torch.testing.assert_close((source * frozen.transposed(direction)).sum(-1), products)


class Squashing(nn.Module):
    """No norm: each number by itself."""

    def forward(self, stream: Tensor) -> Tensor:
        return stream.tanh()


def changed_norm(module: nn.Module) -> FinalNorm:
    hf_model = random_model("llama")
    hf_model.model.norm = module
    return find_final_norm(Model(hf_model, toy_tokenizer(VOCABULARY), "odd").layout)


def test_what_is_no_norm_is_refused() -> None:
    norm = changed_norm(Squashing())
    with pytest.raises(
        RefusedError,
        match=r"final norm of odd \(Squashing\) cannot be frozen: neither an RMSNorm nor a LayerNorm gives what it "
        r"gives \(off by .* of the largest number\)\. Use the live norm\.",
    ):
        norm.frozen(torch.randn(3, 32))


def test_a_way_that_is_not_known_is_refused() -> None:
    model = make_model("llama")
    handle = model.hf_model.lm_head.register_forward_pre_hook(lambda _, args: (2 * args[0],))
    with pytest.raises(
        RefusedError, match="is not what one or two modules make of the last block's resid_post"
    ):
        find_final_norm(model.layout)
    handle.remove()
    find_final_norm(model.layout)


def test_a_hook_of_the_user_on_the_norm_counts() -> None:
    model = make_model("llama")
    host, _ = final_streams(model)
    plain = find_final_norm(model.layout).frozen(host)
    model.hf_model.model.norm.register_forward_hook(lambda *args: 3 * args[-1] + 1)
    tripled = find_final_norm(model.layout).frozen(host)
    torch.testing.assert_close(tripled(host), 3 * plain(host))
    torch.testing.assert_close(tripled.bias, torch.ones_like(host))
