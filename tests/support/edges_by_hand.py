"""What a circuit of edges computes, by arithmetic written out for GPT-2 and Llama: one receiver after the other."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

Reader = Callable[[str], Tensor]
"""From the name of a receiver to the stream that it reads, ``[pos, d_model]``."""


def run_circuit(
    hf_model: Any,
    ids: Tensor,
    edges: Collection[str],
    ablated: Mapping[str, Tensor] | None = None,
    now: dict[str, Tensor] | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the last logits of one prompt, and what every sender wrote.

    Parameters
    ----------
    edges
        Kept ones, as ``L0.H1->L1.mlp_in``.
    ablated
        What each sender writes into the others; without it, every edge is kept.
    now
        Filled with what every sender writes.
    """
    family = _Llama(hf_model) if hf_model.config.model_type == "llama" else _GPT2(hf_model)
    now = {} if now is None else now
    now["embed"] = family.embed(ids)

    def read(receiver: str) -> Tensor:
        total = family.constant(receiver, len(ids))
        for sender, written in now.items():
            kept = ablated is None or f"{sender}->{receiver}" in edges
            total = total + (written if kept else ablated[sender])
        return total

    with torch.no_grad():
        for layer in range(family.n_layers):
            now.update(family.heads(layer, read))
            now[f"L{layer}.mlp_out"] = family.mlp(layer, read(f"L{layer}.mlp_in"))
        return family.logits(read("logits"))[-1], now


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head: ``[pos, d_head]`` each."""
    scores = q @ k.T / math.sqrt(q.shape[-1])
    future = torch.ones_like(scores).triu(1).bool()
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v


class _GPT2:
    def __init__(self, hf_model: Any) -> None:
        self.hf, self.config = hf_model, hf_model.config
        self.n_layers, self.n_heads = self.config.n_layer, self.config.n_head

    def embed(self, ids: Tensor) -> Tensor:
        t = self.hf.transformer
        return (t.wte(ids) + t.wpe(torch.arange(len(ids)))).detach()

    def constant(self, receiver: str, _length: int) -> Tensor:
        """The biases of the attention before a receiver, which no head writes."""
        blocks = self.hf.transformer.h
        end = len(blocks)
        if receiver != "logits":
            end = int(receiver[1]) + receiver.endswith("mlp_in")
        total = torch.zeros(self.config.n_embd)
        return sum((block.attn.c_proj.bias.detach() for block in blocks[:end]), total)

    def heads(self, layer: int, read: Reader) -> dict[str, Tensor]:
        block = self.hf.transformer.h[layer]
        d, n = self.config.n_embd, self.n_heads
        writes = {}
        for head in range(n):
            of_head = slice(head * d // n, (head + 1) * d // n)
            parts = []
            for i, part in enumerate("qkv"):
                x = block.ln_1(read(f"L{layer}.H{head}.{part}"))
                parts.append(block.attn.c_attn(x)[:, i * d : (i + 1) * d][:, of_head])
            writes[f"L{layer}.H{head}"] = attend(*parts) @ block.attn.c_proj.weight[of_head]
        return writes

    def mlp(self, layer: int, x: Tensor) -> Tensor:
        block = self.hf.transformer.h[layer]
        return block.mlp(block.ln_2(x))

    def logits(self, x: Tensor) -> Tensor:
        return self.hf.lm_head(self.hf.transformer.ln_f(x))


class _Llama:
    def __init__(self, hf_model: Any) -> None:
        self.hf, self.config = hf_model, hf_model.config
        self.n_layers, self.n_heads = self.config.num_hidden_layers, self.config.num_attention_heads

    def embed(self, ids: Tensor) -> Tensor:
        return self.hf.model.embed_tokens(ids).detach()

    def constant(self, _receiver: str, length: int) -> Tensor:
        return torch.zeros(length, self.config.hidden_size)

    def heads(self, layer: int, read: Reader) -> dict[str, Tensor]:
        block = self.hf.model.layers[layer]
        attention, n_kv = block.self_attn, self.config.num_key_value_heads
        d_head = self.config.hidden_size // self.n_heads

        def projected(part: str, name: str, index: int) -> Tensor:
            x = block.input_layernorm(read(f"L{layer}.{name}.{part}"))
            out = getattr(attention, f"{part}_proj")(x)
            return out[:, index * d_head : (index + 1) * d_head]

        writes = {}
        for head in range(self.n_heads):
            kv = head // (self.n_heads // n_kv)
            shared = f"KV{kv}" if n_kv < self.n_heads else f"H{kv}"
            q = projected("q", f"H{head}", head)
            k, v = (projected(part, shared, kv) for part in "kv")
            places = torch.arange(len(q))[None]
            cos, sin = self.hf.model.rotary_emb(q[None], places)
            q, k = (
                each[0, 0] for each in apply_rotary_pos_emb(q[None, None], k[None, None], cos, sin)
            )
            weight = attention.o_proj.weight[:, head * d_head : (head + 1) * d_head]
            writes[f"L{layer}.H{head}"] = attend(q, k, v) @ weight.T
        return writes

    def mlp(self, layer: int, x: Tensor) -> Tensor:
        block = self.hf.model.layers[layer]
        return block.mlp(block.post_attention_layernorm(x))

    def logits(self, x: Tensor) -> Tensor:
        return self.hf.lm_head(self.hf.model.norm(x))
