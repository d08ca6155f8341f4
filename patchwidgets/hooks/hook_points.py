"""Where activations pass by, and what has to be done to read and write them there. Plain data over modules."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

AttentionPart = Literal["q", "k", "v", "pattern"]
ATTENTION_PARTS: tuple[AttentionPart, ...] = ("q", "k", "v", "pattern")


@dataclass(frozen=True, eq=False)
class HookPoint:
    """Where one component of one layer passes by.

    Attributes
    ----------
    module, side
        Whose input or output it is.
    n_heads
        Split the last axis into this many heads.
    chunk
        Take the i-th of n equal parts of the last axis (fused projections).
    scale
        The component is this many times what passes by.
    in_place
        Write into the tensor itself: it is also held elsewhere (the residual stream between attention and MLP).
    whole
        Hand over what passes by as it is, of whatever shape.
    """

    module: nn.Module
    side: Literal["input", "output"]
    n_heads: int | None = None
    chunk: tuple[int, int] | None = None
    scale: float = 1.0
    in_place: bool = False
    whole: bool = False

    def read(self, passing: Tensor, positions: int) -> Tensor:
        """The activation ``[row, pos, ...]`` in what passes by (some models flatten rows and positions)."""
        if self.whole:
            return passing
        activation = passing.reshape(-1, positions, passing.shape[-1])
        if self.chunk is not None:
            activation = activation.chunk(self.chunk[1], dim=-1)[self.chunk[0]]
        if self.n_heads is not None:
            activation = activation.unflatten(-1, (self.n_heads, -1))
        return activation if self.scale == 1.0 else activation * self.scale

    def write(self, passing: Tensor, activation: Tensor) -> Tensor:
        """What shall pass by instead, so that `read` would give `activation`; shaped as `passing`, rows aside."""
        if self.whole:
            return activation
        if self.n_heads is not None:
            activation = activation.flatten(-2)
        if self.scale != 1.0:
            activation = activation / self.scale
        if self.chunk is not None:
            parts = list(passing.reshape(*activation.shape[:2], -1).chunk(self.chunk[1], dim=-1))
            parts[self.chunk[0]] = activation
            activation = torch.cat(parts, dim=-1)
        activation = activation.to(passing.dtype).reshape(-1, *passing.shape[1:])
        return passing.copy_(activation) if self.in_place else activation


@dataclass(frozen=True, eq=False)
class GroupedHookPoint(HookPoint):
    """One of q, k and v in a fused projection that is laid out by key-value head: its queries, its key, its value.

    `n_heads` counts key-value heads here; `n_queries` is how many queries each of them has.
    """

    part: AttentionPart = "q"
    n_queries: int = 1

    @property
    def _where(self) -> slice:
        return {"q": slice(0, -2), "k": slice(-2, -1), "v": slice(-1, None)}[self.part]

    def _grouped(self, passing: Tensor, positions: int) -> Tensor:
        return passing.reshape(
            -1, positions, self.n_heads or 1, self.n_queries + 2, self._d_head(passing)
        )

    def _d_head(self, passing: Tensor) -> int:
        return passing.shape[-1] // ((self.n_heads or 1) * (self.n_queries + 2))

    def read(self, passing: Tensor, positions: int) -> Tensor:
        """The activation ``[row, pos, head, d_head]``."""
        return self._grouped(passing, positions)[..., self._where, :].flatten(2, 3)

    def write(self, passing: Tensor, activation: Tensor) -> Tensor:
        """The whole projection with one part of it replaced; of the shape of `passing`."""
        whole = self._grouped(passing, activation.shape[1]).clone()
        whole[..., self._where, :] = activation.unflatten(2, (self.n_heads or 1, -1)).to(
            whole.dtype
        )
        return whole.reshape(passing.shape)


@dataclass(frozen=True, eq=False)
class PatternHookPoint(HookPoint):
    """Attention probabilities ``[row, head, query, key]`` as a module's output, read as ``[row, query, head, key]``."""

    def read(self, passing: Tensor, positions: int) -> Tensor:
        """The activation, its position axis second as everywhere."""
        return passing.transpose(1, 2)

    def write(self, passing: Tensor, activation: Tensor) -> Tensor:
        """The axes put back."""
        return activation.transpose(1, 2).to(passing.dtype)


@dataclass(frozen=True, eq=False)
class RouterHookPoint(HookPoint):
    """Which experts a router chose for each token; read alone, never written.

    Attributes
    ----------
    logits
        Which of its outputs is its logits.
    n_chosen
        How many experts a token gets.
    """

    logits: int = 0
    n_chosen: int = 1

    def read(self, passing: Any, positions: int) -> Tensor:
        """Experts ``[row, pos, expert]`` in ascending order: the integers that it returns, else its largest logits."""
        outputs = passing if isinstance(passing, tuple | list) else (passing,)
        tensors = [each for each in outputs if isinstance(each, Tensor)]
        chosen = next((t for t in tensors if not t.is_floating_point()), None)
        if chosen is None:
            chosen = outputs[self.logits].topk(self.n_chosen, dim=-1).indices
        return chosen.reshape(-1, positions, chosen.shape[-1]).sort(-1).values


@dataclass(frozen=True, eq=False)
class AttentionHookPoint:
    """What a layer hands to its attention kernel, ``[row, head, pos, d]``, or gets there (`pattern`: d is the key).

    Attributes
    ----------
    module
        The attention module that calls the kernel.
    part
        Which of them.
    """

    module: nn.Module
    part: AttentionPart

    def read(self, passing: Tensor, positions: int) -> Tensor:
        """The activation ``[row, pos, head, d]``."""
        return passing.transpose(1, 2)

    def write(self, passing: Tensor, activation: Tensor) -> Tensor:
        """The axes put back."""
        return activation.transpose(1, 2).to(passing.dtype)


AnyHookPoint = HookPoint | AttentionHookPoint
