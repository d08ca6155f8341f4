"""What a model does to logits after its output embedding, by its config: divides, multiplies or caps them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LogitTransform:
    """One of the ways in which models of transformers change logits.

    Attributes
    ----------
    divisor, factor
        Granite divides all logits by one number, Cohere multiplies them by one.
    cap
        Gemma 2 makes them ``cap · tanh(logits / cap)``; None without a cap.
    """

    divisor: float = 1.0
    factor: float = 1.0
    cap: float | None = None

    def __call__(self, logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return what the model makes of logits."""
        if self.divisor != 1:
            logits = logits / self.divisor
        if self.factor != 1:
            logits = logits * self.factor
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)

    @property
    def scale(self) -> float:
        """What logits are multiplied by before any cap."""
        return self.factor / self.divisor


def logit_transforms(config: object) -> list[LogitTransform]:
    """Return the ways that the text config of a model allows: first that its logits stay as they are."""
    cap, divisor, factor = (
        getattr(config, name, None)
        for name in ("final_logit_softcapping", "logits_scaling", "logit_scale")
    )
    transforms = [LogitTransform()]
    if isinstance(cap, int | float) and cap:
        transforms.append(LogitTransform(cap=float(cap)))
    if isinstance(divisor, int | float) and divisor:
        transforms.append(LogitTransform(divisor=float(divisor)))
    if isinstance(factor, int | float) and factor:
        transforms.append(LogitTransform(factor=float(factor)))
    return transforms
