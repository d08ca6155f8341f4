"""Flowcharts as Mermaid text, which GitHub, notebooks and many editors draw. All that is known of its syntax is here.

Costs nothing. Whatever comes from a model or a prompt is escaped, and is shown as it stands.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from patchwidgets.tokens import isolated, printable

Kind = Literal["clean", "corrupted", "patched", "other"]
"""Which colours something has: those of a run, or grey."""
Shape = Literal["box", "round", "rhombus"]
Line = Literal["solid", "dotted", "thick"]

MOST_EDGES = 500
"""Where GitHub draws a diagram; and 50,000 characters."""
MOST_CHARACTERS = 50_000

_COLOURS: dict[Kind, tuple[str, str]] = {
    "clean": ("#EAF3F9", "#0072B2"),
    "corrupted": ("#FBF0E8", "#C75300"),
    "patched": ("#EFEAF5", "#8250DF"),
    "other": ("#F0F1F3", "#6E7781"),
}
"""Fill and outline: each outline is seen on a white page and on a black one."""
_INK = "#1F2328"
_SHAPES: dict[Shape, tuple[str, str]] = {
    "box": ("[", "]"),
    "round": ("([", "])"),
    "rhombus": ("{", "}"),
}
_LINES: dict[Line, tuple[str, str]] = {
    "solid": ("--", "-->"),
    "dotted": ("-.", ".->"),
    "thick": ("==", "==>"),
}
_SPECIAL = re.compile(
    r"""["#$%&*:;<>@\\^`{}~\[\]ﬂ¶]|(?<![a-zA-Z0-9])_|_(?![a-zA-Z0-9])|^[-+](?=[-\s]|$)|^\d+[.)](?=\s|$)"""
)
"""What has a meaning somewhere in Mermaid, in Markdown or in HTML; ``ﬂ`` and ``¶`` are its own marks for entities."""
_WHITE_SPACE = str.maketrans({"\n": "⏎", "\r": "␍", "\t": "⇥"})
_LOST_WITHIN = re.compile(" (?= )")
_LOST = re.compile(" (?= )|^ | $")
_JOINER = "\u2060"
"""Takes no place. Without it Mermaid reads ``$$`` as mathematics, a backslash with an n as the end of a line, ``ﬂ`` as
an entity and ``fa:fa-`` as an icon, whatever is escaped."""


def text(shown: str, *, within: bool = False) -> str:
    r"""Return a text as part of a label or a title, in which nothing is syntax: neither of Mermaid nor of HTML.

    Characters that show nothing become visible, as in ‹U+202E›, and so do line ends and spaces that would be lost.

    Parameters
    ----------
    within
        Whether it stands within a line: then single spaces around it are not lost.

    Examples
    --------
    >>> from patchwidgets.mermaid import text
    >>> print(text('a "quoted" <b>'), text("100%;"), text("two\nlines"))
    a #34;quoted#34; #60;b#62; 100#37;#59; two⏎lines
    """
    visible = isolated(printable(shown.translate(_WHITE_SPACE)))
    return _SPECIAL.sub(_entity, re.sub(_LOST_WITHIN if within else _LOST, "␣", visible))


def _entity(found: re.Match[str]) -> str:
    before, character = found[0][:-1], found[0][-1]
    joined = character in "$\\ﬂ¶" or found.string.startswith(":fa-", found.start())
    return f"{before}#{ord(character)};" + (_JOINER if joined else "")


def bold(shown: str, *, within: bool = False) -> str:
    """Return a text as a bold part of a label; `within` as of `text`."""
    return f"<b>{text(shown, within=within)}</b>"


class Flowchart:
    """A flowchart from left to right, whose text is ``str(chart)``.

    Parameters
    ----------
    title, description
        What readers of a screen hear.

    Examples
    --------
    >>> from patchwidgets.mermaid import Flowchart, text
    >>> chart = Flowchart("A head", "One edge")
    >>> with chart.lane("run", "A run", "clean"):
    ...     chart.node("head", [text("L0.H1")], "clean")
    >>> chart.node("out", [text("50%")], "other", "round")
    >>> chart.edge("head", "out", "dotted", text("adds"))
    >>> print(chart)
    flowchart LR
      accTitle: A head
      accDescr: One edge
      subgraph run["A run"]
        direction LR
        head["L0.H1"]:::clean
      end
      out(["50#37;"]):::other
      head -. "adds" .-> out
      classDef clean fill:#EAF3F9,stroke:#0072B2,color:#1F2328
      classDef other fill:#F0F1F3,stroke:#6E7781,color:#1F2328
      style run fill:none,stroke:#0072B2
    """

    def __init__(self, title: str, description: str) -> None:
        self._lines = [f"accTitle: {text(title)}", f"accDescr: {text(description)}"]
        self._indent = ""
        self._lanes: list[tuple[str, Kind]] = []
        self._kinds: set[Kind] = set()
        self.n_edges = 0

    @contextmanager
    def lane(self, name: str, title: str, kind: Kind) -> Iterator[None]:
        """Let what is added meanwhile stand in a box of its own."""
        self._add(f'subgraph {name}["{text(title)}"]')
        self._indent = "  "
        self._add("direction LR")
        yield
        self._indent = ""
        self._add("end")
        self._lanes.append((name, kind))

    def node(self, name: str, lines: Sequence[str], kind: Kind, shape: Shape = "box") -> None:
        """Add a node; `name` is a word of our own, `lines` come from `text` and `bold`."""
        left, right = _SHAPES[shape]
        self._add(f'{name}{left}"{"<br/>".join(lines)}"{right}:::{kind}')
        self._kinds.add(kind)

    def edge(self, start: str, end: str, line: Line = "solid", label: str = "") -> None:
        """Add an arrow between two nodes or lanes; the `label` comes from `text`."""
        before, after = _LINES[line]
        labelled = f'{before} "{label}" {after}' if label else {"dotted": "-.->"}.get(line, after)
        self._add(f"{start} {labelled} {end}")
        self.n_edges += 1

    def _add(self, line: str) -> None:
        self._lines.append(self._indent + line)

    def __str__(self) -> str:
        classes = [
            f"classDef {kind} fill:{fill},stroke:{stroke},color:{_INK}"
            for kind, (fill, stroke) in _COLOURS.items()
            if kind in self._kinds
        ]
        styles = [
            f"style {name} fill:none,stroke:{_COLOURS[kind][1]}" for name, kind in self._lanes
        ]
        return "\n  ".join(["flowchart LR", *self._lines, *classes, *styles])
