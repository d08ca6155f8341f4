"""Mixtures of experts: where their routers are, and which of them cannot be patched one prompt at a time.

transformers declares for each family which module computes the router's logits, so no family is named here. Rounding
alone can turn a choice between two experts that are nearly equal, and with it the numbers by far more than rounding;
sweeps count that on their unpatched rows. Jitter of routers is part of training and off in eval mode, in which
patchwidgets runs; where it were not, the checks at load would see two equal prompts differ.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from patchwidgets.errors import ModelError
from patchwidgets.hooks.hook_points import RouterHookPoint
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.discovery import is_mixture

_LIMITS = re.compile(r"capacity|token_drop|drop_tokens")


def routers(
    hf_model: nn.Module, blocks: Sequence[nn.Module], config: Any
) -> dict[Key, RouterHookPoint]:
    """Every router by its layer, as ``("routing", layer)``; of several in a layer also as ``("routing 2", layer)``."""
    kinds = list(_declared(hf_model))
    found: dict[Key, RouterHookPoint] = {}
    for layer, block in enumerate(blocks):
        of_layer = {
            module: logits
            for module in block.modules()
            for kind, logits in kinds
            if isinstance(module, kind)
        }
        for i, (module, logits) in enumerate(of_layer.items(), 1):
            n = getattr(module, "top_k", None) or getattr(config, "num_experts_per_tok", None)
            key = "routing" if i == 1 else f"routing {i}"
            found[(key, layer)] = RouterHookPoint(
                module, "output", logits=logits, n_chosen=int(n or 1)
            )
    return found


def _declared(hf_model: nn.Module) -> Iterator[tuple[type[nn.Module], int]]:
    """The classes of the routers, and which of their outputs is their logits."""
    for module in hf_model.modules():
        declared = getattr(module, "_can_record_outputs", None) or {}
        recorders = declared.get("router_logits", [])
        for recorder in recorders if isinstance(recorders, list | tuple) else [recorders]:
            kind = getattr(recorder, "target_class", recorder)
            if isinstance(kind, type):
                yield kind, int(getattr(recorder, "index", 0))


def refuse_limits(hf_model: Any) -> None:
    """Refuse a mixture whose experts take a limited number of tokens.

    Raises
    ------
    ModelError
        What a prompt gives there depends on what else is in the batch.
    """
    if not any(is_mixture(module) for module in hf_model.children()):
        return
    for name, value in hf_model.config.get_text_config().to_dict().items():
        if _LIMITS.search(name) and isinstance(value, int | float) and value > 0:
            raise ModelError(
                f"{type(hf_model).__name__} limits how many tokens an expert takes ({name} = {value}): what a prompt "
                "gives then depends on what runs beside it, and patches run beside each other. Switch the limit off "
                "in its config, or use a model that drops no tokens."
            )
