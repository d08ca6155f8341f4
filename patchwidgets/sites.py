"""Where an activation is read or replaced, and with what. Plain data: no torch, no model, costs nothing.

A site is written ``L9.H6`` (head 6 of layer 9, its ``z``), ``L9.KV2.k``, ``L9.mlp_out@3:7``, ``L4.N123@-1``,
``embed``, ``L9.H6@S2``. Parsing and printing round-trip.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from patchwidgets.errors import PatchError, SiteError

Component = Literal[
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
COMPONENTS: tuple[Component, ...] = get_args(Component)
HEAD_COMPONENTS: frozenset[str] = frozenset({"q", "k", "v", "z", "pattern"})
NEURON_COMPONENTS: frozenset[str] = frozenset({"neuron_pre", "neuron_up", "neuron"})
ALIASES: dict[str, Component] = {"neuron_gate": "neuron_pre"}

Entry = tuple[int, int]
"""A prompt, or a pair of prompts, by its number, and a position in it."""

Position = int | tuple[int | None, int | None] | str | None
"""An index (negative: from the end of the full prompt), a half-open range, a name from the task, or None: all."""

_SITE = re.compile(
    r"""(?: embed | L(?P<layer>\d+) (?: \.(?P<unit>H|KV|N)(?P<index>\d+) )? (?: \.(?P<component>[a-z_]+) )? )
        (?: @ (?P<pos>.+) )?""",
    re.VERBOSE,
)
_RANGE = re.compile(r"(-?\d+)?:(-?\d+)?")
_NAME = re.compile(r"[^\W\d]\w*")
_EXAMPLES = "L9.H6, L9.H6.q, L9.KV2.k, L9.mlp_out@3:7, L4.N123@-1, L0.resid_pre, embed"


@dataclass(frozen=True)
class Site:
    """One place in a model.

    Parameters
    ----------
    component
        A name from `COMPONENTS`.
    layer
        Counted from 0; None only for ``embed``.
    index
        Which head (``q``, ``z``, ``pattern``), key-value head (``k``, ``v``) or neuron; None means all of them.
    pos
        An index, a half-open range ``(start, stop)``, a name from the task, or None for all positions.
    kv
        True where `index` counts key-value heads (written ``KV2``) rather than query heads (``H6``).

    Raises
    ------
    SiteError
        The parts do not fit together.
    """

    component: Component
    layer: int | None = None
    index: int | None = None
    pos: Position = None
    kv: bool = False

    def __post_init__(self) -> None:
        if self.component not in COMPONENTS:
            raise SiteError(
                f"Unknown component {self.component!r}; known are {', '.join(COMPONENTS)}."
            )
        if self.component == "embed" and self.layer is not None:
            raise SiteError("The embedding belongs to no layer; write 'embed'.")
        if self.layer is None and self.component != "embed":
            raise SiteError(
                f"{self.component!r} needs a layer, as in 'L9.{self.component}'; only 'embed' has none."
            )
        countable = HEAD_COMPONENTS | NEURON_COMPONENTS
        if self.index is not None and self.component not in countable:
            raise SiteError(
                f"{self.component!r} has no heads or neurons to choose from; write 'L{self.layer}.{self.component}'."
            )
        if self.kv and self.component not in ("k", "v"):
            raise SiteError(
                f"Only k and v have key-value heads; write 'L{self.layer}.H{self.index}.{self.component}'."
            )

    @classmethod
    def parse(cls, text: "str | Site") -> "Site":
        """Read a site string such as ``L9.H6@-1``; a `Site` is returned as it is.

        Raises
        ------
        SiteError
            The text is not a site; the message shows the forms that are.
        """
        if isinstance(text, Site):
            return text
        match = _SITE.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise SiteError(f"{text!r} is not a site. Sites look like {_EXAMPLES}.")
        pos = None if match["pos"] is None else parse_pos(match["pos"], text)
        if match["layer"] is None:
            return cls("embed", pos=pos)
        component = _component(match["unit"], match["component"], text)
        index = None if match["index"] is None else int(match["index"])
        return cls(component, int(match["layer"]), index, pos, kv=match["unit"] == "KV")

    def at(self, pos: Position) -> "Site":
        """The same site at another position."""
        return replace(self, pos=pos)

    def __repr__(self) -> str:
        return f"Site.parse({str(self)!r})"

    def __str__(self) -> str:
        return self.name + ("" if self.pos is None else f"@{print_pos(self.pos)}")

    @property
    def name(self) -> str:
        """The site without its position: ``L9.H6``."""
        if self.layer is None:
            return self.component
        if self.index is None:
            return f"L{self.layer}.{self.component}"
        neuron = self.component in NEURON_COMPONENTS
        unit = "N" if neuron else "KV" if self.kv else "H"
        default = "neuron" if neuron else "z"
        suffix = "" if self.component == default else f".{self.component}"
        return f"L{self.layer}.{unit}{self.index}{suffix}"


@dataclass(frozen=True, eq=False)
class Patch:
    """A site and what is written there.

    Parameters
    ----------
    site
        A `Site` or a site string.
    source
        ``"source"`` (the run the direction says), ``"clean"``, ``"corrupted"``, ``"host"`` (freezes the site at
        its unpatched value), a `Run` that has recorded the site and is read in the place of the source prompt, or a
        tensor that broadcasts to ``[pair, pos, ...]`` of the site. The host's own value and a tensor need no
        counterpart: without a position they are written everywhere in the host prompt.
    fn
        ``fn(host, source) -> tensor`` of the same shape, called with the activations at the site,
        ``[pair, pos, d]``; without it the source itself is written.
    """

    site: Site
    source: Any = "source"
    fn: Callable[[Any, Any], Any] | None = None

    def __init__(
        self,
        site: "str | Site",
        source: Any = "source",
        fn: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        if isinstance(source, str) and source not in ("source", "clean", "corrupted", "host"):
            raise PatchError(
                f"Unknown source {source!r} for {site}; "
                "expected 'source', 'clean', 'corrupted', 'host', a Run or a tensor."
            )
        object.__setattr__(self, "site", Site.parse(site))
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "fn", fn)

    @classmethod
    def of(cls, patch: "str | Site | Patch") -> "Patch":
        """A site or site string as a patch from the direction's source; a `Patch` as it is."""
        return patch if isinstance(patch, Patch) else cls(patch)


Patchable = str | Site | Patch
"""What can be patched: a site string, a `Site`, or a `Patch`."""


def _component(unit: str | None, component: str | None, text: str) -> Component:
    if component is None:
        if unit in (None, "KV"):
            choice = "'.k' or '.v'" if unit == "KV" else "a component, as in 'L9.mlp_out'"
            raise SiteError(f"{text!r} lacks {choice}. Sites look like {_EXAMPLES}.")
        return "neuron" if unit == "N" else "z"
    found = ALIASES.get(component, component)
    if found not in COMPONENTS:
        raise SiteError(
            f"Unknown component {component!r} in {text!r}; known are {', '.join(COMPONENTS)}."
        )
    allowed = {"N": NEURON_COMPONENTS, "H": HEAD_COMPONENTS, "KV": frozenset({"k", "v"})}.get(
        unit or ""
    )
    if allowed is not None and found not in allowed:
        raise SiteError(
            f"{text!r}: {unit} goes with {', '.join(sorted(allowed))}, not with {component!r}."
        )
    return found


def parse_pos(text: str, whole: str) -> Position:
    """Read what stands behind the ``@`` of a site or a metric; `whole` is all of it, for the message.

    Raises
    ------
    SiteError
        Neither an index, a range nor a name.
    """
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if match := _RANGE.fullmatch(text):
        start, stop = (None if part is None else int(part) for part in match.groups())
        return (start, stop)
    if _NAME.fullmatch(text):
        return text
    raise SiteError(
        f"Position {text!r} in {whole!r} is neither a number, a range such as 3:7, nor a name such as S2."
    )


def print_pos(pos: Position) -> str:
    """A position as it is written behind an ``@``."""
    if isinstance(pos, tuple):
        return ":".join("" if part is None else str(part) for part in pos)
    return str(pos)


def indices_of(pos: Position, n: int, positions: Mapping[str, int]) -> list[int]:
    """A position of a site as indices into a prompt of `n` tokens.

    Raises
    ------
    SiteError
        An index out of range, an empty range, or a name that is not one of `positions`.
    """
    if pos is None:
        return list(range(n))
    if isinstance(pos, str):
        return [_named(pos, positions)]
    if isinstance(pos, tuple):
        found = list(range(n))[slice(*pos)]
        if not found:
            raise SiteError(
                f"The range {pos[0]}:{pos[1]} is empty in a prompt of {n} tokens (0 to {n - 1})."
            )
        return found
    return [index_of(pos, n)]


def _named(name: str, positions: Mapping[str, int]) -> int:
    if name not in positions:
        known = ", ".join(positions) or "none"
        raise SiteError(
            f"The task names no position {name!r}; it names: {known}. Name one with Task(positions={{...}})."
        )
    return positions[name]


def index_of(pos: int, n: int) -> int:
    """A position as an index from 0 in a prompt of `n` tokens; negative ones count from the end."""
    if not -n <= pos < n:
        raise SiteError(
            f"Position {pos} is out of range: the prompt has {n} tokens (0 to {n - 1}, or -{n} to -1)."
        )
    return pos % n
