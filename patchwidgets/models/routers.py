"""Mixtures of experts: where their routers are, and which mixtures are refused.

transformers declares for each family which module computes the router's logits, so this module names no family. When
two experts are almost equally likely, rounding alone can change which is chosen, and that changes the numbers by far
more than rounding. Sweeps count such changes in their unpatched rows. Routers jitter only in training; patchwidgets
runs in eval mode. If a router jittered all the same, the checks at load would fail.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from patchwidgets.errors import ModelError
from patchwidgets.hooks.hook_points import RouterHookPoint
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.architectures import is_mixture

_LIMITS = re.compile(r"capacity|token_drop|drop_tokens")


def routers(
    hf_model: nn.Module, blocks: Sequence[nn.Module], config: Any
) -> dict[Key, RouterHookPoint]:
    """Return the routers of each layer: the first as ``("routing", layer)``, a second as ``("routing 2", layer)``."""
    router_classes = list(_router_classes(hf_model))
    hook_points: dict[Key, RouterHookPoint] = {}
    for layer, block in enumerate(blocks):
        of_layer = {
            module: logits
            for module in block.modules()
            for router_class, logits in router_classes
            if isinstance(module, router_class)
        }
        for i, (module, logits) in enumerate(of_layer.items(), 1):
            n = getattr(module, "top_k", None) or getattr(config, "num_experts_per_tok", None)
            name = "routing" if i == 1 else f"routing {i}"
            hook_points[(name, layer)] = RouterHookPoint(
                module, "output", logits=logits, n_chosen=int(n or 1)
            )
    return hook_points


def _router_classes(hf_model: nn.Module) -> Iterator[tuple[type[nn.Module], int]]:
    """Yield the classes of the routers, each with the index of the logits among its outputs."""
    for module in hf_model.modules():
        declared = getattr(module, "_can_record_outputs", None) or {}
        recorders = declared.get("router_logits", [])
        for recorder in recorders if isinstance(recorders, list | tuple) else [recorders]:
            router_class = getattr(recorder, "target_class", recorder)
            if isinstance(router_class, type):
                yield router_class, int(getattr(recorder, "index", 0))


def refuse_token_dropping(hf_model: Any) -> None:
    """Refuse a mixture whose experts take only a limited number of tokens.

    In such a model the result for a prompt depends on the other prompts of the batch.

    Raises
    ------
    ModelError
        The config has such a limit.
    """
    if not is_mixture(hf_model):
        return
    for name, value in hf_model.config.get_text_config().to_dict().items():
        if _LIMITS.search(name) and isinstance(value, int | float) and value > 0:
            raise ModelError(
                f"{type(hf_model).__name__} limits how many tokens an expert takes ({name} = {value}): the result of a "
                "prompt then depends on what runs beside it, and patches run beside each other. Switch the limit off "
                "in its config, or use a model that drops no tokens."
            )
