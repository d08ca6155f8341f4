"""Edges: what a component writes into the residual stream, as another component reads it. Plain data; costs nothing.

An edge is written ``L20.H0->L23.H3.q``; a longer path ``L20.H0->L23.H3.q->logits``. Parsing and printing round-trip.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from patchwidgets.errors import SiteError, shown
from patchwidgets.sites import NEURON_COMPONENTS, Position, Site, parse_pos, print_pos

ReceiverComponent = Literal["q", "k", "v", "mlp_in", "logits"]
RECEIVER_COMPONENTS: tuple[ReceiverComponent, ...] = get_args(ReceiverComponent)

SENDER_COMPONENTS: frozenset[str] = frozenset(
    {"embed", "z", "attn_out", "mlp_out"} | NEURON_COMPONENTS
)
"""Components whose change the residual stream carries on."""

Frozen = tuple[Literal["attn", "mlp"], ...]
"""What between the ends of an edge stays as in the host: ``("attn", "mlp")``, or ``("attn",)`` with live MLPs."""

FROZEN: tuple[Frozen, ...] = (("attn", "mlp"), ("attn",))

_ARROW = re.compile(r"\s*(?:->|→)\s*")
_RECEIVER = re.compile(r"(?P<name>logits|L(?P<layer>\d{1,9})\.mlp_in)(?:@(?P<pos>.+))?")
_EXAMPLES = "L23.H3.q, L23.KV1.k, L23.KV1.v, L23.mlp_in, logits, L23.H3.q@-1"


@dataclass(frozen=True)
class Receiver:
    """Where an edge ends: a part of the model that reads the residual stream.

    Parameters
    ----------
    component
        ``"q"`` of a head, ``"k"`` or ``"v"`` of a key-value head, ``"mlp_in"`` (what an MLP reads), or ``"logits"``.
    layer
        Counts from 0; None only for ``logits``.
    index
        Which head; None for ``mlp_in`` and ``logits``.
    pos
        Where it reads the change, as in a `Site`; None for all positions.
    kv
        Whether `index` counts key-value heads, as in a `Site`.

    Raises
    ------
    SiteError
        The arguments contradict each other.

    Examples
    --------
    >>> from patchwidgets.edges import Receiver
    >>> receiver = Receiver.parse("L23.KV1.k@-1")
    >>> receiver.component, receiver.layer, receiver.index, receiver.kv, receiver.pos
    ('k', 23, 1, True, -1)
    """

    component: ReceiverComponent
    layer: int | None = None
    index: int | None = None
    pos: Position = None
    kv: bool = False

    def __post_init__(self) -> None:
        if self.component not in RECEIVER_COMPONENTS:
            known = ", ".join(RECEIVER_COMPONENTS)
            raise SiteError(f"{shown(self.component)} receives nothing; expected one of {known}.")
        if (self.layer is None) != (self.component == "logits"):
            raise SiteError(
                "Every receiver but the logits has a layer, as in 'L23.mlp_in'; got "
                f"{self.component!r} with layer {self.layer}."
            )
        if (self.index is not None) != (self.component in ("q", "k", "v")):
            raise SiteError(
                f"q, k and v are received by one head, as in 'L23.H3.q', and {self.component!r} here has index "
                f"{self.index}. Receivers look like {_EXAMPLES}."
            )

    @classmethod
    def parse(cls, text: "str | Site | Receiver") -> "Receiver":
        """Parse a receiver; a `Receiver` is returned unchanged, and a `Site` of q, k or v is one.

        Raises
        ------
        SiteError
            The text is no receiver; the message shows valid forms.
        """
        if isinstance(text, Receiver):
            return text
        match = _RECEIVER.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is not None:
            pos = None if match["pos"] is None else parse_pos(match["pos"], match[0])
            if match["layer"] is None:
                return cls("logits", pos=pos)
            return cls("mlp_in", int(match["layer"]), pos=pos)
        site = Site.parse(text)
        if site.component not in ("q", "k", "v") or site.index is None:
            raise SiteError(
                f"{shown(str(site))} receives nothing: an edge ends at what reads the residual stream. {_offered(site)}"
            )
        return cls(site.component, site.layer, site.index, site.pos, site.kv)

    @property
    def site(self) -> Site | None:
        """The site of q, k or v; None for ``mlp_in`` and ``logits``, which are no sites."""
        if self.component in ("mlp_in", "logits"):
            return None
        return Site(self.component, self.layer, self.index, self.pos, self.kv)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """The receiver without its position."""
        site = replace(self, pos=None).site
        if site is not None:
            return site.name
        return "logits" if self.layer is None else f"L{self.layer}.{self.component}"

    def __str__(self) -> str:
        return self.name + ("" if self.pos is None else f"@{print_pos(self.pos)}")


def _offered(site: Site) -> str:
    """What to name instead of a site that writes: what the same component reads."""
    if site.component == "z" and site.index is not None:
        q, k, v = (str(replace(site, component=each)) for each in ("q", "k", "v"))
        return f"A head reads it in its query, key and value: {q}, {k} or {v}."
    if site.component in ("mlp_out", *NEURON_COMPONENTS):
        return f"An MLP reads it as a whole: {Receiver('mlp_in', site.layer, pos=site.pos)}."
    return f"Receivers look like {_EXAMPLES}."


def parse_sender(text: str | Site) -> Site:
    """Parse the beginning of an edge: ``embed``, a head, ``attn_out``, ``mlp_out`` or neurons.

    Raises
    ------
    SiteError
        The text is no site, or a site that writes nothing into the residual stream itself.
    """
    site = Site.parse(text)
    if site.component not in SENDER_COMPONENTS:
        known = ", ".join(sorted(SENDER_COMPONENTS))
        raise SiteError(
            f"{site} sends nothing: an edge begins at what writes into the residual stream ({known}), "
            "as in 'L20.H0' or 'L20.mlp_out'."
        )
    return site


@dataclass(frozen=True)
class Path:
    """A sender, and the receivers through which its change goes; with one receiver it is an edge.

    Of a receiver on the way, what it then writes into the stream goes on: ``L20.H0->L23.H3.q->logits`` is what head 0
    of layer 20 changes in the queries of L23.H3, and what this head therefore writes, as the logits read it.

    Parameters
    ----------
    sender
        A site that writes into the residual stream.
    receivers
        One or more, in the order of the layers.

    Raises
    ------
    SiteError
        A receiver does not come after what sends to it.

    Examples
    --------
    >>> from patchwidgets.edges import Path
    >>> path = Path.parse("L20.H0 -> L23.H3.q -> logits")
    >>> str(path), len(path.receivers)
    ('L20.H0->L23.H3.q->logits', 2)
    """

    sender: Site
    receivers: tuple[Receiver, ...]

    def __post_init__(self) -> None:
        if not self.receivers:
            raise SiteError(
                f"The path of {self.sender} ends nowhere; add a receiver such as 'logits'."
            )
        ends: list[Site | Receiver] = [self.sender, *self.receivers]
        for before, after in zip(ends, self.receivers, strict=False):
            if not comes_after(before, after):
                raise SiteError(
                    f"No path from {before} to {after}: {after} reads the residual stream before {before} has "
                    "written into it. An edge goes to a later part of the model, as in 'L20.H0->L23.H3.q'."
                )

    @classmethod
    def parse(cls, text: "str | Path") -> "Path":
        """Parse a path, with ``->`` or ``→`` between its parts; a `Path` is returned unchanged.

        Raises
        ------
        SiteError
            The text is no path.
        """
        if isinstance(text, Path):
            return text
        if not isinstance(text, str) or len(parts := _ARROW.split(text.strip())) < 2:
            raise SiteError(f"{shown(text)} is no edge. Edges look like L20.H0->L23.H3.q.")
        return cls.of(parts[0], *parts[1:])

    @classmethod
    def of(cls, sender: "str | Site | Path", *receivers: str | Site | Receiver) -> "Path":
        """Make a path of its parts; a whole path, or its text, stands for itself.

        Raises
        ------
        SiteError
            A part that is none, or that has no place in a path.
        """
        if isinstance(sender, Path) or not receivers:
            return cls.parse(sender)  # type: ignore[arg-type]
        return cls(parse_sender(sender), tuple(map(Receiver.parse, receivers)))

    @property
    def receiver(self) -> Receiver:
        """The last receiver, after which everything is live."""
        return self.receivers[-1]

    def __str__(self) -> str:
        return "->".join(map(str, (self.sender, *self.receivers)))


def comes_after(sender: Site | Receiver, receiver: Receiver, parallel: bool = False) -> bool:
    """Whether a receiver reads the stream after a sender, or an earlier receiver's component, has written into it.

    Parameters
    ----------
    parallel
        Whether attention and MLP of a layer read the same stream, so that no edge runs between them.
    """
    if receiver.layer is None:
        return sender.component != "logits"
    if sender.layer is None:
        return sender.component != "logits"
    in_attention = sender.component in ("z", "attn_out", "q", "k", "v")
    if receiver.component == "mlp_in" and in_attention and not parallel:
        return sender.layer <= receiver.layer
    return sender.layer < receiver.layer
