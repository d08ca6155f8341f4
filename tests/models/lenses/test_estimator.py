"""The average Jacobian, against autograd's explicit one, and against moving a stream by hand."""

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from patchwidgets.methods.fit_lens import streams_of
from patchwidgets.models.forward import forward
from patchwidgets.models.lenses.estimator import jacobian_sums
from patchwidgets.models.model import Model
from tests.support.families import D_MODEL, N_LAYERS
from tests.support.toy_models import make_model

PROMPTS = [(3, 14, 15, 9, 26, 5), (35, 8, 9, 7, 3, 2)]
POSITIONS = range(2, 5)
FAMILIES = ["llama", "gpt2", "gemma2", "olmo2", "granite", "gptj", "bloom", "falcon"]
"""Plain, with positions, with post-norms, multipliers, parallel blocks, alibi."""


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


def by_autograd(model: Model, ids: tuple[int, ...], kind: str, layer: int) -> Tensor:
    """The estimator spelled out: every derivative of every position by every position, then the sums."""
    blocks = model.hf_model.get_submodule(model.layout.architecture.layers)
    streams: dict[str, Tensor] = {}

    def run(stream: Tensor | None) -> Tensor:
        """The last stream, where this one is replaced at all positions."""

        def written(passing: Tensor) -> Tensor:
            streams["here"] = passing
            return passing if stream is None else stream.reshape(passing.shape)

        def before(_module, args, kwargs):
            return (written(args[0]), *args[1:]), kwargs

        def after(_module, _args, output):
            of_output = written(first_of(output))
            return (of_output, *output[1:]) if isinstance(output, tuple) else of_output

        def keep(_module, _args, output):
            streams["last"] = first_of(output)

        if kind == "resid_pre":
            handle = blocks[layer].register_forward_pre_hook(before, with_kwargs=True)
        else:
            handle = blocks[layer].register_forward_hook(after)
        last = blocks[-1].register_forward_hook(keep)
        try:
            model.hf_model(torch.tensor([ids]))
        finally:
            handle.remove()
            last.remove()
        return streams["last"].reshape(len(ids), D_MODEL)

    run(None)
    stream = streams["here"].detach().reshape(len(ids), D_MODEL)
    whole = jacobian(run, stream)  # [target, i, source, j]
    for target in range(len(ids) - 1):
        assert whole[target, :, target + 1 :].abs().max() == 0  # causal
    chosen = list(POSITIONS)
    return whole[chosen].sum(0)[:, chosen].mean(1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_estimator_by_explicit_jacobians(family: str) -> None:
    model = make_model(family, torch.float64)
    keys = [("resid_pre", 0), ("resid_post", 1)]
    found = jacobian_sums(model.layout, torch.tensor(PROMPTS[:1]), keys, POSITIONS)
    for kind, layer in keys:
        expected = by_autograd(model, PROMPTS[0], kind, layer).float()
        gap = (found[(kind, layer)] - expected).abs().max()
        assert gap < 1e-5 * expected.abs().max(), (kind, layer)
        assert (found[(kind, layer)].T - expected).abs().max() > 0.01 * expected.abs().max()


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_every_stream_by_moving_it(family: str) -> None:
    """At the last position, times a small step: how far the last stream moves (float32 norms blur a smaller step)."""
    model = make_model(family, torch.float64)
    ids, last = torch.tensor([PROMPTS[0]]), ("resid_post", N_LAYERS - 1)
    keys = streams_of(model.layout)
    assert [kind for kind, _ in keys].count("resid_mid") == N_LAYERS
    found = jacobian_sums(model.layout, ids, keys, range(5, 6))
    step = 1e-3 * torch.randn(D_MODEL, dtype=torch.float64)
    for key in keys:
        ends = []
        for sign in (1, -1):

            def move(stream: Tensor, by: Tensor = sign * step) -> Tensor:
                return torch.cat([stream[:, :5], stream[:, 5:] + by], dim=1)

            ends.append(forward(model.layout, ids, {key: move}, [last]).activations[last][0, 5])
        moved, expected = (ends[0] - ends[1]) / 2, found[key].double() @ step
        assert (moved - expected).norm() < 3e-3 * expected.norm(), key


@pytest.mark.parametrize("tokens_at_once", [1, 24, 100, 10**6])
def test_how_much_runs_at_once_does_not_matter(tokens_at_once: int) -> None:
    model = make_model("llama", torch.float64)
    keys = streams_of(model.layout)
    ids = torch.tensor(PROMPTS)
    whole = jacobian_sums(model.layout, ids, keys, POSITIONS, tokens_at_once)
    apart = [jacobian_sums(model.layout, ids[[i]], keys, POSITIONS) for i in (0, 1)]
    for key in keys:
        assert torch.allclose(whole[key], apart[0][key] + apart[1][key], rtol=1e-4, atol=1e-5)
