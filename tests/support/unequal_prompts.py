"""Two prompts of unequal token counts with a map between them, and patches between them by hooks written out here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from patchwidgets.directions import Direction
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task

CLEAN, CORRUPTED = "w3 w14 w15 w9 w26 w5", "w3 w14 w42 w43 w9 w26 w5"
ALIGN = [(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)]
"""Position 2 of the clean prompt has no counterpart, nor have 2 and 3 of the corrupted one; the rest is shifted."""
DIRECTIONS: tuple[Direction, ...] = ("denoise", "noise")
FLOOR = 1e-4

Place = tuple[str, int, slice, list[tuple[int, int]]]
"""Component, layer, the part of its last axis, and pairs of a clean and a corrupted position."""


def unequal_task(answer: str = " w8", foil: str = " w9") -> Task:
    """The two prompts; ``X`` names a position with a counterpart, ``lone`` the one without."""
    return Task(CLEAN, CORRUPTED, answer, foil, {"X": 3, "lone": 2}, align=ALIGN)


PAIRS: list[tuple[str, str, Any]] = [
    (CLEAN, CORRUPTED, ALIGN),
    ("w7 w14 w15 w9 w26 w5", "w7 w14 w42 w43 w9 w26 w5", [(0, 0), (2, 3), (5, 6)]),
    ("w3 w14 w15 w9 w26 w6", "w3 w14 w42 w9 w26 w6", None),
    ("w7 w1 w15 w9 w26 w5", "w7 w1 w42 w43 w9 w26 w5", ALIGN),
    ("w7 w1 w15 w9 w26 w5", "w1 w15 w9 w26 w5", [(-1, -1)]),
]
"""Pairs of several shapes, with a map and without."""


def unequal_pairs() -> Task:
    """`PAIRS` as a dataset."""
    clean, corrupted, align = map(list, zip(*PAIRS, strict=True))
    return Task(clean, corrupted, " w8", " w9", align=align)


def ids(text: str) -> Tensor:
    """``[1, pos]``."""
    return torch.tensor([[int(word[1:]) for word in text.split()]])


def module_of(model: Model, component: str, layer: int) -> tuple[nn.Module, str]:
    block: Any = model.hf_model.model.layers[layer]
    return {
        "z": (block.self_attn.o_proj, "input"),
        "mlp_out": (block.mlp, "output"),
        "resid_pre": (block, "input"),
        "v": (block.self_attn.v_proj, "output"),
    }[component]


@contextmanager
def hook(module: nn.Module, side: str, change: Any) -> Iterator[None]:
    def before(_module: nn.Module, args: Any, kwargs: Any) -> Any:
        return (change(args[0]), *args[1:]), kwargs

    def after(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        return change(output)

    handle = (
        module.register_forward_pre_hook(before, with_kwargs=True)
        if side == "input"
        else module.register_forward_hook(after)
    )
    try:
        yield
    finally:
        handle.remove()


def by_hand(model: Model, direction: str, places: list[Place]) -> Tensor:
    """Last logits of the host where parts of components come from the source's counterparts."""
    runs = {"clean": ids(CLEAN), "corrupted": ids(CORRUPTED)}
    source, host = ("clean", "corrupted") if direction == "denoise" else ("corrupted", "clean")
    held: dict[tuple[str, int], Tensor] = {}
    with torch.no_grad(), ExitStack() as stack:
        for component, layer, _part, _columns in places:

            def keep(activation: Tensor, key: Any = (component, layer)) -> Tensor:
                held[key] = activation.clone()
                return activation

            stack.enter_context(hook(*module_of(model, component, layer), keep))
        model.hf_model(runs[source])
    with torch.no_grad(), ExitStack() as stack:
        for component, layer, part, columns in places:

            def write(
                activation: Tensor,
                key: Any = (component, layer),
                part: slice = part,
                columns: Any = columns,
            ) -> Tensor:
                changed = activation.clone()
                for clean, corrupted in columns:
                    there, here = (
                        (clean, corrupted) if direction == "denoise" else (corrupted, clean)
                    )
                    changed[:, here, part] = held[key][:, there, part]
                return changed

            stack.enter_context(hook(*module_of(model, component, layer), write))
        return model.hf_model(runs[host]).logits[0, -1]
