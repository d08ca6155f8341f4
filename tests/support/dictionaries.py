"""Random dictionaries, sparse and not: with more features than the stream is wide, so that no two are independent."""

import torch
from torch import Tensor

from patchwidgets.models.dictionaries import Dictionary, wrap_dictionary
from tests.support.families import D_MODEL

N_FEATURES = 45


class Random:
    """ReLU features of random directions, and a random decoder with a bias; far from a good reconstruction.

    Attributes
    ----------
    into, bias, out, mean
        f = relu(x · into + bias), x̂ = f · out + mean.
    """

    def __init__(
        self,
        seed: int = 0,
        n: int = N_FEATURES,
        d: int = D_MODEL,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.into = torch.randn(d, n, generator=generator).to(dtype)
        self.bias, self.mean = (torch.randn(k, generator=generator).to(dtype) for k in (n, d))
        self.out = 0.3 * torch.randn(n, d, generator=generator).to(dtype)

    def encode(self, x: Tensor) -> Tensor:
        return (x @ self.into + self.bias).relu()

    def decode(self, f: Tensor) -> Tensor:
        return f @ self.out + self.mean

    def of(self, site: str) -> Dictionary:
        return wrap_dictionary(site, self.encode, self.decode)


class OfDirections(Random):
    """The same features of x / |x|: encoding is not linear, so that autograd keeps x for a gradient."""

    def encode(self, x: Tensor) -> Tensor:
        return super().encode(x / x.norm(dim=-1, keepdim=True))
