"""The sizes and components of a model, as properties read from its layout. Costs nothing."""

from patchwidgets.models.layout import Layout
from patchwidgets.sites import COMPONENTS, Component


class Sizes:
    """What a model is like: the part of `Model` that only reads its layout."""

    layout: Layout

    @property
    def name(self) -> str:
        """Shown in the widget, in files and in messages."""
        return self.layout.name

    @property
    def n_layers(self) -> int:
        """The number of blocks."""
        return self.layout.n_layers

    @property
    def n_heads(self) -> int:
        """The number of query heads per layer."""
        return self.layout.n_heads

    @property
    def n_kv_heads(self) -> int:
        """The number of key-value heads per layer."""
        return self.layout.n_kv_heads

    @property
    def d_model(self) -> int:
        """The width of the residual stream."""
        return self.layout.d_model

    @property
    def d_mlp(self) -> int | None:
        """The number of neurons per layer; None for a model without neurons, such as a mixture of experts."""
        return self.layout.d_mlp

    @property
    def dtype(self) -> str:
        """The dtype of the weights, such as ``float32``."""
        return str(self.layout.hf_model.dtype).removeprefix("torch.")

    @property
    def device(self) -> str:
        """The device of the input embeddings."""
        return str(self.layout.device)

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that this model has."""
        present = {component for component, _ in self.layout.hook_points}
        return tuple(component for component in COMPONENTS if component in present)

    @property
    def refused(self) -> dict[str, str]:
        """The components that this model does not have, each with the reason."""
        return dict(self.layout.refused)
