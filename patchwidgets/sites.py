"""Sites, where an activation is read or replaced; patches, what is written there; and positions in prompts.

Plain data: needs no torch and no model, and costs nothing. A site is written ``L9.H6`` (``z`` of head 6 in layer 9),
``L9.KV2.k``, ``L9.mlp_out@3:7``, ``L4.N123@-1``, ``L2.resid_post.F5``, ``embed``, ``L9.H6@S2``. Parsing and printing
round-trip.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from patchwidgets.components import ALIASES, ALL_COMPONENTS
from patchwidgets.components import COMPONENTS as COMPONENTS
from patchwidgets.components import DICTIONARY_COMPONENTS as DICTIONARY_COMPONENTS
from patchwidgets.components import FEATURE_COMPONENTS as FEATURE_COMPONENTS
from patchwidgets.components import HEAD_COMPONENTS as HEAD_COMPONENTS
from patchwidgets.components import NEURON_COMPONENTS as NEURON_COMPONENTS
from patchwidgets.components import STREAMS as STREAMS
from patchwidgets.components import Component as Component
from patchwidgets.components import stream_of as stream_of
from patchwidgets.errors import PatchError, SiteError, shown
from patchwidgets.guesses.answering import answers_init, did_you_mean
from patchwidgets.guesses.arguments import PATCH_CLASS_ARGUMENTS, SITE_ARGUMENTS
from patchwidgets.guesses.places import last_position, meant_component, meant_site, no_site

if TYPE_CHECKING:
    from torch import Tensor

_KNOWN = ", ".join(COMPONENTS)
_COUNTED = HEAD_COMPONENTS | NEURON_COMPONENTS | FEATURE_COMPONENTS
_COMPONENTS_OF = {"H": HEAD_COMPONENTS, "KV": frozenset({"k", "v"}), "N": NEURON_COMPONENTS}

Entry = tuple[int, int]
"""A position in a dataset, where logits are read: the index of the prompt or pair and the position, both from 0."""

Position = int | tuple[int | None, int | None] | str | None
"""An index (negative counts from the end of the prompt), a half-open range, a name from the task, or None for all."""

Source = Any
"""What a patch writes: a name, a `Run`, a tensor, or one of `patchwidgets.sources`, which is a higher layer."""

PatchFunction = Callable[["Tensor", "Tensor"], "Tensor"]
"""From the activations of the host and of the source at a site to what is written there, all of the same shape."""

_SITE = re.compile(
    r"""(?: embed | L(?P<layer>\d{1,9}) (?: \.(?P<unit>H|KV|N)(?P<index>\d{1,9}) )? (?: \.(?P<component>[a-z_]+) )?
        (?: \.(?P<part> features | error | F(?P<feature>\d{1,9}) ) )? ) (?: @ (?P<pos>.+) )?""",
    re.VERBOSE,
)
_RANGE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?")
_NAME = re.compile(r"[^\W\d]\w*")
_EXAMPLES = "L9.H6, L9.H6.q, L9.KV2.k, L9.mlp_out@3:7, L4.N123@-1, L0.resid_pre, embed"
_FEATURES = f"L2.resid_post.F5; the streams are {', '.join(STREAMS)}"


@answers_init(SITE_ARGUMENTS)
@dataclass(frozen=True)
class Site:
    """One place in a model.

    Parameters
    ----------
    component
        A name from `COMPONENTS`, or the ``.features`` or the ``.error`` of a stream, as in ``resid_post.features``.
    layer
        Counts from 0; None only for ``embed``.
    index
        Which head (``q``, ``k``, ``v``, ``z``, ``pattern``), neuron or feature; None means all of them.
    pos
        An index, a half-open range ``(start, stop)``, a name from the task, or None for all positions.
    kv
        Whether `index` counts key-value heads (written ``KV2``) and not query heads; without an index always False.

    Raises
    ------
    SiteError
        The arguments contradict each other, such as a head of ``mlp_out``.

    Examples
    --------
    >>> head = pw.Site("z", layer=9, index=6)
    >>> print(head, head.at(-1))
    L9.H6 L9.H6@-1
    """

    component: Component
    layer: int | None = None
    index: int | None = None
    pos: Position = None
    kv: bool = False

    def __post_init__(self) -> None:
        if self.component not in ALL_COMPONENTS:
            raise SiteError(_unknown_component(self.component))
        if min(self.layer or 0, self.index or 0) < 0:
            got = f"got layer {self.layer} and index {self.index}"
            raise SiteError(
                f"Layer and index both count from 0, and only a position may be negative; {got}."
            )
        if self.component == "embed" and self.layer is not None:
            raise SiteError("The embedding belongs to no layer; write 'embed'.")
        if self.layer is None and self.component != "embed":
            raise SiteError(f"{self.component!r} needs a layer, as in 'L9.{self.component}'.")
        if self.index is not None and self.component not in _COUNTED:
            plain, has = replace(self, index=None, kv=False), f"{self.component!r} has"
            raise SiteError(
                f"{has} no heads or neurons to choose from; leave index out, as in '{plain}'."
            )
        if self.kv and self.component not in ("k", "v"):
            plain = replace(self, kv=False)
            raise SiteError(f"Only k and v have key-value heads; leave kv out, as in '{plain}'.")
        object.__setattr__(self, "kv", self.kv and self.index is not None)

    @classmethod
    def parse(cls, text: "str | Site") -> "Site":
        """Parse a site string; a `Site` is returned unchanged.

        Raises
        ------
        SiteError
            The text is not a site; the message shows valid forms.

        Examples
        --------
        >>> site = pw.Site.parse("L9.H6@3:7")
        >>> site.component, site.layer, site.index, site.pos
        ('z', 9, 6, (3, 7))
        """
        if isinstance(text, Site):
            return text
        match = _SITE.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise SiteError(_not_a_site(text))
        pos = None if match["pos"] is None else parse_pos(match["pos"], text)
        if match["layer"] is None:
            return cls("embed", pos=pos)
        number = match["index"] or match["feature"]
        index = None if number is None else int(number)
        component = _component(match, text)
        return cls(component, int(match["layer"]), index, pos, kv=match["unit"] == "KV")

    def at(self, pos: Position) -> "Site":
        """Return the same component at another position."""
        return replace(self, pos=pos)

    def __repr__(self) -> str:
        return f"Site.parse({str(self)!r})"

    def __str__(self) -> str:
        return self.name + ("" if self.pos is None else f"@{print_pos(self.pos)}")

    @property
    def name(self) -> str:
        """The site without its position, such as ``L9.H6``."""
        if self.layer is None:
            return self.component
        if self.index is None:
            return f"L{self.layer}.{self.component}"
        if self.component in FEATURE_COMPONENTS:
            return f"L{self.layer}.{stream_of(self.component)}.F{self.index}"
        unit = "N" if self.component in NEURON_COMPONENTS else "KV" if self.kv else "H"
        suffix = "" if self.component in ("z", "neuron") else f".{self.component}"
        return f"L{self.layer}.{unit}{self.index}{suffix}"


@answers_init(PATCH_CLASS_ARGUMENTS)
@dataclass(frozen=True, eq=False)
class Patch:
    """A site and what is written there.

    Parameters
    ----------
    site
        A `Site` or a site string.
    source
        ``"source"`` (the source run of the experiment's direction), ``"clean"``, ``"corrupted"``, ``"host"`` (freezes
        the site at its unpatched value), one of ``pw.sources`` (ablations, steering, another site, cut attention), a
        `Run`, which is read in place of the source prompt, or a tensor that broadcasts to ``[pair, pos, ...]`` of the
        site, or ``[pair, head, pos, key]`` for the patterns of all heads. ``"host"`` and a tensor need no counterpart
        in the source prompt: without a position they are written at every position of the host prompt.
    fn
        Computes what is written as ``fn(host, source)``, from the activations at the site, of the shape above, to a
        tensor of the same shape. Without it the source itself is written.

    Raises
    ------
    SiteError, PatchError
        The site or the source is a text that is not one of the forms above.

    Examples
    --------
    >>> halfway = pw.Patch("L2.resid_post@-1", fn=lambda host, source: (host + source) / 2)
    >>> round(exp.patch(halfway).recovery, 2)
    0.48
    """

    site: Site
    source: Source = "source"
    fn: PatchFunction | None = None

    def __init__(
        self, site: "str | Site", source: Source = "source", fn: PatchFunction | None = None
    ) -> None:
        if isinstance(source, str) and source not in ("source", "clean", "corrupted", "host"):
            raise PatchError(
                f"Unknown source {shown(source)} for {site}; expected 'source', 'clean', 'corrupted', 'host', a Run, "
                f"a tensor, or one of pw.sources, as in pw.sources.{_named_source(source)}()."
            )
        object.__setattr__(self, "site", Site.parse(site))
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "fn", fn)

    @classmethod
    def of(cls, patch: "str | Site | Patch") -> "Patch":
        """Make a patch from the source run out of a site or site string; a `Patch` is returned unchanged."""
        return patch if isinstance(patch, Patch) else cls(patch)


def _named_source(text: str) -> str:
    return text if text in ("mean", "resample", "noise") else "zero"


Patchable = str | Site | Patch
"""What can be patched: a site string, a `Site`, or a `Patch`."""


def _component(match: re.Match[str], text: str) -> Component:
    unit, component, part = match["unit"], match["component"], match["part"]
    if part is not None:
        if unit is not None or component not in STREAMS:
            raise SiteError(
                f"{shown(text)}: {part} belongs to the dictionary of a stream, as in {_FEATURES}."
            )
        component = f"{component}.{'error' if part == 'error' else 'features'}"
    if component is None:
        if unit in (None, "KV"):
            missing = "'.k' or '.v'" if unit == "KV" else "a component, as in 'L9.mlp_out'"
            raise SiteError(f"{shown(text)} lacks {missing}. Sites look like {_EXAMPLES}.")
        return "neuron" if unit == "N" else "z"
    name = ALIASES.get(component, component)
    if name not in ALL_COMPONENTS:
        raise SiteError(_unknown_component(name, f" in {shown(text)}"))
    if unit is not None and name not in _COMPONENTS_OF[unit]:
        allowed = ", ".join(sorted(_COMPONENTS_OF[unit]))
        raise SiteError(f"{shown(text)}: {unit} goes with {allowed}, not with {shown(component)}.")
    return name


def _unknown_component(name: object, where: str = "") -> str:
    if not where and isinstance(name, str) and _SITE.fullmatch(name):
        meant = f" That is a site: pw.Site.parse({name!r})."
    else:
        near = meant_component(name) or did_you_mean(name, COMPONENTS)
        meant = near or (no_site(name) if isinstance(name, str) else "")
    return f"Unknown component {shown(name)}{where}.{meant} Known are {_KNOWN}."


def _not_a_site(text: object) -> str:
    return f"{shown(text)} is not a site.{nearest_site(text)} Sites look like {_EXAMPLES}."


def nearest_site(given: object) -> str:
    """Return the end of a message about what is no site: which one was perhaps meant, or nothing.

    Examples
    --------
    >>> from patchwidgets.sites import nearest_site
    >>> nearest_site("model.layers.3.mlp"), nearest_site((9, 6))
    (" Did you mean 'L3.mlp_out'?", " Did you mean 'L9.H6'?")
    """
    near = _SITE.fullmatch(meant_site(given))
    if near and (near["unit"] or near["component"] or near["layer"] is None):
        return f" Did you mean {near[0]!r}?"
    if given in COMPONENTS:
        one = "L9.H6" if given == "z" else f"L9.{given}"
        return (
            f" It is a component: {one!r} is a site of it, and exp.sweep({given!r}) goes over all."
        )
    return meant_component(given) or (no_site(given) if isinstance(given, str) else "")


def parse_pos(text: str, whole: str) -> Position:
    """Parse the text after the ``@`` of a site or a metric; `whole` is the full string, for the error message.

    Raises
    ------
    SiteError
        The text is neither an index, a range nor a name.
    """
    if re.fullmatch(r"-?\d{1,9}", text):
        return int(text)
    if match := _RANGE.fullmatch(text):
        start, stop = (None if part is None else int(part) for part in match.groups())
        return (start, stop)
    if _NAME.fullmatch(text):
        return text
    raise SiteError(
        f"Position {shown(text)} in {shown(whole)} is neither a number, a range such as 3:7, nor a name such as S2."
    )


def print_pos(pos: Position) -> str:
    """Return a position as it is written after an ``@``."""
    if isinstance(pos, tuple):
        return ":".join("" if part is None else str(part) for part in pos)
    return str(pos)


def indices_of(pos: Position, n: int, positions: Mapping[str, int]) -> list[int]:
    """Return the indices, from 0, that a position stands for in a prompt of `n` tokens.

    Raises
    ------
    SiteError
        An index is out of range, a range is empty, or a name is not one of `positions`.
    """
    if pos is None:
        return list(range(n))
    if isinstance(pos, str):
        if pos not in positions:
            known = f"it names: {', '.join(positions)}" if positions else "it names none"
            raise SiteError(
                f"The task names no position {shown(pos)}; {known}.{last_position(pos)} Name one with "
                "Task(positions={...})."
            )
        return [positions[pos]]
    if isinstance(pos, tuple):
        indices = list(range(n))[slice(*pos)]
        if not indices:
            raise SiteError(
                f"The range {print_pos(pos)} is empty in a prompt of {n} tokens (0 to {n - 1})."
            )
        return indices
    return [index_of(pos, n)]


def index_of(pos: int, n: int) -> int:
    """Return the index, from 0, of a position in a prompt of `n` tokens; a negative one counts from the end."""
    if not -n <= pos < n:
        raise SiteError(
            f"Position {pos} is out of range: the prompt has {n} tokens (0 to {n - 1}, or -{n} to -1)."
        )
    return pos % n
