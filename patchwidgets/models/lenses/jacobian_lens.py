"""A fitted Jacobian lens: one matrix per residual stream, with a description of its fit. Costs a matrix product."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import LensError
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.lens_file import MAX_BYTES, STREAMS, read_lens, to_bytes
from patchwidgets.models.lenses.lens_fit import LensFit
from patchwidgets.models.lenses.readout import last_stream
from patchwidgets.models.weights_mark import weights_checksum
from patchwidgets.sites import Site
from patchwidgets.storage import write_file


class JacobianLens:
    """The average Jacobian of the last residual stream by every earlier one; `fit_lens` returns it.

    Where the logit lens reads a stream as it is, this lens first carries it to the last layer: J h. With
    ``run.lens(method=lens)`` it reads a run. It is an average over text, so of what one prompt computes it shows only
    what the model does in general. Which of the two reads better depends on the model, so look at both:

    - In the teaching model, the answer of a sum modulo 5 has after layer 1 a mean probability of .96 by the logit lens
      and of .55 by this one, and of .999 by both after layer 2 (64 test prompts).
    - In SmolLM2 on the names prompts, the answer is the top token from layer 23 on by this lens; the logit lens has it
      at rank 148 there, and first at the last layer (fitted on 16 texts of its own; sampling error .08 there, and .53
      in layer 0, where such a lens says little).

    Parameters
    ----------
    matrices
        For each stream J, ``[i, j]``: how number i of the last stream grows with number j of this one. They are kept
        in float16, whose rounding is far below `LensFit.sampling_error`.
    fit
        How they were fitted.

    Raises
    ------
    LensError
        A number is too large for float16.

    References
    ----------
    Gurnee, Sofroniew, Lindsey et al. (2026), "Verbalizable Representations Form a Global Workspace in Language Models".

    Examples
    --------
    >>> lens = model.run("12+34=").lens(method="jacobian").jacobian_lens
    >>> lens
    JacobianLens(8 streams of 'teaching model', fitted on ... prompts)
    >>> lens.sites[:3], lens.fit.target
    (('L0.resid_pre', 'L0.resid_mid', 'L0.resid_post'), 'L3.resid_post')
    """

    def __init__(
        self, matrices: Mapping[Key, Float[Tensor, "d_model d_model"]], fit: LensFit
    ) -> None:
        in_order = sorted(matrices, key=lambda key: (key[1] or 0, STREAMS.index(key[0])))
        self._matrices = {key: matrices[key].half() for key in in_order}
        self.fit = fit
        for key, matrix in self._matrices.items():
            if not torch.isfinite(matrix).all():
                raise LensError(
                    f"The Jacobian of {_site(key)} has numbers that float16 cannot hold; fit on other text."
                )

    def __repr__(self) -> str:
        n = self.fit.n_prompts
        return f"JacobianLens({len(self._matrices)} streams of {self.fit.model!r}, fitted on {n} prompts)"

    @property
    def sites(self) -> tuple[str, ...]:
        """The streams that have a matrix. A ``resid_pre`` that is the layer before's ``resid_post`` uses that one."""
        return tuple(str(_site(key)) for key in self._matrices)

    def matrix(self, site: str | Site) -> Float[Tensor, "d_model d_model"]:
        """Return J of a stream in float32; of the last stream the identity.

        Raises
        ------
        LensError
            The lens has none for it.

        Examples
        --------
        >>> lens = model.run("12+34=").lens(method="jacobian").jacobian_lens
        >>> lens.matrix("L2.resid_post").shape
        torch.Size([128, 128])
        """
        site = Site.parse(site)
        layer, component = site.layer, site.component
        if component == "resid_pre" and layer:
            component, layer = "resid_post", layer - 1
        key: Key = (component, layer)
        if str(_site(key)) == self.fit.target:
            return torch.eye(len(next(iter(self._matrices.values()))))
        if key not in self._matrices:
            raise LensError(
                f"This Jacobian lens has no matrix for {site.name}; it has {', '.join(self.sites)}. "
                "Read one of these, or use method='logit'."
            )
        return self._matrices[key].float()

    def transport(
        self, site: str | Site, streams: Float[Tensor, "*entry d_model"]
    ) -> Float[Tensor, "*entry d_model"]:
        """Carry streams from a site to the last layer: J h, in float32.

        Examples
        --------
        >>> lens = model.run("12+34=").lens(method="jacobian").jacobian_lens
        >>> lens.transport("L2.resid_post", exp.clean["L2.resid_post"]).shape
        torch.Size([1, 15, 128])
        """
        matrix = self.matrix(site).to(streams.device)
        return streams.float() @ matrix.T

    def check(self, layout: Layout) -> None:
        """Check that the lens was fitted on this model.

        Raises
        ------
        LensError
            It has another size, other layers or other weights.
        """
        target, width = last_stream(layout), len(next(iter(self._matrices.values())))
        if (str(_site(target)), layout.d_model) != (self.fit.target, width):
            raise LensError(
                f"This Jacobian lens was fitted on {self.fit.model!r}, whose last stream is {self.fit.target} with "
                f"{width} numbers; that of {layout.name} is {_site(target)} with {layout.d_model}. "
                "Fit one on this model with pw.fit_lens(model, texts)."
            )
        if weights_checksum(layout.hf_model) != self.fit.weights:
            raise LensError(
                f"This Jacobian lens was fitted on {self.fit.model!r} with other weights than those of {layout.name}. "
                "Fit one on this model with pw.fit_lens(model, texts)."
            )

    def save(self, path: str | Path) -> None:
        """Write the lens to a safetensors file, whose metadata describe the fit; as a whole or not at all.

        Raises
        ------
        FileError
            The disk is full, or the place cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> lens = model.run("12+34=").lens(method="jacobian").jacobian_lens
        >>> with TemporaryDirectory() as folder:
        ...     lens.save(f"{folder}/lens.safetensors")
        ...     pw.JacobianLens.load(f"{folder}/lens.safetensors").fit == lens.fit
        True
        """
        named = {str(_site(key)): matrix for key, matrix in self._matrices.items()}
        write_file(path, to_bytes(named, self.fit))

    @classmethod
    def load(cls, path: str | Path, max_bytes: int = MAX_BYTES) -> "JacobianLens":
        """Read a lens that `save` wrote.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, or holds no lens.
        """
        named, fit = read_lens(path, max_bytes)
        keys = {name: Site.parse(name) for name in named}
        return cls({(keys[name].component, keys[name].layer): named[name] for name in named}, fit)


def _site(key: Key) -> Site:
    component, layer = key
    return Site(component, layer)  # type: ignore[arg-type]
