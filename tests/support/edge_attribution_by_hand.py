"""Edge attribution the slow way: hooks on plain transformers models, and a backward pass for each receiver."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from patchwidgets.facade import Experiment
from tests.support.families import D_MODEL, N_HEADS


def llama_parts(block: Any) -> dict[str, Any]:
    attention = block.self_attn
    return {
        "norm": block.input_layernorm,
        "q": (attention.q_proj, lambda h: slice(8 * h, 8 * h + 8)),
        "k": (attention.k_proj, lambda h: slice(8 * h, 8 * h + 8)),
        "v": (attention.v_proj, lambda h: slice(8 * h, 8 * h + 8)),
        "mlp": (block.mlp, block.post_attention_layernorm),
        "out": (attention.o_proj, attention.o_proj),
    }


def gemma2_parts(block: Any) -> dict[str, Any]:
    attention, after = block.self_attn, block.post_attention_layernorm
    return llama_parts(block) | {
        "mlp": (block.mlp, block.pre_feedforward_layernorm),
        "out": (attention.o_proj, lambda z: after(attention.o_proj(z))),
    }


def gpt2_parts(block: Any) -> dict[str, Any]:
    fused = block.attn.c_attn
    return {
        "norm": block.ln_1,
        "q": (fused, lambda h: slice(8 * h, 8 * h + 8)),
        "k": (fused, lambda h: slice(32 + 8 * h, 32 + 8 * h + 8)),
        "v": (fused, lambda h: slice(64 + 8 * h, 64 + 8 * h + 8)),
        "mlp": (block.mlp, block.ln_2),
        "out": (block.attn.c_proj, block.attn.c_proj),
    }


def gpt_neox_parts(block: Any) -> dict[str, Any]:
    """In parallel, with queries, key and value of each head side by side."""
    fused = block.attention.query_key_value
    return {
        "norm": block.input_layernorm,
        "q": (fused, lambda h: slice(24 * h, 24 * h + 8)),
        "k": (fused, lambda h: slice(24 * h + 8, 24 * h + 16)),
        "v": (fused, lambda h: slice(24 * h + 16, 24 * h + 24)),
        "mlp": (block.mlp, block.post_attention_layernorm),
        "out": (block.attention.dense, block.attention.dense),
    }


FAMILIES: dict[str, tuple[str, Any]] = {
    "llama": ("model.layers", llama_parts),
    "gemma2": ("model.layers", gemma2_parts),
    "gpt2": ("transformer.h", gpt2_parts),
    "gpt_neox": ("gpt_neox.layers", gpt_neox_parts),
}


class ByHand:
    """EAP by hooks on the plain transformers model: the stream is split, and a backward pass runs for each receiver."""

    def __init__(self, case: str, experiment: Experiment) -> None:
        path, parts = FAMILIES[case]
        self.model = experiment.model.hf_model
        self.blocks = list(self.model.get_submodule(path))
        self.parts = [parts(block) for block in self.blocks]
        self.pair, self.kv_heads = experiment.pairs[0], experiment.model.n_kv_heads

    def seen(self, ids: Any) -> dict[Any, Tensor]:
        """The stream before the first block, the inputs of output projections, and what MLPs add."""
        seen: dict[Any, Tensor] = {}
        handles = [
            self.blocks[0].register_forward_pre_hook(lambda _m, args: seen.update(embed=args[0]))
        ]
        for layer, (block, parts) in enumerate(zip(self.blocks, self.parts, strict=True)):
            mlp = getattr(block, "post_feedforward_layernorm", parts["mlp"][0])
            handles += [
                parts["out"][0].register_forward_pre_hook(
                    lambda _m, args, i=layer: seen.update({("z", i): args[0]})
                ),
                mlp.register_forward_hook(
                    lambda _m, _a, out, i=layer: seen.update({("mlp", i): out})
                ),
            ]
        with torch.no_grad():
            self.model(torch.tensor([ids]))
        for handle in handles:
            handle.remove()
        return seen

    def changes(self) -> dict[str, Tensor]:
        """What each sender writes differently."""
        host, source = self.seen(self.pair.corrupted), self.seen(self.pair.clean)
        changes = {"embed": source["embed"] - host["embed"]}
        with torch.no_grad():
            for layer, parts in enumerate(self.parts):
                out = parts["out"][1]
                for head in range(N_HEADS):
                    replaced = host["z", layer].clone()
                    own = slice(8 * head, 8 * head + 8)
                    replaced[..., own] = source["z", layer][..., own]
                    changes[f"L{layer}.H{head}"] = out(replaced) - out(host["z", layer])
                changes[f"L{layer}.mlp_out"] = source["mlp", layer] - host["mlp", layer]
        return changes

    def gradient(self, receiver: Any) -> Tensor:
        """The gradient at an addition of nothing to the stream that this receiver reads."""
        more = torch.zeros(1, len(self.pair), D_MODEL, dtype=torch.float64, requires_grad=True)
        handles = list(self._split(receiver, more))
        logits = self.model(torch.tensor([self.pair.corrupted])).logits[0, -1].float()
        for handle in handles:
            handle.remove()
        difference = logits[self.pair.answers[0]] - logits[self.pair.foils[0]]  # type: ignore[index]
        return torch.autograd.grad(difference, more)[0]

    def _split(self, receiver: Any, more: Tensor) -> Iterator[Any]:
        stream: list[Tensor] = []

        def read(_module: nn.Module, args: tuple[Any, ...]) -> None:
            if not stream:
                stream.append(args[0])

        def add(_module: nn.Module, args: tuple[Any, ...]) -> Any:
            return (args[0] + more, *args[1:])

        if receiver.layer is None:
            final = self.model.get_submodule(FINAL[self.model.config.model_type])
            yield final.register_forward_pre_hook(add)
            return
        parts = self.parts[receiver.layer]
        if receiver.component == "mlp_in":
            yield parts["mlp"][1].register_forward_pre_hook(read)
            yield parts["mlp"][0].register_forward_hook(
                lambda module, _a, _o: module.forward(parts["mlp"][1].forward(stream[0] + more))
            )
            return
        projection, own = parts[receiver.component]

        def replace(module: nn.Module, _args: Any, output: Tensor) -> Tensor:
            other = module.forward(parts["norm"].forward(stream[0] + more))
            output = output.clone()
            output[..., own(receiver.index)] = other[..., own(receiver.index)]
            return output

        yield parts["norm"].register_forward_pre_hook(read)
        yield projection.register_forward_hook(replace)


FINAL = {
    "llama": "model.norm",
    "gemma2": "model.norm",
    "gpt2": "transformer.ln_f",
    "gpt_neox": "gpt_neox.final_layer_norm",
}
