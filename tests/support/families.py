"""Small models of every family in `patchwidgets.models.architectures`, and some others, with *every* parameter random.

Axes are unequal (3 layers, 4 heads of width 8, 2 key-value heads, 40 neurons), so that a transposition shows.
"""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

N_LAYERS, N_HEADS, D_MODEL, D_MLP, VOCABULARY = 3, 4, 32, 40, 61

_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_LLAMA = {
    "hidden_size": D_MODEL,
    "intermediate_size": D_MLP,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": N_HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
_MULTI_HEAD = _LLAMA | {"num_key_value_heads": N_HEADS}
_GPT2 = {
    "n_embd": D_MODEL,
    "n_inner": D_MLP,
    "n_layer": N_LAYERS,
    "n_head": N_HEADS,
    "n_positions": 64,
}
_GEMMA = _LLAMA | {"head_dim": 8}

FAMILIES: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": D_MODEL, "n_layer": N_LAYERS, "n_head": N_HEADS},
    "cohere": _LLAMA,
    "falcon": {
        "hidden_size": D_MODEL,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": N_HEADS,
    },
    "gemma": _GEMMA,
    "gemma2": _GEMMA,
    "gemma3": {"text_config": _GEMMA | _SIZES},
    "gemma3_text": _GEMMA,
    "gpt2": _GPT2,
    "gpt_bigcode": _GPT2,
    "gpt_neo": {
        "hidden_size": D_MODEL,
        "intermediate_size": D_MLP,
        "num_layers": N_LAYERS,
        "num_heads": N_HEADS,
        "attention_types": [[["global", "local", "global"], 1]],
        "max_position_embeddings": 64,
    },
    "gpt_neox": _MULTI_HEAD,
    "gptj": _GPT2 | {"rotary_dim": 4},
    "granite": _LLAMA
    | {"residual_multiplier": 0.3, "embedding_multiplier": 2.0, "logits_scaling": 3.0},
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "mixtral": _LLAMA | {"num_local_experts": 4},
    "mpt": {"d_model": D_MODEL, "n_heads": N_HEADS, "n_layers": N_LAYERS},
    "olmo2": _LLAMA,
    "opt": _MULTI_HEAD | {"ffn_dim": D_MLP, "word_embed_proj_dim": D_MODEL},
    "phi": _LLAMA,
    "phi3": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA | {"head_dim": 8},
    "stablelm": _LLAMA,
    "starcoder2": _LLAMA,
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt_neox, not parallel": ("gpt_neox", {"use_parallel_residual": False}),
    "falcon, not parallel": ("falcon", {"parallel_attn": False}),
    "falcon, new decoder": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "mistral, narrow window": ("mistral", {"sliding_window": 3}),
    "gemma3_text, narrow window": ("gemma3_text", {"sliding_window": 3}),
    "gpt_neo, narrow window": ("gpt_neo", {"window_size": 3}),
    "gpt_bigcode, a head each": ("gpt_bigcode", {"multi_query": False}),
    "falcon, alibi": ("falcon", {"alibi": True}),
    "llama, a head each": ("llama", {"num_key_value_heads": N_HEADS}),
    "llama, eager": ("llama", {"attn_implementation": "eager"}),
    "stablelm, parallel": ("stablelm", {"use_parallel_residual": True}),
}
DISCOVERED: dict[str, dict[str, Any]] = {
    "codegen": _GPT2 | {"rotary_dim": 4},
    "cohere2": _LLAMA,
    "diffllama": _LLAMA,
    "glm4": _LLAMA | {"head_dim": 8},
    "gpt_oss": _LLAMA | {"head_dim": 8, "num_local_experts": 4},
    "helium": _LLAMA | {"head_dim": 8},
    "nemotron": _LLAMA,
    "olmo": _LLAMA,
    "olmo3": _LLAMA,
    "qwen3_moe": _LLAMA | {"head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2},
    "smollm3": _LLAMA,
}
"""Families without a record: where their parts are is found in their structure."""

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in FAMILIES | DISCOVERED},
    **VARIANTS,
}


def random_model(case: str, dtype: torch.dtype = torch.float32, **config: Any) -> Any:
    """A model of a case of `CASES`."""
    family, changes = CASES[case]
    sizes = {} if family == "gemma3" else _SIZES
    made = AutoConfig.for_model(
        family, **((FAMILIES | DISCOVERED)[family] | sizes | changes | config)
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(made, dtype=torch.float32).eval()
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.3)
    return model.to(dtype)
