"""What stands between the residual stream and the output embedding: the final norm, live or with its scale frozen.

Finding it costs a pass over a few random tokens; freezing it costs the norm itself, and a few more rows of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from patchwidgets.errors import RefusedError
from patchwidgets.models.forward import running
from patchwidgets.models.layout import Layout
from patchwidgets.models.linear_maps import LinearMap, few_spacings, linear_map, widened
from patchwidgets.models.outer_modules import OuterModules, run_outer_modules, same_numbers
from patchwidgets.models.view import View


@dataclass(frozen=True, eq=False)
class FrozenScale:
    """A norm whose scale is held: ``gain · scale · centred(x) + bias``, which is affine in ``x``.

    Attributes
    ----------
    scale
        1 / root mean square, or 1 / standard deviation, of each stream at which it is frozen.
    gain, bias
        What the norm multiplies by and adds, such as ``weight`` or ``1 + weight``; ones and zeros if it has none.
    centred
        Whether the mean is subtracted first, as in LayerNorm.
    """

    scale: Float[Tensor, "*shape 1"]
    gain: Float[Tensor, "d_model"]
    bias: Float[Tensor, "d_model"]
    centred: bool

    def __call__(self, change: Float[Tensor, "*shape d_model"]) -> Float[Tensor, "*shape d_model"]:
        """Return what a change of the stream does to the output: without the bias."""
        return _centred(widened(change), self.centred) * self.scale * self.gain

    def transposed(
        self, direction: Float[Tensor, "*shape d_model"]
    ) -> Float[Tensor, "*shape d_model"]:
        """Return, for a direction to read the output along, that to read the stream along."""
        return _centred(widened(direction) * self.gain * self.scale, self.centred)


@dataclass(frozen=True, eq=False)
class FrozenNorm:
    """The way from the last residual stream to the output embedding, with the scale of the norm frozen at some streams.

    Then it is affine: the changes that several components make add up.

    Attributes
    ----------
    steps
        What the stream passes through, in order: usually the norm alone; none if the model has no final norm.
    output
        What the model itself makes of the streams at which it is frozen, in float32 at least.
    bias
        What the output embedding would read of streams of zeros: the bias of the norm, if it has one.
    """

    steps: tuple[FrozenScale | LinearMap, ...]
    output: Float[Tensor, "*shape d_out"]
    bias: Float[Tensor, "*shape d_out"]

    def __call__(self, change: Float[Tensor, "*shape d_model"]) -> Float[Tensor, "*shape d_out"]:
        """Return what a change of the stream does to what the output embedding reads, in float32 at least.

        Parameters
        ----------
        change
            Its last axes are those of the streams at which the scale is frozen; more axes may come before them.
        """
        change = widened(change)
        for step in self.steps:
            change = step(change)
        return change

    def transposed(
        self, direction: Float[Tensor, "*shape d_out"]
    ) -> Float[Tensor, "*shape d_model"]:
        """Return the direction in the stream for one in what the output embedding reads: products stay the same."""
        direction = widened(direction)
        for step in reversed(self.steps):
            direction = step.transposed(direction)
        return direction


@dataclass(frozen=True, eq=False)
class FinalNorm:
    """What stands between the last block's ``resid_post`` and the output embedding; `find_final_norm` returns it.

    Attributes
    ----------
    layout
        Of the model.
    modules
        What the stream passes through, in order: the final norm, or nothing; in some models also a projection.

    Examples
    --------
    >>> from patchwidgets.models.final_norm import find_final_norm
    >>> norm = find_final_norm(model.layout)
    >>> host, source = (run["L3.resid_post@-1"][:, 0] for run in (exp.corrupted, exp.clean))
    >>> frozen = norm.frozen(host)
    >>> change = source - host
    >>> bool((frozen(change) - frozen(source) + frozen(host)).abs().max() < 1e-5)
    True
    >>> bool((norm(host) - frozen(host) - frozen.bias).abs().max() < 1e-5)
    True
    """

    layout: Layout
    modules: tuple[nn.Module, ...]

    def __call__(self, stream: Float[Tensor, "*shape d_model"]) -> Float[Tensor, "*shape d_out"]:
        """Return what the output embedding reads of a stream, as the model computes it."""
        with running(self.layout) as view:
            for module in self.modules:
                stream = _applied(view, module, stream)
        return stream

    def frozen(self, host: Float[Tensor, "*shape d_model"]) -> FrozenNorm:
        """Freeze the scale of the norm at some streams, in the dtype in which the model has them.

        Raises
        ------
        RefusedError
            It is no RMSNorm or LayerNorm: with its scale frozen it does not give what the model gives.
        """
        steps, output, bias = [], host, torch.zeros_like(widened(host))
        with running(self.layout) as view:
            for module in self.modules:
                before, output = output, _applied(view, module, output)
                steps.append(_frozen_step(view, module, before, output))
                bias = steps[-1](bias) + steps[-1].bias
        frozen = FrozenNorm(tuple(steps), widened(output), bias)
        self._check(frozen, host)
        return frozen

    def _check(self, frozen: FrozenNorm, host: Float[Tensor, "*shape d_model"]) -> None:
        gap = (frozen(host) + frozen.bias - frozen.output).abs().amax(-1)
        size = frozen.output.abs().amax(-1).clamp_min(1e-30)
        part = float((gap / size).max())
        if not part <= few_spacings(host.dtype):  # NaN is refused too
            names = ", ".join(type(module).__name__ for module in self.modules)
            raise RefusedError(
                f"The final norm of {self.layout.name} ({names}) cannot be frozen: neither an RMSNorm nor a LayerNorm "
                f"gives what it gives (off by {part:.1e} of the largest number). Use the live norm."
            )


def find_final_norm(layout: Layout, seen: OuterModules | None = None) -> FinalNorm:
    """Find what stands between the last block and the output embedding, by what the modules there read and return.

    Parameters
    ----------
    seen
        What they do, if it is known already; otherwise a short pass shows it.

    Raises
    ------
    RefusedError
        No modules lead from the last block's ``resid_post`` to what the output embedding reads.
    """
    seen = seen or run_outer_modules(layout)
    end = seen.read.get(layout.hf_model.get_output_embeddings())
    modules = None if end is None else _way(seen, seen.resid_post, end)
    if modules is None:
        raise RefusedError(
            f"What the output embedding of {layout.name} reads is not what one or two modules make of the last "
            "block's resid_post, so its final norm is not known. Patch with the whole model instead, as in exp.patch()."
        )
    return FinalNorm(layout, modules)


def _way(
    seen: OuterModules, start: Tensor, end: Tensor, most: int = 2
) -> tuple[nn.Module, ...] | None:
    """Return the modules through which one tensor becomes another, inner modules rather than what is around them."""
    if same_numbers(start, end):
        return ()
    for module in reversed(seen.read) if most else ():
        after = seen.returned.get(module)
        if after is None or not same_numbers(seen.read[module], start):
            continue
        if same_numbers(after, start):  # dropout, for example
            continue
        if (rest := _way(seen, after, end, most - 1)) is not None:
            return (module, *rest)
    return None


def _frozen_step(
    view: View, module: nn.Module, before: Tensor, after: Tensor
) -> FrozenScale | LinearMap:
    if type(module) in (nn.Linear, Conv1D):
        return linear_map(view, module, before.shape[-1])
    return _nearest(view, module, before, after)


def _nearest(view: View, module: nn.Module, before: Tensor, after: Tensor) -> FrozenScale:
    """Return the norm with a frozen scale that is nearest to what a module does, by least squares."""
    bias = widened(_applied(view, module, torch.zeros_like(before[(0,) * (before.dim() - 1)])))
    stream, scaled = widened(before).double(), widened(after).double() - bias

    def candidates() -> Iterator[tuple[float, FrozenScale]]:
        for gain, centred in product(_gains(view, module, before, bias), (False, True)):
            unscaled = _centred(stream, centred) * gain
            size = (unscaled * unscaled).sum(-1, keepdim=True).clamp_min(1e-300)
            scale = (scaled * unscaled).sum(-1, keepdim=True) / size
            gap = float((scaled - scale * unscaled).abs().max().nan_to_num(float("inf")))
            yield gap, FrozenScale(scale.to(bias.dtype), gain, bias, centred)

    return min(candidates(), key=lambda candidate: candidate[0])[1]


def _gains(
    view: View, module: nn.Module, before: Tensor, bias: Float[Tensor, "d_model"]
) -> Iterator[Float[Tensor, "d_model"]]:
    """What a norm may multiply by: what its weight says, and what it does to a stream of +1 and −1."""
    signs = torch.ones_like(before[(0,) * (before.dim() - 1)])
    signs[::2] = -1
    yield (widened(_applied(view, module, signs)) - bias) * signs
    weight = getattr(module, "weight", None)
    if isinstance(weight, Tensor) and weight.shape == signs.shape and weight.device == signs.device:
        yield from (widened(weight.detach()), 1 + widened(weight.detach()))


def _applied(view: View, module: nn.Module, stream: Tensor) -> Tensor:
    """Apply a module of the model to streams of any shape, as rows of one prompt."""
    output: Any = view.copy_of(module)(stream.reshape(1, -1, stream.shape[-1]))
    tensor: Tensor = output.reshape(*stream.shape[:-1], -1)
    return tensor


def _centred(tensor: Tensor, centred: bool) -> Tensor:
    return tensor - tensor.mean(-1, keepdim=True) if centred else tensor
