"""The names of what can be read and replaced in a model. Plain data; costs nothing."""

from typing import Literal, get_args

OwnComponent = Literal[
    "embed",
    "resid_pre",
    "resid_mid",
    "resid_post",
    "attn_out",
    "mlp_out",
    "q",
    "k",
    "v",
    "z",
    "pattern",
    "neuron_pre",
    "neuron_up",
    "neuron",
]
Features = Literal[
    "resid_pre.features",
    "resid_mid.features",
    "resid_post.features",
    "attn_out.features",
    "mlp_out.features",
]
"""What a dictionary finds in a stream: its features."""
Rest = Literal[
    "resid_pre.error", "resid_mid.error", "resid_post.error", "attn_out.error", "mlp_out.error"
]
"""What a dictionary does not find in a stream: its error."""

Component = Literal[OwnComponent, Features, Rest]

COMPONENTS: tuple[OwnComponent, ...] = get_args(OwnComponent)
"""The components of a model itself, without dictionaries."""
ALL_COMPONENTS: tuple[Component, ...] = get_args(Component)
HEAD_COMPONENTS: frozenset[str] = frozenset({"q", "k", "v", "z", "pattern"})
NEURON_COMPONENTS: frozenset[str] = frozenset({"neuron_pre", "neuron_up", "neuron"})
FEATURE_COMPONENTS: frozenset[str] = frozenset(get_args(Features))
ERROR_COMPONENTS: frozenset[str] = frozenset(get_args(Rest))
DICTIONARY_COMPONENTS = FEATURE_COMPONENTS | ERROR_COMPONENTS
STREAMS: tuple[OwnComponent, ...] = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
"""The components that a dictionary can take apart: vectors of the width of the residual stream."""
ALIASES: dict[str, Component] = {"neuron_gate": "neuron_pre"}


def stream_of(component: str) -> str:
    """Return the stream that features or an error belong to; any other component itself.

    Examples
    --------
    >>> from patchwidgets.components import stream_of
    >>> stream_of("resid_post.features"), stream_of("z")
    ('resid_post', 'z')
    """
    return component.partition(".")[0]
