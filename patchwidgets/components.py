"""The names of what can be read and replaced in a model. Plain data; costs nothing."""

import re
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

_HEADS, _STREAM = "z (the heads)", "resid_pre, resid_mid or resid_post"
_MEANT = {
    "head": _HEADS,
    "heads": _HEADS,
    "attn": f"attn_out, or {_HEADS}",
    "attention": f"attn_out, or {_HEADS}",
    "mlp": "mlp_out",
    "mlps": "mlp_out",
    "resid": _STREAM,
    "residual": _STREAM,
    "neurons": "neuron",
}
"""By words that people use for components, what these are called here."""
_LOOSE = re.compile(r"l(\d{1,9})\.?(?:(h|kv|n)(\d{1,9}))?(\D.*)?", re.IGNORECASE)


def meant_component(name: object) -> str:
    """Return the end of a message about a component that there is not: which one was perhaps meant, or nothing.

    Examples
    --------
    >>> from patchwidgets.components import meant_component
    >>> meant_component("heads"), meant_component("hidden")
    (' Did you mean z (the heads)?', '')
    """
    meant = _MEANT.get(name.lower()) if isinstance(name, str) else None
    return f" Did you mean {meant}?" if meant else ""


def spelt_out(text: str) -> str:
    """Return a site with the capitals and the dot that it lacks; perhaps still no site.

    Examples
    --------
    >>> from patchwidgets.components import spelt_out
    >>> spelt_out("l0h1.q@-1"), spelt_out("l3.mlp_out")
    ('L0.H1.q@-1', 'L3.mlp_out')
    """
    match = _LOOSE.fullmatch(text.strip())
    if match is None:
        return text
    layer, unit, index, rest = match.groups(default="")
    unit = f".{unit.upper()}{index}" if unit else "" if not rest or rest[0] in ".@" else "."
    return f"L{layer}{unit}{rest}"


def stream_of(component: str) -> str:
    """Return the stream that features or an error belong to; any other component itself.

    Examples
    --------
    >>> from patchwidgets.components import stream_of
    >>> stream_of("resid_post.features"), stream_of("z")
    ('resid_post', 'z')
    """
    return component.partition(".")[0]
