"""The prompt of a lane."""

from collections.abc import Sequence
from typing import Any

from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.layout import EDGE, NOTE, TOKEN, TOKEN_LINE, Box, Layout
from patchwidgets.plot.lanes.pen import GROUNDS, Pen, blend
from patchwidgets.plot.lanes.prompts import Fold, Lines
from patchwidgets.plot.shown import Lane, Shown


def draw_tokens(
    pen: Pen, shown: Shown, layout: Layout, lane: Lane, tokens: Lines, ground: str
) -> None:
    """The prompt of a lane: differing tokens stand out, and in the patched lane those where something is patched."""
    colours, run = palette(), shown.prompt_of(lane)
    hue = colours.runs[run]
    marked = patched_positions(shown) if lane == "patched" else ()
    start = layout.left - 2 if layout.sides else EDGE
    for i, line in enumerate(tokens):
        x, y = start, layout.lanes[lane].tokens + (i + 0.5) * TOKEN_LINE
        for piece in line:
            if isinstance(piece, Fold):
                pen.text(
                    x + piece.width / 2,
                    y,
                    piece.text,
                    NOTE,
                    colours.faint,
                    ha="center",
                    ground=ground,
                )
            elif piece.texts[run]:
                text, alone = piece.texts[run], None in piece.at.values()
                box = Box(
                    x,
                    y - TOKEN_LINE / 2 + 1.5,
                    pen.width(text, TOKEN, mono=True, bold=piece.differs) + 7,
                    TOKEN_LINE - 3,
                )
                _draw_token_ground(
                    pen, box, (hue, ground), (piece.differs, alone, piece.at["clean"] in marked)
                )
                style: dict[str, Any] = {"mono": True, "bold": piece.differs, "italic": alone}
                pen.text(x + 3.5, y, text, TOKEN, colours.ink, **style)
            x += piece.width


def _draw_token_ground(
    pen: Pen, box: Box, colours: tuple[str, str], kinds: tuple[bool, bool, bool]
) -> None:
    hue, ground = colours
    differs, alone, marked = kinds
    paper, patched = palette().paper, palette().runs["patched"]
    filled = blend(hue, 0.24, paper) if differs else ground
    pen.box(box, GROUNDS, rounded=2.0, facecolor=filled)
    if differs:
        pen.box(Box(box.x, box.y + box.h - 1.6, box.w, 1.6), GROUNDS + 0.1, facecolor=hue)
    if alone or marked:
        pen.box(
            box, GROUNDS + 0.2, rounded=2.0, edgecolor=patched if marked else hue, linewidth=1.2,
            linestyle="-" if marked else ":",
        )  # fmt: skip


def patched_positions(shown: Shown) -> Sequence[int]:
    """Where something is patched, in the clean prompt; nothing for what is patched at all positions."""
    pair, path = shown.prompts, shown.path
    sites = [patch.site for patch in shown.patches] if path is None else [path.sender]
    found = [pos for site in sites if site.pos is not None for pos in pair.indices(site.pos)]
    if path is not None and path.receivers[0].pos is not None:
        found += pair.indices(path.receivers[0].pos)
    return sorted(set(found))
