"""One pass of a view of the model, which may continue from a cache. Costs what the model's own forward costs."""

from collections.abc import Iterable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from patchwidgets.hooks.hook_points import HookPoint
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.models.forward import logits_to_keep, running
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import Form

UNEMBED: Key = ("unembed", None)
"""The input of the output embedding."""


def no_rows(passing: Tensor) -> Tensor:
    """Compute no logits, since nobody reads them: the unembedding is the largest of all weights."""
    return passing[:0]


def run_view(
    layout: Layout,
    inputs: dict[str, Any],
    edits: dict[Key, Edit],
    record: Iterable[Key] = (),
    keep: Sequence[int] | None = None,
    first_layer: int = 0,
    form: Form | None = None,
) -> tuple[dict[Key, Tensor], Float[Tensor, "row pos vocabulary"]]:
    """What was recorded, and the logits at the positions in `keep`; by default at the last.

    Layers before `first_layer` are passed over, as in `View`.
    """
    unembed = HookPoint(layout.hf_model.get_output_embeddings(), "input", whole=True)
    hook_points = layout.all_hook_points | {UNEMBED: unembed}
    if first_layer:
        hook_points = {
            key: point
            for key, point in hook_points.items()
            if (key[1] or 0) >= first_layer or key == UNEMBED
        }
    length = inputs["input_ids"].shape[1]
    inputs = inputs | {"input_ids": inputs["input_ids"].to(layout.device)}
    with (
        running(layout, layout.blocks[:first_layer], form) as view,
        hooked(
            layout.outer_modules, hook_points, edits, record, continued=True, on=view.copy_of
        ) as activations,
    ):
        inputs |= logits_to_keep(view.model, keep or [length - 1], length)
        logits: Tensor = view.model(**inputs).logits
    return activations, logits
