"""Direct logit attribution: from prompts to the parts of their logit differences.

Costs one pass over the prompts, one over a few random tokens, and a product with each output projection.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets import xarrays
from patchwidgets.errors import RefusedError, SiteError, listed
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.final_norm import FinalNorm, find_final_norm
from patchwidgets.models.forward import running
from patchwidgets.models.layout import Layout
from patchwidgets.models.linear_maps import few_spacings, linear_map
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.models.logit_parts import Parts, Split, along, parts_of_blocks
from patchwidgets.models.logit_transforms import LogitTransform, logit_transforms
from patchwidgets.models.one_position import OnePosition, read_one_position
from patchwidgets.models.outer_modules import OuterModules, run_outer_modules, splits_embeddings

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Asked:
    """What is attributed, for each prompt.

    Attributes
    ----------
    answers, foils
        Token ids of the alternatives; `foils` is None to attribute the logit of the answer alone.
    positions
        Where the logits are read.
    neuron_layers
        The layers whose MLP is split into neurons.
    streams
        The last residual streams whose scale the final norm has, ``[prompt, d_model]``; None for the run's own.
    """

    answers: list[tuple[int, ...]]
    foils: list[tuple[int, ...]] | None
    positions: list[int]
    neuron_layers: Collection[int] = ()
    streams: Float[Tensor, "prompt d_model"] | None = None


EditsOf = Callable[[list[int]], Mapping[Key, Edit]]
"""From prompts, by their number, to what is written into them."""


def attribute(
    layout: Layout,
    batches: Sequence[tuple[list[int], Int[Tensor, "row pos"]]],
    asked: Asked,
    edits: EditsOf | None = None,
) -> LogitAttribution:
    """Attribute the logits of prompts; `Run.logit_attribution` documents it.

    Parameters
    ----------
    batches
        Prompts of equal length with their numbers.
    """
    seen = run_outer_modules(layout)
    norm, split = find_final_norm(layout, seen), _split(layout, seen, asked)
    n_prompts = len(asked.positions)
    arrays: dict[tuple[str, Any], Float[np.ndarray, "*unit prompt"]] = {}
    transform = LogitTransform()
    for rows, ids in batches:
        written = {} if edits is None else edits(rows)
        positions = [asked.positions[row] for row in rows]
        read = read_one_position(layout, ids, split.keys(layout.n_layers), positions, written)
        parts, transform = _parts_of_batch(layout, norm, split, asked, rows, read)
        for component, by_layer in parts.items():
            for layer, values in by_layer.items():
                array = values.double().numpy()
                whole = np.zeros((*array.shape[1:], n_prompts))
                arrays.setdefault((component, layer), whole)[..., rows] = np.moveaxis(array, 0, -1)
    return LogitAttribution(_dataset(layout, asked, arrays, _notes(layout, seen, split, transform)))


def _split(layout: Layout, seen: OuterModules, asked: Asked) -> Split:
    for layer in asked.neuron_layers:
        if not isinstance(layer, int) or not 0 <= layer < layout.n_layers:
            raise SiteError(
                f"neurons={layer!r}: {layout.name} has layers 0 to {layout.n_layers - 1}; give a list of them."
            )
        if reason := layout.refused.get("neuron"):
            raise RefusedError(f"No neurons here: {reason}")
        if layout.output_projection("neuron", layer) is None:
            raise RefusedError(
                f"Neurons of layer {layer} have no parts: {_after('MLP')}. Use mlp_out, which is one part."
            )
    heads = [i for i in range(layout.n_layers) if layout.output_projection("z", i) is not None]
    return Split(splits_embeddings(seen, layout.hf_model), heads, set(asked.neuron_layers))


def _after(what: str) -> str:
    return f"the model applies a norm to the output of its {what} before it adds it, which is not linear"


def _notes(
    layout: Layout, seen: OuterModules, split: Split, transform: LogitTransform
) -> list[str]:
    notes = []
    if whole := [f"L{i}" for i in range(layout.n_layers) if i not in split.head_layers]:
        notes.append(
            f"attn_out of {listed(whole, by=', ')} is one part and not split into heads: {_after('attention')}."
        )
    if transform.cap is not None:
        notes.append(
            f"The model caps its logits, as {transform.cap:g} · tanh(logit / {transform.cap:g}). The parts, total and "
            "logit_diff are of logits before that."
        )
    if transform.scale != 1:
        notes.append(
            f"The model multiplies its logits by {transform.scale:.4g}; the parts are of logits after that."
        )
    return notes


def _parts_of_batch(
    layout: Layout,
    norm: FinalNorm,
    split: Split,
    asked: Asked,
    rows: list[int],
    read: OnePosition,
) -> tuple[Parts, LogitTransform]:
    stream = read.activations[("resid_post", layout.n_layers - 1)]
    own = norm.frozen(stream)
    frozen = own if asked.streams is None else norm.frozen(asked.streams[rows].to(stream))
    with running(layout) as view:
        answers, foils = _of_rows(asked.answers, rows), _of_rows(asked.foils or [], rows)
        ids = sorted({i for each in [*answers, *foils] for i in each})
        unembedding = layout.hf_model.get_output_embeddings()
        words = linear_map(view, unembedding, own.output.shape[-1], ids)
        logits = words(own.output.to(words.weight.device)) + words.bias
        transform = found_transform(layout, logits, read.logits.to(logits.device), ids)
        if transform.cap is None:
            logits = read.logits[:, ids].to(logits)
        weights, rest, value = _weights(logits, ids, answers, foils)
        weights = weights * transform.scale
        onto = (weights @ words.weight).to(frozen.output.device)
        direction = frozen.transposed(onto)
        parts = parts_of_blocks(layout, view, split, read.activations, direction)
    parts["norm_bias"] = {None: along(frozen.bias, onto).cpu()}
    parts["unembed_bias"] = {None: (weights * words.bias).sum(-1).cpu()}
    parts = {name: part for name, part in parts.items() if name[-4:] != "bias" or _any(part)}
    if rest.any():
        parts["alternatives"] = {None: rest.cpu()}
    for key, change in read.changes.items():
        if key not in split.keys(layout.n_layers) or key[0] == "resid_post":
            parts.setdefault("patch", {})[f"L{key[1]}.{key[0]}"] = along(change, direction).cpu()
    parts["logit_diff"] = {None: value.cpu()}
    return parts, transform


def _of_rows(of_prompts: list[tuple[int, ...]], rows: list[int]) -> list[tuple[int, ...]]:
    return [of_prompts[row] for row in rows] if of_prompts else []


def _any(part: Mapping[Any, Tensor]) -> bool:
    return any(bool(values.any()) for values in part.values())


def found_transform(
    layout: Layout,
    unembedded: Float[Tensor, "row id"],
    logits: Float[Tensor, "row vocabulary"],
    ids: Sequence[int],
) -> LogitTransform:
    """Find out what the model does to its logits, from those of some tokens.

    Rounding is measured against the largest logit of all: a token whose own is near 0 is as far off as any other.

    Raises
    ------
    RefusedError
        Something else than `logit_transforms` knows.
    """
    largest = float(logits[logits.isfinite()].abs().max())
    allowed = few_spacings(layout.hf_model.dtype) * largest
    for transform in logit_transforms(layout.config):
        if float((transform(unembedded) - logits[:, ids]).abs().max()) <= allowed:
            return transform
    raise RefusedError(
        f"The logits of {layout.name} are not what its output embedding makes of the normed stream, nor that scaled or "
        "capped as its config says, so they cannot be split into parts. Use exp.sweep(), which runs the model."
    )


def _weights(
    logits: Float[Tensor, "row id"],
    ids: list[int],
    answers: list[tuple[int, ...]],
    foils: list[tuple[int, ...]],
) -> tuple[Float[Tensor, "row id"], Float[Tensor, "row"], Float[Tensor, "row"]]:
    """Return each token's weight in the logit difference, what that leaves out, and the logit difference.

    The log-sum-exp of alternatives is their mean, weighted by their softmax, plus the entropy of these weights.
    """
    weights, rest = torch.zeros_like(logits), torch.zeros_like(logits[:, 0])
    value = torch.zeros_like(rest)
    column = {token: i for i, token in enumerate(ids)}
    for sign, of_rows in ((1, answers), (-1, foils)):
        for row, alternatives in enumerate(of_rows):
            chosen = [column[token] for token in alternatives]
            own = logits[row, chosen]
            weights[row, chosen] += sign * own.softmax(0)
            value[row] += sign * own.logsumexp(0)
            if len(chosen) > 1:
                rest[row] += sign * (own.logsumexp(0) - own.softmax(0) @ own)
    return weights, rest, value


def _dataset(
    layout: Layout,
    asked: Asked,
    arrays: Mapping[tuple[str, Any], Float[np.ndarray, "*unit prompt"]],
    notes: Sequence[str],
) -> "xr.Dataset":
    variables: dict[str, Any] = {}
    for component in dict.fromkeys(name for name, _ in arrays):
        by_layer = {layer: array for (name, layer), array in arrays.items() if name == component}
        if None in by_layer:
            variables[component] = ("pair", by_layer[None])
        elif component == "patch":
            variables[component] = (("site", "pair"), np.stack(list(by_layer.values())))
        else:
            some = next(iter(by_layer.values()))
            whole = np.full((layout.n_layers, *some.shape), np.nan)
            whole[list(by_layer)] = np.stack(list(by_layer.values()))
            unit = {"z": ["head"], "neuron": ["neuron"]}.get(component, [])
            name = "neurons" if component == "neuron" else component  # an axis has that name
            variables[name] = (("layer", *unit, "pair"), whole)
    parts = [array for (name, _), array in arrays.items() if name != "logit_diff"]
    total = sum(array.reshape(-1, array.shape[-1]).sum(0) for array in parts)
    logit_diff = variables.pop("logit_diff")
    variables |= {"total": ("pair", total), "logit_diff": logit_diff}
    coordinates: dict[str, Any] = {
        "pair": np.arange(len(asked.positions)),
        "layer": np.arange(layout.n_layers),
        "pos": ("pair", asked.positions),
        "answer": ("pair", ["|".join(map(str, ids)) for ids in asked.answers]),
    }
    if asked.foils is not None:
        coordinates["foil"] = ("pair", ["|".join(map(str, ids)) for ids in asked.foils])
    coordinates |= {
        axis: np.arange(values.shape[1])
        for name, axis in (("z", "head"), ("neurons", "neuron"))
        if name in variables
        for values in (variables[name][1],)
    }
    if "patch" in variables:
        coordinates["site"] = [str(site) for name, site in arrays if name == "patch"]
    attrs = {
        "model": layout.name,
        "dtype": str(layout.hf_model.dtype).removeprefix("torch."),
        "scale": "of the run" if asked.streams is None else "of another run",
        "notes": "\n".join(notes),
    }
    return xarrays.dataset(variables, coordinates, attrs)
