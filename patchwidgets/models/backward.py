"""Gradients of metrics at activations, and from one activation back to an earlier one.

Costs a forward pass, and a backward pass for each set of gradients that is asked for. Only gradients of activations are
computed; no parameter's ``grad`` or ``requires_grad`` changes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from patchwidgets.errors import MetricError, ModelError, RefusedError
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hook_points import Activation, HookPoint
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.hooks.interrupts import interruptible
from patchwidgets.models.forward import (
    gather_entries,
    logits_to_keep,
    running,
    select_positions,
    union_of_positions,
)
from patchwidgets.models.layout import Layout

Measure = Callable[[Float[Tensor, "entry vocabulary"]], Float[Tensor, "row"]]
"""A metric, from the float32 logits that it reads, row after row, to one number per row."""


@dataclass(frozen=True, eq=False)
class BackwardPass:
    """A forward pass whose graph is kept for gradients, from `backward_pass`.

    Attributes
    ----------
    activations
        Those at which gradients can be taken.
    values
        By the name of the metric, its number for each row.
    """

    activations: Mapping[Key, Activation]
    values: Mapping[str, Float[Tensor, "row"]]

    def gradients(
        self, metric: str, keys: Sequence[Key], keep_graph: bool = True
    ) -> dict[Key, Activation]:
        """Return the gradient of a metric at some activations. Costs a backward pass.

        Parameters
        ----------
        keep_graph
            Whether more gradients will be taken of this pass.

        Raises
        ------
        MetricError
            The metric has no gradient.
        ModelError
            The gradient is not finite.
        """
        values = self.values[metric]
        if not values.requires_grad:
            raise MetricError(
                f"{metric} has no gradient, so that no effect can be estimated from it. Put logit_diff or another "
                "smooth metric in its place, as in exp.measuring('logit_diff'); exact effects, as of exp.sweep('z'), "
                "need no gradient."
            )
        inputs = [self.activations[key] for key in keys]
        by_key = torch.autograd.grad(values.sum(), inputs, retain_graph=keep_graph)
        if not all(bool(torch.isfinite(gradient).all()) for gradient in by_key):
            raise ModelError(
                f"The gradient is not finite in {by_key[0].dtype}. Load the model in a wider dtype, as in "
                "dtype='float32'."
            )
        return dict(zip(keys, by_key, strict=True))

    def pulled_back(self, key: Key, gradient: Activation, to: Key) -> Activation:
        """Return the gradient at an earlier activation that flows through this one alone: a vector–Jacobian product.

        Parameters
        ----------
        key, gradient
            An activation, and the gradient there.
        to
            The earlier activation. All that lies between the two acts as it does in this pass.
        """
        (pulled,) = torch.autograd.grad(
            self.activations[key], self.activations[to], gradient, retain_graph=True
        )
        return pulled


@contextmanager
def backward_pass(
    layout: Layout,
    ids: Int[Tensor, "row pos"],
    keys: Sequence[Key],
    read_positions: Sequence[Sequence[int]],
    measures: Mapping[str, Measure],
    edits: Mapping[Key, Edit] | None = None,
) -> Iterator[BackwardPass]:
    """Run the model in eval mode with gradients, under the model's lock until the block ends.

    Parameters
    ----------
    ids
        Token ids.
    keys
        The activations at which gradients will be taken.
    read_positions
        For each row the positions where metrics read the logits.
    measures
        The metrics, by name.
    edits
        What to write into these activations first.

    Raises
    ------
    RefusedError
        Gradients cannot pass through the weights: they are offloaded, quantised or inference tensors.
    """
    keep, edits = union_of_positions(read_positions), edits or {}
    _refuse_without_gradient(layout.hf_model)
    layout.limits.check(ids)
    activations: dict[Key, Tensor] = {}
    kept = {key: _keep(layout, key, activations, edits.get(key)) for key in keys}
    with (
        running(layout) as view,
        torch.inference_mode(False),
        torch.enable_grad(),
        hooked(layout.outer_modules, layout.hook_points, {**edits, **kept}, on=view.copy_of),
    ):
        inputs = ids.to(layout.device, copy=True)  # autograd cannot save an inference tensor
        options = logits_to_keep(view.model, keep, ids.shape[1])
        output = view.model(input_ids=inputs, use_cache=False, **options)
        logits = select_positions(output.logits, keep).float()
        entries = gather_entries(logits, keep, read_positions)
        values = {name: interruptible(measure, entries) for name, measure in measures.items()}
        yield BackwardPass(activations, values)


def _keep(layout: Layout, key: Key, activations: dict[Key, Tensor], edit: Edit | None) -> Edit:
    """Return an edit that keeps the activation, perhaps edited, and lets autograd compute its gradient."""
    point = layout.hook_points[key]
    in_place = isinstance(point, HookPoint) and point.in_place

    def keep(activation: Tensor) -> Tensor:
        activation = activation if edit is None else edit(activation)
        if in_place:  # what is written into its own tensor would be a part of itself in the graph
            activation = activation.clone()
        # With frozen parameters nothing upstream requires a gradient, so the graph begins here.
        is_leaf = not activation.requires_grad
        activations[key] = activation.detach().requires_grad_() if is_leaf else activation
        activations[key].register_hook(cancellation_check())
        # Some families add to an output in place, which must not change what is kept.
        return activations[key] if in_place else activations[key].clone()

    return keep


def no_gradient_reason(hf_model: nn.Module) -> str | None:
    """Return why gradients cannot pass through the weights, in words, or None if they can."""
    if any(parameter.device.type == "meta" for parameter in hf_model.parameters()):
        return "its weights are offloaded, and a backward pass needs all of them in memory"
    if getattr(hf_model, "is_quantized", False):
        return (
            "its weights are quantised, and not every kind of quantised weights passes gradients on"
        )
    if any(parameter.is_inference() for parameter in hf_model.parameters()):
        return "its weights were made in torch.inference_mode()"
    return None


def _refuse_without_gradient(hf_model: nn.Module) -> None:
    if reason := no_gradient_reason(hf_model):
        raise RefusedError(
            f"This model has no gradients: {reason}. Compute exact effects, of some layers with layers=[...] or of "
            "sites that you choose with sites=[...]."
        )
