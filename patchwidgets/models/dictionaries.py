"""Dictionaries of a residual stream, such as a sparse autoencoder: features that can be read and patched like neurons.

A dictionary takes a vector x of the stream apart into features f = encode(x) and an error x − decode(f), which is kept.
What is patched is put together again as decode(f) + error. Giving one to a model costs a short forward pass and some
calls of the dictionary, which check it; reading or patching its features costs encoding every vector of a pass, and
decoding those that are patched. Nothing watches its tensors, but a few vectors are encoded again after each pass.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import ModelError, SiteError, shown
from patchwidgets.sites import STREAMS, Site

Vectors = Float[Tensor, "vector d_model"]
Found = Float[Tensor, "vector feature"]


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A dictionary of one stream of a model; `wrap_dictionary` makes it, and `Model.with_dictionaries` takes it.

    Attributes
    ----------
    site
        The stream.
    encode, decode
        From vectors to features, and back.
    n_features
        How many features there are; None until a model has it and it was not given.
    name
        Shown in messages.

    Examples
    --------
    See `wrap_dictionary`.
    """

    site: Site
    encode: Callable[[Vectors], Found]
    decode: Callable[[Found], Vectors]
    n_features: int | None = None
    name: str = ""

    def __repr__(self) -> str:
        features = "" if self.n_features is None else f", {self.n_features:,} features"
        return f"Dictionary({self.name or str(self.site)!r}, {self.site}{features})"

    def explained_variance(self, x: Float[Tensor, "*shape d_model"]) -> float:
        """The part of the variance of some vectors that is in their features.

        It is 1 − Σ‖x − decode(encode(x))‖² / Σ‖x − mean‖²: 1 where the error is zero everywhere, 0 where the features
        know no more than the mean of the vectors.

        Parameters
        ----------
        x
            Vectors of the stream, such as ``run["L2.resid_post"]``; at least two different ones.

        Raises
        ------
        ModelError
            The vectors are all the same.
        """
        flat = x.reshape(-1, x.shape[-1]).float()
        spread = float((flat - flat.mean(0)).square().sum())
        if spread == 0:
            raise ModelError(
                f"{len(flat)} vectors without any variance, of which nothing can be explained. Give different ones."
            )
        with torch.no_grad():
            error = flat - self.decode(self.encode(flat.clone())).to(flat)
        return 1 - float(error.square().sum()) / spread


def wrap_dictionary(
    site: str | Site,
    encode: Callable[[Vectors], Found],
    decode: Callable[[Found], Vectors],
    n_features: int | None = None,
    name: str = "",
) -> Dictionary:
    """Wrap any dictionary of a residual stream, so that its features can be patched like neurons.

    ``model.with_dictionaries(...)`` gives a model on which ``L2.resid_post.F123`` is a site: one feature of the stream
    ``L2.resid_post``. ``L2.resid_post.features`` means all of them, and ``L2.resid_post.error`` what the dictionary
    does not explain. A patch of features keeps the error of the host, and a patch of the error keeps its features: with
    f = encode(x), patched features f' and the error e = x − decode(f), the stream becomes decode(f') + e. So all
    features and the error from one run are that run's stream, and a vector in which nothing changes stays the same to
    the bit.

    Parameters
    ----------
    site
        One of a layer's ``resid_pre``, ``resid_mid``, ``resid_post``, ``attn_out`` and ``mlp_out``, without a position.
    encode
        From vectors ``[vector, d_model]`` to features ``[vector, feature]``; each vector on its own, always with the
        same outcome. It gets float32 (float64 in a model of that dtype) on the model's device, and must not change it.
    decode
        Back to ``[vector, d_model]``, with biases and scales and all.
    n_features
        How many features there are, to be checked; by default as many as `encode` returns.
    name
        Shown in messages.

    Raises
    ------
    SiteError
        Not a stream of one layer.
    ModelError
        `encode` or `decode` cannot be called. What they return is checked by `Model.with_dictionaries`.

    Examples
    --------
    A sparse autoencoder with 96 features, 8 of them active at a time, learned here from the stream of the teaching
    model in 64 prompts.

    >>> import torch
    >>> names = pw.Experiment(model, pw.tasks.ioi(n=32, seed=0))
    >>> x = torch.cat([run["L1.resid_post"].flatten(0, 1) for run in (names.clean, names.corrupted)])
    >>> start = torch.randn(96, 128, generator=torch.Generator().manual_seed(0)) / 128**0.5
    >>> mean, into, out = x.mean(0), start.T.clone().requires_grad_(), start.clone().requires_grad_()
    >>> def encode(x):
    ...     f = ((x - mean) @ into).relu()
    ...     return f * (f >= f.topk(8).values[:, -1:])
    >>> def decode(f):
    ...     return f @ out + mean
    >>> optimizer = torch.optim.Adam([into, out], lr=0.01)
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     (decode(encode(x)) - x).square().sum(1).mean().backward()
    ...     _ = optimizer.step()
    >>> dictionary = pw.wrap_dictionary("L1.resid_post", encode, decode)
    >>> round(dictionary.explained_variance(x), 1)
    1.0

    That is 0.96, yet the 4 % that it leaves out carry a part of the answer: patched alone, the features recover about
    0.9 and the error 0.1. Together they are the stream.

    >>> names = pw.Experiment(model.with_dictionaries(dictionary), names.task)
    >>> features, error = "L1.resid_post.features@-1", "L1.resid_post.error@-1"
    >>> [round(names.patch(site).recovery, 1) for site in (features, error)]
    [0.9, 0.1]
    >>> round(names.patch(features, error).recovery - names.patch("L1.resid_post@-1").recovery, 4)
    0.0

    One feature is a site like a neuron; a sweep can try all of them, or those that a gradient finds most promising.

    >>> names.clean["L1.resid_post.F3@-1"].shape
    torch.Size([32, 1, 1])
    >>> names.sweep("resid_post.features", over=("layer", "feature", "pos"), top=5, progress=False)
    SweepResult(resid_post.features of 'teaching model': 5 site, 32 pairs, logit_diff, denoise; the 5 of 1,440 ...)
    """
    site = Site.parse(site)
    if site.component not in STREAMS or site.pos is not None:
        raise SiteError(
            f"A dictionary belongs to a stream of one layer, at all positions, as in 'L2.resid_post'; got '{site}'. "
            f"The streams are {', '.join(STREAMS)}."
        )
    for what, function in (("encode", encode), ("decode", decode)):
        if not callable(function):
            raise ModelError(
                f"{site}: {what} is {shown(function)}; expected a function of vectors, such as sae.{what}."
            )
    return Dictionary(site, encode, decode, n_features, name)
