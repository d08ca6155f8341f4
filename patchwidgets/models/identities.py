"""Identities that hold between the activations of a transformer, and how far recorded activations are from them.

Pure functions over recorded activations; no model runs, but its output projections are applied. Each identity is taken
between the activations ``written`` upstream and those ``read`` downstream. In an unedited run the two are the same
recording. In an edited run, ``read`` is what arrives at each site, and ``written`` is what its edit leaves there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.forward import running
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import View

Recording = Mapping[Key, Activation]
"""Activations by component and layer, of the same prompts."""
Scores = Float[Tensor, "row query head key"]


@dataclass(frozen=True)
class Gap:
    """How far an identity is from holding in one layer.

    Attributes
    ----------
    identity
        In words, as messages show it.
    layer
        Where.
    size
        The gap, relative to the size of what is compared.
    in_softmax
        Whether attention's softmax takes part in it, which transformers computes in float32 at most.
    """

    identity: str
    layer: int
    size: float
    in_softmax: bool = False


def activation_gaps(layout: Layout, read: Recording, written: Recording) -> Iterator[Gap]:
    """Yield the gaps of the residual stream, of the projections into it, and of attention."""
    with running(layout) as view:
        projection_gaps = [
            list(_projection_gaps(layout, view, layer, read, written))
            for layer in range(layout.n_layers)
        ]
    for layer in range(layout.n_layers):
        yield from _residual_gaps(layout, layer, read, written)
        yield from projection_gaps[layer]
    yield from _attention_gaps(layout, read, written)


def causality_gaps(layout: Layout, recorded: Recording) -> Iterator[Gap]:
    """Yield how far the states at earlier positions differ between two prompts that differ in their last token."""
    for layer in range(layout.n_layers):
        first, second = recorded[("resid_post", layer)][:, :-1].double()
        gap = _distance(first, second)
        yield Gap("causal: the last token changes no earlier state", layer, gap)


def nonlinearity_gaps(layout: Layout, read: Recording, written: Recording) -> Iterator[Gap]:
    """Yield the gaps of the neurons where one constant is written into every ``neuron_pre``.

    Without a gap all neurons are equal, or, with a gate, proportional to ``neuron_up``.
    """
    for layer in range(layout.n_layers):
        if ("neuron_pre", layer) not in layout.hook_points:
            return
        neurons = read[("neuron", layer)].double()
        up = written.get(("neuron_up", layer))
        factor = torch.ones_like(neurons) if up is None else up.double()
        gap = _distance(neurons, _fitted(factor, neurons))
        yield Gap("neuron = f(neuron_pre) · neuron_up", layer, gap)


def score_gaps(
    layout: Layout, unedited: Recording, read: Recording, written: Recording
) -> Iterator[Gap]:
    """Yield how far an edit of q and k changes log(pattern) unlike q · k, up to a scale and a constant per query.

    Only where q and k are outputs of modules. Otherwise patchwidgets computes the pattern itself, from the q and k that
    also give ``z``.
    """
    if layout.architecture.qkv == "kernel":
        return
    for layer in range(layout.n_layers):
        if not {("q", layer), ("pattern", layer)} <= layout.hook_points.keys():
            return
        first = unedited[("pattern", layer)][:1].double()
        second = read[("pattern", layer)].double()
        visible = (first > 1e-20) & (second > 1e-20)
        logs = _centred(second.log() - first.log(), visible)
        change = _scores(layout, written, layer) - _scores(layout, unedited, layer)
        gap = _distance(logs, _fitted(_centred(change, visible), logs))
        yield Gap("pattern = softmax(q · k)", layer, gap, in_softmax=True)


def _residual_gaps(
    layout: Layout, layer: int, read: Recording, written: Recording
) -> Iterator[Gap]:
    pre, post = written[("resid_pre", layer)], read[("resid_post", layer)]
    attn, mlp = written[("attn_out", layer)], written[("mlp_out", layer)]
    mid = ("resid_mid", layer)
    if mid in layout.hook_points:
        yield Gap("resid_pre + attn_out = resid_mid", layer, _sum_gap(read[mid], pre, attn))
        yield Gap("resid_mid + mlp_out = resid_post", layer, _sum_gap(post, written[mid], mlp))
    else:
        gap = _sum_gap(post, pre, attn, mlp)
        yield Gap("resid_pre + attn_out + mlp_out = resid_post", layer, gap)
    if layer + 1 < layout.n_layers:
        gap = _sum_gap(read[("resid_pre", layer + 1)], written[("resid_post", layer)])
        yield Gap("resid_post = next resid_pre", layer, gap)


def _projection_gaps(
    layout: Layout, view: View, layer: int, read: Recording, written: Recording
) -> Iterator[Gap]:
    for part, output in (("z", "attn_out"), ("neuron", "mlp_out")):
        module = layout.output_projection(part, layer)
        if module is None:
            continue
        activation = written[(part, layer)]
        projected = view.copy_of(module)(activation.flatten(-2) if part == "z" else activation)
        gap = _distance(read[(output, layer)].double(), (projected * layout.scale).double())
        yield Gap(f"projected {part} = {output}", layer, gap)


def _attention_gaps(layout: Layout, read: Recording, written: Recording) -> Iterator[Gap]:
    """Yield the gaps between ``z`` and the pattern times the values.

    The pattern comes from the queries and keys that were written, so they count too. Without a pattern, only the first
    position is compared, which attends only to itself.
    """
    for layer in range(layout.n_layers):
        if ("v", layer) not in layout.hook_points:
            return
        z, values = read[("z", layer)].double(), written[("v", layer)].double()
        values = values.repeat_interleave(layout.n_heads // layout.n_kv_heads, dim=2)
        if ("pattern", layer) in layout.hook_points:
            pattern = written[("pattern", layer)].double()
            expected = torch.einsum("rqhk,rkhd->rqhd", pattern, values)
            identity = "pattern · v = z"
        else:
            z, expected = z[:, :1], values[:, :1]
            identity = "first v = first z, which attends to nothing else"
        yield Gap(identity, layer, _distance(z, expected), in_softmax=True)


def _scores(layout: Layout, recorded: Recording, layer: int) -> Scores:
    """Return q · k of the first row, without attention's scale."""
    queries, keys = (recorded[(part, layer)][:1].double() for part in ("q", "k"))
    keys = keys.repeat_interleave(layout.n_heads // layout.n_kv_heads, dim=2)
    return torch.einsum("rqhd,rkhd->rqhk", queries, keys)


def _centred(scores: Scores, visible: Bool[Tensor, "row query head key"]) -> Scores:
    """Subtract the mean over the keys that are visible; the others become 0."""
    scores = torch.where(visible, scores, 0.0)
    mean = scores.sum(-1, keepdim=True) / visible.sum(-1, keepdim=True).clamp_min(1)
    return torch.where(visible, scores - mean, 0.0)


def _fitted(factor: Tensor, values: Tensor) -> Tensor:
    """Return the multiple of `factor` that is nearest to `values`, by least squares."""
    return (values * factor).sum() / (factor * factor).sum() * factor


def _sum_gap(total: Tensor, *terms: Tensor) -> float:
    """Return the largest |total − Σ terms| / (|total| + Σ |terms|) over the elements.

    Rounding alone keeps it below a small multiple of the dtype's spacing, however large the terms are.
    """
    parts = [term.to(total.device).double() for term in terms]
    size = sum((part.abs() for part in parts), total.double().abs())
    return float(((total.double() - sum(parts)).abs() / size.clamp_min(1e-6)).max())


def _distance(a: Tensor, b: Tensor) -> float:
    """Return ‖a − b‖ / ‖b‖."""
    return float((a - b).norm() / b.norm().clamp_min(1e-12))
