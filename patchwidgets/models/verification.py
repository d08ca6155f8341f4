"""Does a model do what its record says? Two short forward passes on random tokens answer this when a model is loaded.

Reading: the identities of `patchwidgets.models.identities` hold between the recorded activations, every site is
reached, and the last token changes no earlier state. Writing: noise is written at every site at once, and the
identities hold between what is written and what is read downstream; a write without effect shows as a gap of the size
of the noise.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Int
from torch import Tensor

from patchwidgets.errors import (
    ModelError,
    ModelWarning,
    PatchwidgetsError,
    VerificationError,
    in_one_line,
    warn,
)
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Edit, Key, in_words
from patchwidgets.models.architectures import find_record
from patchwidgets.models.forward import forward, viewing
from patchwidgets.models.identities import (
    Gap,
    Recording,
    activation_gaps,
    causality_gaps,
    nonlinearity_gaps,
    score_gaps,
)
from patchwidgets.models.layout import Layout, layouts
from patchwidgets.models.weights import quantization, refuse_unusable

_LOG = logging.getLogger(__name__)
Verify = Literal["strict", "warn", "off"]
N_TOKENS = 6
CONSTANT = 0.75
"""Written into every ``neuron_pre``."""


@dataclass(frozen=True)
class Check:
    """One identity in one layer: the relative gap, and the largest gap that is allowed."""

    identity: str
    layer: int
    gap: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the gap is no larger than the tolerance."""
        return self.gap <= self.tolerance

    def __str__(self) -> str:
        return f"{self.identity} at layer {self.layer}: relative gap {self.gap:.1e}, allowed {self.tolerance:.1e}"


@dataclass(frozen=True)
class Checks:
    """The report of a model's checks; empty if they were switched off.

    Examples
    --------
    >>> model.checks.passed, model.checks.largest_gap < 1e-5
    (True, True)
    """

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def largest_gap(self) -> float:
        """The largest relative gap."""
        return max((check.gap for check in self.checks), default=0.0)

    def __str__(self) -> str:
        if not self.checks:
            return "not checked (verify='off')"
        n_identities = len({check.identity for check in self.checks})
        if self.passed:
            return f"{n_identities} identities hold in every layer (largest relative gap {self.largest_gap:.1e})"
        return f"{len(self.failed)} of {len(self.checks)} checks failed, first: {self.failed[0]}"


def verified_layout(
    hf_model: Any, verify: Verify, name: str | None = None
) -> tuple[Layout, Checks]:
    """Return the layout of a model and the report of its checks.

    For a family with a record, `verify` says what a failed check does. A family without one is always checked: a layout
    discovered from the model's structure is used only if every check passes.

    Raises
    ------
    ModelError
        `verify` is unknown, the model is not a causal language model, or its components cannot be identified.
    VerificationError
        A check failed; the message names the identity, the layer and the gap.
    """
    if verify not in get_args(Verify):
        raise ModelError(f"Unknown verify {verify!r}; expected 'strict', 'warn' or 'off'.")
    if hf_model.config.is_encoder_decoder or hf_model.get_output_embeddings() is None:
        raise ModelError(
            f"{type(hf_model).__name__} is not a causal language model: patchwidgets reads next-token logits. "
            "Load the model with AutoModelForCausalLM."
        )
    refuse_unusable(hf_model)
    try:
        return _verified(hf_model, verify, name)
    except (PatchwidgetsError, torch.OutOfMemoryError):
        raise
    except (
        RuntimeError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        LookupError,
    ) as error:
        raise ModelError(_does_not_run(hf_model, in_one_line(error))) from error


def _does_not_run(hf_model: Any, reason: str) -> str:
    kind = type(hf_model).__name__
    if getattr(hf_model, "is_quantized", False):
        return (
            f"{kind} has quantised weights ({quantization(hf_model)}), and its numbers cannot be checked: {reason}. "
            "Use a checkpoint of the same model that is not quantised."
        )
    return (
        f"{kind} does not run, or not as models of its family do, so it cannot be checked: {reason}. Look whether "
        "hf_model(input_ids) works, and whether its config belongs to its weights."
    )


def _verified(hf_model: Any, verify: Verify, name: str | None) -> tuple[Layout, Checks]:
    if find_record(hf_model.config) is None:
        return _discovered(hf_model, name)
    layout = next(layouts(hf_model, name))
    checks = Checks(()) if verify == "off" else verify_model(layout)
    if not checks.passed:
        message = f"{type(hf_model).__name__} ({layout.model_type}): {checks}"
        if verify == "strict":
            raise VerificationError(f"{message}. Pass verify='warn' to use the model all the same.")
        warn(message, ModelWarning)
    return layout, checks


def _discovered(hf_model: Any, name: str | None) -> tuple[Layout, Checks]:
    """Return the first layout that passes; if all fail, the error reports the one with the fewest failed checks.

    If none could even be checked, it reports what stopped the last one.
    """
    _refuse_two_way(hf_model)
    reports: list[Checks] = []
    unchecked = ""
    for layout in layouts(hf_model, name):
        try:
            checks = verify_model(layout)
        except VerificationError as error:
            _LOG.info("%s: %s", layout.architecture, error)
            unchecked = str(error).removesuffix(".")
            continue
        if checks.passed:
            return layout, checks
        reports.append(checks)
    nearest = min(reports, key=lambda report: len(report.failed), default=unchecked)
    raise VerificationError(
        f"The family {hf_model.config.model_type!r} has no record, and what its structure suggests does not hold: "
        f"{nearest}. Add a record, as docs/extending.md says: a dozen module names, checked at load."
    )


def _refuse_two_way(hf_model: Any) -> None:
    """Refuse a model in which a token sees what follows it, such as BERT."""
    ids = torch.arange(2 * N_TOKENS).view(2, -1) % hf_model.get_input_embeddings().weight.shape[0]
    ids[:, :-1] = ids[0, :-1]
    try:
        with viewing(hf_model) as view:
            output = view.model(input_ids=ids.to(hf_model.device), use_cache=False)
    except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise ModelError(
            f"{type(hf_model).__name__} does not run on token ids alone: {in_one_line(error)}. Use a model that does."
        ) from error
    first, second = output.logits[:, :-1].double()
    if float((first - second).norm() / second.norm()) > _rounding(hf_model.dtype):
        raise ModelError(
            f"{type(hf_model).__name__} is not causal: its logits at a token change with the tokens that follow. "
            "patchwidgets patches models that predict the next token; use one, such as GPT-2 or Llama."
        )


def verify_model(layout: Layout) -> Checks:
    """Check reading and writing at every site of a model.

    Raises
    ------
    VerificationError
        A site was never reached, or the number of heads differs from the config.
    """
    generator = torch.Generator().manual_seed(0)
    vocabulary = layout.hf_model.get_input_embeddings().weight.shape[0]
    ids = torch.randint(vocabulary, (1, N_TOKENS), generator=generator)
    unedited = _record_all(layout, ids)
    return Checks(
        (*_check_reading(layout, unedited), *_check_writing(layout, ids, unedited, generator))
    )


def _record_all(layout: Layout, ids: Int[Tensor, "1 pos"]) -> dict[Key, Activation]:
    """Record every site for two prompts: this one, and the same with another last token."""
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % layout.hf_model.get_input_embeddings().weight.shape[0]
    activations = forward(layout, torch.cat([ids, other]), record=layout.hook_points).activations
    if missing := layout.hook_points.keys() - activations.keys():
        raise VerificationError(
            f"{in_words(min(missing, key=str))} was never reached in {layout.model_type!r}; its record in "
            "patchwidgets/models/architectures.py names another module than the one that runs."
        )
    for part, n in (("q", layout.n_heads), ("k", layout.n_kv_heads), ("v", layout.n_kv_heads)):
        if (part, 0) in activations and (n_found := activations[(part, 0)].shape[2]) != n:
            raise VerificationError(
                f"{part} of layer 0 has {n_found} heads and the config of {layout.model_type!r} says {n}; "
                "its heads cannot be told apart."
            )
    return activations


def _check_reading(layout: Layout, unedited: Recording) -> Iterator[Check]:
    for gap in (*activation_gaps(layout, unedited, unedited), *causality_gaps(layout, unedited)):
        yield Check(gap.identity, gap.layer, gap.size, _tolerance(layout, gap))


def _check_writing(
    layout: Layout, ids: Int[Tensor, "1 pos"], unedited: Recording, generator: torch.Generator
) -> Iterator[Check]:
    read: dict[Key, Activation] = {}
    edits = {key: _disturb(key, read, generator) for key in layout.hook_points}
    written = forward(layout, ids, edits, record=layout.hook_points).activations
    first = ("resid_pre", 0)
    unmoved = torch.equal(read[first], unedited[first][:1])
    yield Check("writing: embed changes the first resid_pre", 0, float(unmoved), 0.0)
    for gap in (
        *activation_gaps(layout, read, written),
        *nonlinearity_gaps(layout, read, written),
        *score_gaps(layout, unedited, read, written),
    ):
        yield Check(f"writing: {gap.identity}", gap.layer, gap.size, _tolerance(layout, gap))


def _disturb(key: Key, read: dict[Key, Activation], generator: torch.Generator) -> Edit:
    """Return an edit that notes what it reads and adds noise of the same size, or sets ``neuron_pre`` to a constant."""

    def edit(activation: Activation) -> Activation:
        read[key] = activation.clone()
        if key[0] == "neuron_pre":
            return torch.full_like(activation, CONSTANT)
        noise = torch.randn(activation.shape, generator=generator).to(activation)
        return activation + noise * activation.float().std().to(activation).clamp_min(1e-3)

    return edit


def _tolerance(layout: Layout, gap: Gap) -> float:
    """Return what rounding can do in the model's dtype; a write without effect causes a gap of order 1."""
    tolerance = _rounding(layout.hf_model.dtype)
    if gap.in_softmax:  # transformers takes the softmax in float32, in a float64 model too
        return max(tolerance, 256 * torch.finfo(torch.float32).eps)
    return tolerance


def _rounding(dtype: torch.dtype) -> float:
    eps = torch.finfo(dtype).eps
    return (4 if eps > 1e-4 else 256) * eps
