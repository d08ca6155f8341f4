"""Where each component is in a family of transformers models: one record per ``model_type``. Data; costs nothing.

Module paths are relative to a decoder block. Every record is checked against the model when it is loaded
(`patchwidgets.models.verification`). So a wrong record causes an error that names the layer and never a wrong number,
unless ``verify`` is ``"warn"`` or ``"off"``.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from patchwidgets.entry_points import Group, added, load_added

GROUP: Group = "patchwidgets.architectures"
"""The entry points by which other packages add records, by their ``model_type``."""


@dataclass(frozen=True)
class Architecture:
    """The record of one family of models, as those of Llama unless it says otherwise.

    A package adds records of its own by entry points of the group ``patchwidgets.architectures``.

    Attributes
    ----------
    layers
        Path from the model to its list of decoder blocks.
    z
        Module whose *input* is the concatenated head outputs: the output projection.
    attn_out, mlp_out
        Module whose *output* is what the block adds to the residual stream, after any post-norm.
    mlp_input
        Module whose *input* is the residual stream between attention and MLP; None in a parallel block.
    neuron
        Module whose *input* is the neurons: the down projection. None if no single module has that input.
    neuron_pre
        Module whose *output* is the neurons before their non-linearity; in a gated MLP, the gate projection.
    neuron_up
        Module whose *output* is the other factor of a gated MLP.
    fused_gate_up
        Whether `neuron_pre` and `neuron_up` are the two halves of one output.
    parallel
        Whether attention and MLP read the same residual stream; or the name of the config attribute that says so.
    multiplier
        Name of the config attribute that scales both outputs before they are added to the residual stream.
    qkv
        Where q, k and v are. ``kernel``: arguments of the attention kernel, through transformers' attention interface.
        ``separate``: outputs of projections of their own, beside the output projection. ``grouped``: output of one
        fused projection, ordered by key-value head. ``thirds``: output of one fused projection, in three blocks.
        ``none``: unknown.
    fused
        The fused projection.
    pattern
        Module whose output is the attention probabilities, in families that do not use the attention interface.
    rotary_inside
        Whether the family rotates q and k inside its own attention code; or the name of the config attribute that says
        so.

    Examples
    --------
    >>> mine = pw.Architecture(layers="decoder.blocks", z="attention.out", attn_out="attention.out")
    >>> mine.layers, mine.mlp_out
    ('decoder.blocks', 'mlp.down_proj')
    """

    layers: str = "model.layers"
    z: str = "self_attn.o_proj"
    attn_out: str = "self_attn.o_proj"
    mlp_out: str = "mlp.down_proj"
    mlp_input: str | None = "post_attention_layernorm"
    neuron: str | None = "mlp.down_proj"
    neuron_pre: str | None = "mlp.gate_proj"
    neuron_up: str | None = "mlp.up_proj"
    fused_gate_up: bool = False
    parallel: bool | str = False
    multiplier: str | None = None
    qkv: Literal["kernel", "separate", "grouped", "thirds", "none"] = "kernel"
    fused: str | None = None
    pattern: str | None = None
    rotary_inside: bool | str = False


def _plain(layers: str, z: str, fc: str, out: str, mlp_input: str | None) -> Architecture:
    """Return a record with an MLP without gate (``fc``, non-linearity, ``out``) and no norm after the projections."""
    return Architecture(layers, z, z, out, mlp_input, out, fc, None)


_4H = ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h")

LLAMA = Architecture()
GPT2 = _plain("transformer.h", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "ln_2")
GEMMA2 = replace(
    LLAMA,
    attn_out="post_attention_layernorm",
    mlp_out="post_feedforward_layernorm",
    mlp_input="pre_feedforward_layernorm",
)
MIXTURE = replace(LLAMA, mlp_out="mlp", neuron=None, neuron_pre=None, neuron_up=None)

ARCHITECTURES: dict[str, Architecture] = {
    "bloom": replace(
        _plain("transformer.h", "self_attention.dense", *_4H, "post_attention_layernorm"),
        qkv="grouped",
        fused="self_attention.query_key_value",
        pattern="self_attention.attention_dropout",
    ),
    "cohere": replace(LLAMA, mlp_input=None, parallel=True),
    "falcon": replace(
        _plain("transformer.h", "self_attention.dense", *_4H, "post_attention_layernorm"),
        parallel="parallel_attn",
        qkv="grouped",
        fused="self_attention.query_key_value",
        rotary_inside="rotary",
    ),
    "gemma": LLAMA,
    "gemma2": GEMMA2,
    "gemma3": replace(GEMMA2, layers="model.language_model.layers"),
    "gemma3_text": GEMMA2,
    "gpt2": GPT2,
    "gpt_bigcode": GPT2,
    "gpt_neo": replace(
        GPT2,
        z="attn.attention.out_proj",
        attn_out="attn.attention.out_proj",
        qkv="separate",
        pattern="attn.attention.attn_dropout",
    ),
    "gpt_neox": replace(
        _plain("gpt_neox.layers", "attention.dense", *_4H, "post_attention_layernorm"),
        parallel="use_parallel_residual",
    ),
    "gptj": replace(
        _plain("transformer.h", "attn.out_proj", "mlp.fc_in", "mlp.fc_out", None),
        parallel=True,
        qkv="separate",
        pattern="attn.attn_dropout",
        rotary_inside=True,
    ),
    "granite": replace(LLAMA, multiplier="residual_multiplier"),
    "llama": LLAMA,
    "mistral": LLAMA,
    "mixtral": MIXTURE,
    "mpt": replace(
        _plain("transformer.blocks", "attn.out_proj", "ffn.up_proj", "ffn.down_proj", "norm_2"),
        qkv="thirds",
        fused="attn.Wqkv",
    ),
    "olmo2": replace(
        LLAMA,
        attn_out="post_attention_layernorm",
        mlp_out="post_feedforward_layernorm",
        mlp_input="mlp",
    ),
    "opt": _plain("model.decoder.layers", "self_attn.out_proj", "fc1", "fc2", "final_layer_norm"),
    "phi": replace(
        _plain("model.layers", "self_attn.dense", "mlp.fc1", "mlp.fc2", None), parallel=True
    ),
    "phi3": replace(
        LLAMA, neuron_pre="mlp.gate_up_proj", neuron_up="mlp.gate_up_proj", fused_gate_up=True
    ),
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "stablelm": replace(LLAMA, parallel="use_parallel_residual"),
    "starcoder2": _plain(
        "model.layers", "self_attn.o_proj", "mlp.c_fc", "mlp.c_proj", "post_attention_layernorm"
    ),
}


def find_record(config: Any) -> Architecture | None:
    """Return the record of the family that a config of transformers belongs to, or None.

    Where there is none here, it may be one that another package adds.

    Raises
    ------
    ExtensionError
        Another package adds it, and it cannot be used.
    """
    model_types = dict.fromkeys((config.model_type, config.get_text_config().model_type))
    others = added(GROUP, ARCHITECTURES)
    for model_type in model_types:
        if model_type in ARCHITECTURES:
            return ARCHITECTURES[model_type]
        if model_type in others:
            record: Architecture = load_added(GROUP, others[model_type], Architecture)
            return record
    return None


def is_mixture(module: nn.Module) -> bool:
    """Return whether a module contains experts."""
    return any(name.rpartition(".")[2] == "experts" for name, _ in module.named_modules())
