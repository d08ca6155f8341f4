"""Does a model do what its record says? Two short forward passes on random tokens, before anything else is believed.

Reading: ``resid_pre + attn_out + mlp_out == resid_post`` in every layer, every site is reached, and the last token
changes no earlier state. Writing: with noise written at every site at once, each next quantity is what the
identities say of the *written* values; a write that goes nowhere shows as a gap of the size of the noise. Attention's
own identity, ``pattern · v = z``, holds the queries and keys as well: the pattern is made of those that were written.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from patchwidgets.errors import VerificationError
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.forward import forward
from patchwidgets.models.layout import Layout, find_record, layouts

_LOG = logging.getLogger(__name__)
Verify = Literal["strict", "warn", "off"]
N_TOKENS = 6


@dataclass(frozen=True)
class Check:
    """One identity in one layer: the gap, relative to the size of what is compared, and what is allowed."""

    identity: str
    layer: int
    gap: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the gap is within what the dtype allows."""
        return self.gap <= self.tolerance

    def __str__(self) -> str:
        return f"{self.identity} at layer {self.layer}: relative gap {self.gap:.1e}, allowed {self.tolerance:.1e}"


@dataclass(frozen=True)
class Checks:
    """The report of a model's checks. Empty if they were switched off."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all of them passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Those which did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def largest_gap(self) -> float:
        """The largest relative gap."""
        return max((check.gap for check in self.checks), default=0.0)

    def __str__(self) -> str:
        if not self.checks:
            return "not checked (verify='off')"
        kinds = len({check.identity for check in self.checks})
        if self.passed:
            return f"{kinds} identities hold in every layer (largest relative gap {self.largest_gap:.1e})"
        return f"{len(self.failed)} of {len(self.checks)} checks failed, first: {self.failed[0]}"


def verified_layout(
    hf_model: Any, verify: Verify, name: str | None = None
) -> tuple[Layout, Checks]:
    """The anatomy of a model, and the report of its checks.

    A family with a record is checked as `verify` says. One without is always checked: what was discovered from its
    structure is believed only if every check passes.

    Raises
    ------
    ModelError
        Not a causal language model, or one whose parts cannot be made out.
    VerificationError
        A check failed: the message names the identity, the layer and the gap.
    """
    if find_record(hf_model.config) is None:
        return _discovered(hf_model, name)
    layout = next(layouts(hf_model, name))
    checks = Checks(()) if verify == "off" else verify_model(layout)
    if not checks.passed:
        message = f"{type(hf_model).__name__} ({layout.model_type}): {checks}"
        if verify == "strict":
            raise VerificationError(f"{message}. Pass verify='warn' to go on all the same.")
        _LOG.warning(message)
    return layout, checks


def _discovered(hf_model: Any, name: str | None) -> tuple[Layout, Checks]:
    """The first anatomy that passes; of those that fail, the one that fails least is told."""
    reports: list[Checks] = []
    for layout in layouts(hf_model, name):
        try:
            checks = verify_model(layout)
        except VerificationError as error:
            _LOG.info("%s: %s", layout.architecture, error)
            continue
        if checks.passed:
            return layout, checks
        reports.append(checks)
    nearest = min(reports, key=lambda report: len(report.failed), default="no site was reached")
    raise VerificationError(
        f"The family {hf_model.config.model_type!r} has no record, and what its structure suggests does not hold: "
        f"{nearest}. Add a record to patchwidgets/models/architectures.py (a dozen module names; it is checked at load)."
    )


def verify_model(layout: Layout) -> Checks:
    """Check reading and writing of every site of a model.

    Raises
    ------
    VerificationError
        A site was never reached.
    """
    generator = torch.Generator().manual_seed(0)
    vocabulary = layout.hf_model.get_input_embeddings().weight.shape[0]
    ids = torch.randint(vocabulary, (1, N_TOKENS), generator=generator)
    unedited = _read_all(layout, ids)
    return Checks(
        (*_check_reading(layout, unedited), *_check_writing(layout, ids, unedited, generator))
    )


def _read_all(layout: Layout, ids: Tensor) -> dict[Key, Tensor]:
    """Every site's activation, of the prompt and of the prompt with another last token."""
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % layout.hf_model.get_input_embeddings().weight.shape[0]
    activations = forward(layout, torch.cat([ids, other]), record=layout.hook_points).activations
    if missing := layout.hook_points.keys() - activations.keys():
        component, layer = min(missing, key=str)
        raise VerificationError(
            f"{component} of layer {layer} was never reached in {layout.model_type!r}; its record in "
            "patchwidgets/models/architectures.py names another module than the one that runs."
        )
    for part, n in (("q", layout.n_heads), ("k", layout.n_kv_heads), ("v", layout.n_kv_heads)):
        if (part, 0) in activations and (found := activations[(part, 0)].shape[2]) != n:
            raise VerificationError(
                f"{part} of layer 0 has {found} heads and the config of {layout.model_type!r} says {n}; "
                "its heads cannot be told apart."
            )
    return activations


def _check_reading(layout: Layout, unedited: Mapping[Key, Tensor]) -> Iterator[Check]:
    yield from _identities(layout, unedited, unedited)
    for layer in range(layout.n_layers):
        first, second = unedited[("resid_post", layer)][:, :-1].double()
        gap = _distance(first, second)
        yield Check(
            "causal: the last token changes no earlier state", layer, gap, _tolerance(layout)
        )


def _check_writing(
    layout: Layout, ids: Tensor, unedited: Mapping[Key, Tensor], generator: torch.Generator
) -> Iterator[Check]:
    before: dict[Key, Tensor] = {}
    edits = {key: _disturb(key, before, generator) for key in layout.hook_points}
    after = forward(layout, ids, edits, record=layout.hook_points).activations
    first = ("resid_pre", 0)
    unmoved = torch.equal(before[first], unedited[first][:1])
    yield Check("writing: embed changes the first resid_pre", 0, float(unmoved), 0.0)
    for check in _identities(layout, before, after):
        yield Check(f"writing: {check.identity}", check.layer, check.gap, check.tolerance)
    yield from _check_nonlinearity(layout, before, after)
    yield from _check_scores(layout, unedited, before, after)


def _disturb(key: Key, before: dict[Key, Tensor], generator: torch.Generator) -> Edit:
    """An edit that notes what it finds and adds noise of the same size (a constant before the non-linearity)."""

    def edit(activation: Tensor) -> Tensor:
        before[key] = activation.clone()
        if key[0] == "neuron_pre":
            return torch.full_like(activation, 0.75)
        noise = torch.randn(activation.shape, generator=generator).to(activation)
        return activation + noise * activation.float().std().to(activation).clamp_min(1e-3)

    return edit


def _identities(
    layout: Layout, before: Mapping[Key, Tensor], after: Mapping[Key, Tensor]
) -> Iterator[Check]:
    """What is found at a site (`before` an edit) against what was written upstream (`after` the edits)."""
    add, linear = _sum_gap, _linear_gap
    tolerance = _tolerance(layout)
    for layer in range(layout.n_layers):
        pre, post = after[("resid_pre", layer)], before[("resid_post", layer)]
        attn, mlp = after[("attn_out", layer)], after[("mlp_out", layer)]
        if ("resid_mid", layer) in layout.hook_points:
            mid = ("resid_mid", layer)
            yield Check(
                "resid_pre + attn_out = resid_mid", layer, add(before[mid], pre, attn), tolerance
            )
            yield Check(
                "resid_mid + mlp_out = resid_post", layer, add(post, after[mid], mlp), tolerance
            )
        else:
            yield Check(
                "resid_pre + attn_out + mlp_out = resid_post",
                layer,
                add(post, pre, attn, mlp),
                tolerance,
            )
        if layer + 1 < layout.n_layers:
            following = before[("resid_pre", layer + 1)]
            yield Check(
                "resid_post = next resid_pre",
                layer,
                add(following, after[("resid_post", layer)]),
                tolerance,
            )
        for part, whole in (("z", "attn_out"), ("neuron", "mlp_out")):
            module = layout.down(part, layer)
            if module is not None:
                gap = linear(
                    layout, module, (part, layer), after[(part, layer)], before[(whole, layer)]
                )
                yield Check(f"projected {part} = {whole}", layer, gap, tolerance)
    yield from _attention_identities(layout, before, after)


def _attention_identities(
    layout: Layout, before: Mapping[Key, Tensor], after: Mapping[Key, Tensor]
) -> Iterator[Check]:
    """What the values and the pattern that were written make of ``z``; without a pattern, of its first position."""
    for layer in range(layout.n_layers):
        if ("v", layer) not in layout.hook_points:
            return
        found, values = before[("z", layer)].double(), after[("v", layer)].double()
        values = values.repeat_interleave(layout.n_heads // layout.n_kv_heads, dim=2)
        if ("pattern", layer) in layout.hook_points:
            pattern = after[("pattern", layer)].double()
            expected = torch.einsum("rqhk,rkhd->rqhd", pattern, values)
            identity = "pattern · v = z"
        else:
            found, expected = found[:, :1], values[:, :1]
            identity = "first v = first z, which attends to nothing else"
        yield Check(identity, layer, _distance(found, expected), _softmax_tolerance(layout))


def _check_scores(
    layout: Layout,
    unedited: Mapping[Key, Tensor],
    before: Mapping[Key, Tensor],
    after: Mapping[Key, Tensor],
) -> Iterator[Check]:
    """Where modules' outputs are q and k: the pattern's logarithm moves with q · k, up to a scale and a row's sum."""
    if layout.architecture.qkv == "kernel":
        return  # patchwidgets computes that pattern itself, from the q and k that went into z
    for layer in range(layout.n_layers):
        if not {("q", layer), ("pattern", layer)} <= layout.hook_points.keys():
            return
        first, second = (
            unedited[("pattern", layer)][:1].double(),
            before[("pattern", layer)].double(),
        )
        seen = (first > 1e-20) & (second > 1e-20)
        logs = _centred(second.log() - first.log(), seen)
        scores = _centred(_scores(layout, after, layer) - _scores(layout, unedited, layer), seen)
        slope = (logs * scores).sum() / (scores * scores).sum()
        gap = _distance(logs, slope * scores)
        yield Check("writing: pattern = softmax(q · k)", layer, gap, _softmax_tolerance(layout))


def _scores(layout: Layout, activations: Mapping[Key, Tensor], layer: int) -> Tensor:
    """Products of queries and keys ``[1, query, head, key]`` of the first row, not scaled."""
    queries, keys = (activations[(part, layer)][:1].double() for part in ("q", "k"))
    keys = keys.repeat_interleave(layout.n_heads // layout.n_kv_heads, dim=2)
    return torch.einsum("rqhd,rkhd->rqhk", queries, keys)


def _centred(values: Tensor, seen: Tensor) -> Tensor:
    """Minus the mean over the keys that are seen; 0 at the others."""
    values = torch.where(seen, values, 0.0)
    mean = values.sum(-1, keepdim=True) / seen.sum(-1, keepdim=True).clamp_min(1)
    return torch.where(seen, values - mean, 0.0)


def _check_nonlinearity(
    layout: Layout, before: Mapping[Key, Tensor], after: Mapping[Key, Tensor]
) -> Iterator[Check]:
    """With one constant written into every ``neuron_pre``, all neurons are equal (times ``neuron_up``)."""
    for layer in range(layout.n_layers):
        if ("neuron_pre", layer) not in layout.hook_points:
            return
        up = after.get(("neuron_up", layer))
        found = before[("neuron", layer)].double()
        factor = torch.ones_like(found) if up is None else up.double()
        slope = (found * factor).sum() / (factor * factor).sum()
        yield Check(
            "writing: neuron = f(neuron_pre) · neuron_up",
            layer,
            _distance(found, slope * factor),
            _tolerance(layout),
        )


def _sum_gap(total: Tensor, *terms: Tensor) -> float:
    """Largest |total − Σ terms| relative to Σ |terms|, element by element: what rounding alone can do is known."""
    parts = [term.double() for term in terms]
    size = sum((part.abs() for part in parts), total.double().abs())
    return float(((total.double() - sum(parts)).abs() / size.clamp_min(1e-6)).max())


def _linear_gap(
    layout: Layout, module: torch.nn.Module, key: Key, written: Tensor, found: Tensor
) -> float:
    passing = written.flatten(-2) if key[0] == "z" else written
    with torch.no_grad():
        predicted = module(passing) * layout.scale
    return _distance(found.double(), predicted.double())


def _distance(a: Tensor, b: Tensor) -> float:
    """‖a − b‖ / ‖b‖."""
    return float((a - b).norm() / b.norm().clamp_min(1e-12))


def _tolerance(layout: Layout) -> float:
    """What rounding can do in the model's dtype; a write that goes nowhere is off by order 1."""
    eps = torch.finfo(layout.hf_model.dtype).eps
    return (4 if eps > 1e-4 else 256) * eps


def _softmax_tolerance(layout: Layout) -> float:
    """The same; transformers takes the softmax of attention in float32, also in a float64 model."""
    return max(_tolerance(layout), 256 * torch.finfo(torch.float32).eps)
