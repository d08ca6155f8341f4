"""Hook points: at which module an activation can be seen, and how to read and write it there. Plain data over modules.

A hook point converts between the tensor that the module takes or returns and the activation in the package's form,
``[row, pos, ...]``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

AttentionPart = Literal["q", "k", "v", "pattern"]
ATTENTION_PARTS: tuple[AttentionPart, ...] = ("q", "k", "v", "pattern")

Activation = Float[Tensor, "row pos *unit"]
"""An activation; the axes after `pos` depend on the component."""


@dataclass(frozen=True, eq=False)
class HookPoint:
    """Where one component of one layer is: in the input or the output of a module.

    Attributes
    ----------
    module, side
        The module, and which of its tensors contains the component.
    n_heads
        Split the last axis into this many heads.
    chunk
        ``(i, n)``: the component is part `i` of `n` equal parts of the last axis (fused projections).
    scale
        The component is the tensor times this number.
    in_place
        Write into the tensor itself, because the model uses it elsewhere too (the residual stream before the MLP).
    whole
        The activation is the tensor itself, whatever its shape.
    """

    module: nn.Module
    side: Literal["input", "output"]
    n_heads: int | None = None
    chunk: tuple[int, int] | None = None
    scale: float = 1.0
    in_place: bool = False
    whole: bool = False

    def read(self, tensor: Tensor, n_positions: int) -> Activation:
        """Return the activation in the module's tensor, in which some models flatten rows and positions."""
        if self.whole:
            return tensor
        activation = tensor.reshape(-1, n_positions, tensor.shape[-1])
        if self.chunk is not None:
            activation = activation.chunk(self.chunk[1], dim=-1)[self.chunk[0]]
        if self.n_heads is not None:
            activation = activation.unflatten(-1, (self.n_heads, -1))
        return activation if self.scale == 1.0 else activation * self.scale

    def write(self, tensor: Tensor, activation: Activation) -> Tensor:
        """Return the tensor from which `read` gives `activation`.

        Without `chunk` and `in_place`, the activation may have another number of rows than `tensor`.
        """
        if self.whole:
            return activation
        if self.n_heads is not None:
            activation = activation.flatten(-2)
        if self.scale != 1.0:
            activation = activation / self.scale
        if self.chunk is not None:
            parts = list(tensor.reshape(*activation.shape[:2], -1).chunk(self.chunk[1], dim=-1))
            parts[self.chunk[0]] = activation
            activation = torch.cat(parts, dim=-1)
        activation = activation.to(tensor.dtype).reshape(-1, *tensor.shape[1:])
        return tensor.copy_(activation) if self.in_place else activation


@dataclass(frozen=True, eq=False)
class GroupedHookPoint(HookPoint):
    """One of q, k and v in a fused projection that stores, for each key-value head, its queries, its key, its value.

    Attributes
    ----------
    n_heads
        The number of key-value heads.
    part
        Which of q, k and v.
    n_queries
        The number of query heads per key-value head.
    """

    part: AttentionPart = "q"
    n_queries: int = 1

    @property
    def _slice(self) -> slice:
        return {"q": slice(0, -2), "k": slice(-2, -1), "v": slice(-1, None)}[self.part]

    def _grouped(self, tensor: Tensor, n_positions: int) -> Tensor:
        """Return the projection as ``[row, pos, kv_head, queries + key + value, d_head]``."""
        n_heads, n_vectors = self.n_heads or 1, self.n_queries + 2
        d_head = tensor.shape[-1] // (n_heads * n_vectors)
        return tensor.reshape(-1, n_positions, n_heads, n_vectors, d_head)

    def read(self, tensor: Tensor, n_positions: int) -> Float[Tensor, "row pos head d_head"]:
        """Return q, k or v."""
        return self._grouped(tensor, n_positions)[..., self._slice, :].flatten(2, 3)

    def write(self, tensor: Tensor, activation: Float[Tensor, "row pos head d_head"]) -> Tensor:
        """Return the whole projection with this part replaced."""
        whole = self._grouped(tensor, activation.shape[1]).clone()
        whole[..., self._slice, :] = activation.unflatten(2, (self.n_heads or 1, -1)).to(
            whole.dtype
        )
        return whole.reshape(tensor.shape)


@dataclass(frozen=True, eq=False)
class PatternHookPoint(HookPoint):
    """Attention probabilities as the output of a module, ``[row, head, query, key]``."""

    def read(
        self, tensor: Float[Tensor, "row head query key"], n_positions: int
    ) -> Float[Tensor, "row query head key"]:
        """Return the probabilities with the position of the query as second axis, as in every activation."""
        return tensor.transpose(1, 2)

    def write(
        self, tensor: Tensor, activation: Float[Tensor, "row query head key"]
    ) -> Float[Tensor, "row head query key"]:
        """Return the probabilities with their axes in the module's order."""
        return activation.transpose(1, 2).to(tensor.dtype)


@dataclass(frozen=True, eq=False)
class RouterHookPoint(HookPoint):
    """Which experts a router chooses for each token. It is only read, never written.

    Attributes
    ----------
    logits
        The index of the logits among the router's outputs.
    n_chosen
        The number of experts per token.
    """

    logits: int = 0
    n_chosen: int = 1

    def read(self, tensor: Any, n_positions: int) -> Int[Tensor, "row pos expert"]:
        """Return the indices of the chosen experts in ascending order.

        They are the router's integer output, if it has one, or else the experts with the largest logits.
        """
        outputs = tensor if isinstance(tensor, tuple | list) else (tensor,)
        tensors = [each for each in outputs if isinstance(each, Tensor)]
        experts = next((each for each in tensors if not each.is_floating_point()), None)
        if experts is None:
            experts = outputs[self.logits].topk(self.n_chosen, dim=-1).indices
        return experts.reshape(-1, n_positions, experts.shape[-1]).sort(-1).values


@dataclass(frozen=True, eq=False)
class AttentionHookPoint:
    """What a layer passes to its attention kernel, or the pattern that the kernel computes: ``[row, head, pos, d]``.

    For a pattern, `pos` is the query and `d` is the key.

    Attributes
    ----------
    module
        The attention module that calls the kernel.
    part
        Which of q, k, v and pattern.
    """

    module: nn.Module
    part: AttentionPart

    def read(
        self, tensor: Float[Tensor, "row head pos d"], n_positions: int
    ) -> Float[Tensor, "row pos head d"]:
        """Return the activation."""
        return tensor.transpose(1, 2)

    def write(
        self, tensor: Tensor, activation: Float[Tensor, "row pos head d"]
    ) -> Float[Tensor, "row head pos d"]:
        """Return the activation with its axes in the kernel's order."""
        return activation.transpose(1, 2).to(tensor.dtype)


@dataclass(frozen=True, eq=False)
class PartHookPoint:
    """One of the parts into which an activation is taken apart, as by a dictionary; all of them are written together.

    Attributes
    ----------
    whole
        Where the activation is; the same object for all of its parts.
    part
        The name of this one.
    split
        From the activation to its parts by name, each ``[row, pos, ...]``.
    join
        From the activation, its parts and other parts to the activation with these.
    """

    whole: HookPoint
    part: str
    split: Callable[[Activation], dict[str, Activation]]
    join: Callable[[Activation, dict[str, Activation], dict[str, Activation]], Activation]

    @property
    def module(self) -> nn.Module:
        """The module at which the activation is."""
        return self.whole.module


AnyHookPoint = HookPoint | AttentionHookPoint | PartHookPoint
