"""What a lens is asked to read: which stream in which layers, how, and what to follow. Plain data, checked."""

from collections.abc import Sequence
from dataclasses import dataclass

from patchwidgets.errors import LensError, SiteError, shown
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.indexing import key_of
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.fitted import fitted_lens
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.lenses.lens_file import STREAMS
from patchwidgets.models.resolve import resolve, sites_of
from patchwidgets.sites import Site

Method = str | JacobianLens
"""``"logit"``, ``"jacobian"`` (the lens that was fitted on the model), or a Jacobian lens."""
MAX_TOP = 100


@dataclass(frozen=True, eq=False)
class LensRequest:
    """What a lens reads.

    Attributes
    ----------
    sites
        The streams, one for each layer.
    jacobian
        The lens to read them through; None is the logit lens.
    k
        How many tokens to list.
    """

    sites: tuple[Site, ...]
    jacobian: JacobianLens | None
    k: int

    @classmethod
    def of(
        cls,
        layout: Layout,
        component: str,
        layers: Sequence[int] | None,
        method: Method,
        k: int,
    ) -> "LensRequest":
        """Check what `Run.lens` was given.

        Raises
        ------
        LensError
            Not a residual stream, an unknown method, no fitted lens, one of another model, or too many tokens.
        SiteError, RefusedError
            The model does not have the layer or the stream.
        """
        if component not in (*STREAMS, "embed"):
            raise LensError(
                f"A lens reads a residual stream: {', '.join(STREAMS)} or embed; got {shown(component)}. What a single "
                "component adds to the stream has no scale of its own for the final norm."
            )
        if not isinstance(k, int) or not 1 <= k <= min(MAX_TOP, layout.limits.n_tokens):
            raise LensError(
                f"A lens lists 1 to {MAX_TOP} tokens, and no more than there are; got k={k!r}."
            )
        sites = _sites(layout, component, layers)
        return cls(sites, _jacobian(layout, component, method), k)

    @property
    def keys(self) -> list[Key]:
        """The streams, by component and layer."""
        return [key_of(site) for site in self.sites]

    @property
    def component(self) -> str:
        """The kind of stream."""
        return self.sites[0].component


def _sites(layout: Layout, component: str, layers: Sequence[int] | None) -> tuple[Site, ...]:
    if component == "embed":
        if layers is not None:
            raise SiteError("The embedding belongs to no layer; leave layers out.")
        return (Site("embed"),)
    if layers is None:
        return sites_of(layout, component)  # type: ignore[arg-type]
    if not layers or any(not isinstance(layer, int) for layer in layers):
        raise SiteError(f"Expected layers=[...] with at least one layer; got {shown(layers)}.")
    if len(set(layers)) < len(layers):
        raise SiteError(f"Name each layer once; got {shown(layers)}.")
    return tuple(resolve(layout, Site(component, layer)) for layer in layers)  # type: ignore[arg-type]


def _jacobian(layout: Layout, component: str, method: Method) -> JacobianLens | None:
    if isinstance(method, JacobianLens):
        method.check(layout)
    elif method not in ("logit", "jacobian"):
        raise LensError(
            f"Unknown method {shown(method)}; expected 'logit', 'jacobian' or a pw.JacobianLens."
        )
    if method == "logit":
        return None
    if component == "embed":
        raise LensError(
            "A Jacobian lens is fitted on the stream, which begins at L0.resid_pre; the embedding may lack what the "
            "model does to it before (positions, a scale). Use component='resid_pre', layers=[0], or method='logit'."
        )
    return method if isinstance(method, JacobianLens) else fitted_lens(layout)
