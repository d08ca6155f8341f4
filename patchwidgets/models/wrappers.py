"""What may stand around a model of transformers: adapters of PEFT, or `torch.compile`.

patchwidgets runs the model inside, whose layers contain the adapters. Costs nothing for a plain model, and for one of
PEFT two passes over a few tokens, which check that the model inside says the same as the wrapper.
"""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from patchwidgets.errors import ModelError
from patchwidgets.models.forward import forward, running
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import View

_N_TOKENS = 6
_OUTSIDE = {
    "XLORA": "mixes its adapters by a pass of its own",
    "POLY": "needs task_ids with every prompt",
    "ADAPTION_PROMPT": "puts tokens of its own in front of the prompt, inside attention",
}
"""By PEFT's name of an adapter: what it does outside of the model's layers."""


def unwrapped(hf_model: Any) -> Any:
    """Return the model of transformers inside a wrapper; a plain model as it is.

    Raises
    ------
    ModelError
        There is no model of transformers, or an adapter acts outside of the model's layers.
    """
    inner = hf_model
    while (inside := _inside(inner)) is not None:
        inner = inside
    if not isinstance(inner, PreTrainedModel):
        raise ModelError(_no_model(inner))
    return inner


def refuse_tokenizer(tokenizer: Any) -> None:
    """Refuse what is no tokenizer.

    Raises
    ------
    ModelError
        It cannot encode and decode.
    """
    if not callable(tokenizer) or not hasattr(tokenizer, "convert_ids_to_tokens"):
        raise ModelError(
            f"Expected the tokenizer of the model, from transformers; got {type(tokenizer).__name__}. Write "
            "pw.wrap(hf_model, AutoTokenizer.from_pretrained(name))."
        )


def refuse_other_logits(hf_model: Any, layout: Layout) -> None:
    """Check that a wrapper of PEFT gives, bit for bit, the logits of the model inside it.

    Raises
    ------
    ModelError
        It does not, so it does something outside of the model's layers.
    """
    if not _adapters(hf_model):
        return
    inner = layout.hf_model
    ids = torch.arange(_N_TOKENS)[None] % inner.get_input_embeddings().weight.shape[0]
    inside = forward(layout, ids, keep=range(_N_TOKENS)).logits
    try:
        with running(layout):
            wrapper = View(hf_model).model
            outside = wrapper(input_ids=ids.to(layout.device), use_cache=False).logits.float()
    except (ValueError, TypeError, RuntimeError, AttributeError, LookupError) as error:
        raise ModelError(_refused(_adapters(hf_model), f"does not run alone ({error})")) from error
    if not torch.equal(inside, outside):
        raise ModelError(
            _refused(_adapters(hf_model), "changes the logits outside of the model's layers")
        )


def _inside(hf_model: Any) -> Any:
    """Return what a wrapper wraps, or None if this is no wrapper."""
    if not isinstance(hf_model, nn.Module):
        return None
    if "_orig_mod" in hf_model._modules:
        return hf_model._modules["_orig_mod"]
    if isinstance(hf_model, PreTrainedModel) or not _from_peft(hf_model):
        return None
    for config in getattr(hf_model, "peft_config", {}).values():
        refuse_adapter(config)
    wrapper: Any = hf_model
    return wrapper.get_base_model() if hasattr(wrapper, "get_base_model") else wrapper.model


def _from_peft(hf_model: nn.Module) -> bool:
    return any(cls.__module__.partition(".")[0] == "peft" for cls in type(hf_model).__mro__)


def _adapters(hf_model: Any) -> list[Any]:
    """Return the configs of PEFT's adapters; none for a model without a wrapper of PEFT."""
    while (inside := _inside(hf_model)) is not None:
        if _from_peft(hf_model):
            return list(hf_model.peft_config.values())
        hf_model = inside
    return []


def refuse_adapter(config: Any) -> None:
    """Refuse an adapter of PEFT, by its config, that acts outside of the model's layers.

    Raises
    ------
    ModelError
        It does; the message says what.
    """
    reason = _OUTSIDE.get(_kind(config))
    if config.is_prompt_learning:
        reason = "puts tokens of its own in front of the prompt, so that positions no longer count its tokens"
    elif getattr(config, "alora_invocation_tokens", None):
        reason = "acts only after invocation tokens, for which its wrapper looks (activated LoRA)"
    elif getattr(config, "arrow_config", None):
        reason = "chooses among its adapters for each token (Arrow)"
    if reason is not None:
        raise ModelError(_refused([config], reason))


def _refused(configs: list[Any], reason: str) -> str:
    return (
        f"The adapter {', '.join(sorted({_kind(each) for each in configs}))} of PEFT {reason}, so it cannot be patched "
        "exactly. Use an adapter inside the layers, such as LoRA, or wrap peft_model.get_base_model()."
    )


def _kind(config: Any) -> str:
    """Return PEFT's name of an adapter, such as ``LORA``."""
    return str(getattr(config.peft_type, "value", config.peft_type))


def _no_model(hf_model: Any) -> str:
    kind = type(hf_model).__name__
    if isinstance(getattr(hf_model, "module", None), nn.Module):
        return f"{kind} spreads a model over devices by itself; give the model inside it, {kind}.module."
    if isinstance(hf_model, str):
        return f"Expected a model that is in memory; got the text {hf_model!r}. Use pw.load({hf_model!r})."
    return (
        f"Expected a causal language model of transformers; got {kind}. Load one with pw.load(name) or with "
        "AutoModelForCausalLM.from_pretrained(name)."
    )
