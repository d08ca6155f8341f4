"""One run as a lane: its name, its prompt, its components or its stream alone, and its output."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from patchwidgets.directions import RunName
from patchwidgets.plot.colours import Palette, palette
from patchwidgets.plot.finding import patch_name, receiver_owner
from patchwidgets.plot.lanes.layout import (
    BAR,
    EDGE,
    HEAD,
    HEAD_LINE,
    NAMES,
    NOTE,
    OUTPUTS,
    TOKEN,
    TOKEN_LINE,
    TYPE,
    Box,
    Layout,
)
from patchwidgets.plot.lanes.pen import ARROWS, GROUNDS, Pen, Z, blend
from patchwidgets.plot.lanes.places import changed_cells, short_name, taken_from, word_of
from patchwidgets.plot.lanes.prompts import Fold, Lines
from patchwidgets.plot.numbers import metric_number, probability
from patchwidgets.plot.shown import Lane, Shown
from patchwidgets.plot.texts import short, text_width
from patchwidgets.tokens import visible

TINT = 0.06
ROLE_LINE = 14.0
LONGEST_LABEL, LONGEST_OUTPUT = 24, 14
"""Letters of a metric and of a next token in one line with a lane's name."""


def ground_of(shown: Shown, lane: Lane) -> str:
    """The background of a lane."""
    colours = palette()
    return blend(colours.runs[_prompt(shown, lane)], TINT, colours.paper)


def _prompt(shown: Shown, lane: Lane) -> RunName:
    return shown.host if lane == "patched" else lane


def draw_lane(pen: Pen, shown: Shown, layout: Layout, lane: Lane, tokens: Lines) -> None:
    """Draw all of a lane but the patched lane's components."""
    colours, at = palette(), layout.lanes[lane]
    box = Box(0.5, at.top, layout.width - 1, at.height)
    edge = blend(colours.runs[lane], 0.6 if lane == "patched" else 0.38, colours.paper)
    style = {"facecolor": ground_of(shown, lane), "edgecolor": edge, "linewidth": 1.0}
    pen.box(box, Z["ground"], rounded=7.0, **style)
    if layout.sides:
        _draw_name(pen, shown, layout, lane)
        _draw_outputs(pen, shown, layout, lane)
    else:
        _draw_head(pen, shown, layout, lane)
        if at.bars is not None:
            _draw_bars(pen, shown, layout, lane)
    draw_tokens(pen, shown, layout, lane, tokens)
    if lane != "patched":
        _draw_slim(pen, shown, layout, lane)


def _role(shown: Shown, lane: Lane, *, in_lines: bool) -> str:
    """What a run is, in several lines or in one."""
    pair = f", {shown.which_pair}" if shown.which_pair else ""
    if lane == shown.host:
        return f"host{pair}"
    if lane != "patched":
        used = shown.path is not None or any(taken_from(p, shown) == lane for p in shown.patches)
        return f"{'source' if used or not shown.patches else 'not used'}{pair}"
    prompt = f"{shown.host} prompt{pair}"
    if shown.path is not None:
        first = shown.path.receivers[0]
        reads = "the logits" if first.layer is None else str(first)
        if first.component in ("q", "k", "v"):
            reads = f"{receiver_owner(first)}.{first.component}"
        sees = "see" if first.layer is None else "sees"
        seen = f"{reads} {sees} {shown.source} {shown.path.sender}"
        return f"{prompt}; {seen}" if in_lines else f"{seen} in the {prompt}"
    if not shown.patches:
        return f"{prompt}, nothing patched"
    words = list(dict.fromkeys(word_of(patch, shown) for patch in shown.patches))
    word = words[0] if len(words) == 1 else "changed"
    name = f"{word} {patch_name(shown.patches, shown.experiment)}"
    # In one line, what is patched stands first: the end may have no room.
    return f"{prompt} with {name}" if in_lines else f"{name} in the {prompt}"


def _metric(shown: Shown, lane: Lane) -> tuple[str, str]:
    reading = shown.reading
    label = visible(reading.metric.label).replace("␣", " ")
    label = f"{shown.of_what.split()[0]} {label}" if shown.of_what else label
    return label, metric_number(shown.value(lane), reading.metric, reading.noise_floor)


def _draw_name(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """At the left side: the name, and what the run is."""
    colours, at = palette(), layout.lanes[lane]
    pen.text(EDGE + 2, at.top + 13, lane.capitalize(), TYPE, colours.runs[lane], bold=True)
    room = NAMES - 12 + (0 if lane == "patched" else 30)
    letters = max(6, int(room / pen.width("n", NOTE)))
    lines = textwrap.wrap(_role(shown, lane, in_lines=True), letters)
    most = max(1, int((at.height - 24) / ROLE_LINE)) - (_N_LEGEND if lane == "patched" else 0)
    if len(lines) > most:
        lines = [*lines[: most - 1], pen.fitting(f"{lines[most - 1]}…", NOTE, room)]
    for i, line in enumerate(lines):
        y = at.top + 28 + i * ROLE_LINE
        pen.text(EDGE + 2, y, pen.fitting(line, NOTE, room), NOTE, colours.faint)


_N_LEGEND = 4


def _draw_outputs(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """At the right side: the metric, and bars of the next tokens."""
    colours, at = palette(), layout.lanes[lane]
    left, room = layout.width - OUTPUTS + 2, OUTPUTS - 12
    label, value = _metric(shown, lane)
    width = pen.width(value, TYPE, bold=True)
    label = pen.fitting(label, NOTE, room - width - 8)
    y = at.top + 13
    pen.text(left, y, label, NOTE, colours.faint)
    pen.text(left + room, y, value, TYPE, colours.runs[lane], ha="right", bold=True)
    n_rows = max(1, int((at.height - 26) / (BAR + 1)))
    for i, token in enumerate(shown.tokens[lane][: min(n_rows, 5)]):
        box = Box(left, at.top + 24 + i * (BAR + 1), room, BAR - 2)
        _draw_bar(pen, lane, box, visible(token.token), token.prob)


def _draw_bar(pen: Pen, lane: Lane, box: Box, token: str, prob: float) -> None:
    colours = palette()
    filled = Box(box.x, box.y, max(1.0, box.w * (0.0 if np.isnan(prob) else prob)), box.h)
    ground = blend(colours.runs[lane], 0.25, colours.paper)
    pen.box(filled, Z["boxes"], facecolor=ground).set_gid(f"{lane} output")
    number = probability(prob)
    room = box.w - pen.width(number, NOTE) - 12
    y = box.middle[1]
    pen.text(box.x + 4, y, pen.fitting(token, TOKEN, room), TOKEN, colours.ink, mono=True)
    pen.text(box.x + box.w - 3, y, number, NOTE, colours.ink, ha="right")


def head_lines(shown: Shown, lane: Lane, px: float, width: float) -> int:
    """How many lines a lane's head takes: what the run is stands beside its name, or below it."""
    beside = _beside_name(shown, lane, px, width)
    role = _role(shown, lane, in_lines=False)
    if _wide(role, px) <= beside:
        return 1
    return 1 + len(_wrapped(role, px, width - 2 * EDGE - 4))


def _wide(text: str, px: float) -> float:
    return text_width(text, max(7.0, NOTE * px)) / px


def _wrapped(role: str, px: float, room: float) -> list[str]:
    """At most two lines."""
    letters = max(8, int(room / _wide("n", px)))
    return textwrap.wrap(role, letters, max_lines=2, placeholder=" …")


def _beside_name(shown: Shown, lane: Lane, px: float, width: float) -> float:
    """The pixels between a lane's name and its output, in one line."""
    label, value = _metric(shown, lane)
    output = _wide(short(label, LONGEST_LABEL), px) + 1.3 * _wide(value, px) + 14
    if lane != "patched":
        token = short(visible(shown.tokens[lane][0].token), LONGEST_OUTPUT)
        output += 1.1 * _wide(f"{token} 100.0 %", px) + 24
    return width - 2 * EDGE - 1.3 * _wide(lane.capitalize(), px) - 12 - output


def _draw_head(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """Over the prompt: the name, the next token, the metric, and what the run is, beside the name or below it."""
    colours, at, ground = palette(), layout.lanes[lane], ground_of(shown, lane)
    y = at.top + HEAD / 2 + 1
    left, right = EDGE + 2, layout.width - EDGE - 1
    pen.text(left, y, lane.capitalize(), TYPE, colours.runs[lane], bold=True, ground=ground)
    beside = left + pen.width(lane.capitalize(), TYPE, bold=True) + 8
    label, value = _metric(shown, lane)
    pen.text(right, y, value, TYPE, colours.runs[lane], ha="right", bold=True, ground=ground)
    right -= pen.width(value, TYPE, bold=True) + 4
    label = pen.fitting(short(label, LONGEST_LABEL), NOTE, (right - beside) * 0.6)
    pen.text(right, y, label, NOTE, colours.faint, ha="right", ground=ground)
    right -= pen.width(label, NOTE) + 12
    if lane != "patched":
        first = shown.tokens[lane][0]
        number = probability(first.prob)
        pen.text(right, y, number, NOTE, colours.ink, ha="right", ground=ground)
        right -= pen.width(number, NOTE) + 4
        token = short(visible(first.token), LONGEST_OUTPUT)
        token = pen.fitting(token, TOKEN, right - beside)
        style: dict[str, Any] = {"ha": "right", "mono": True, "ground": ground}
        pen.text(right, y, token, TOKEN, colours.ink, **style)
    role = _role(shown, lane, in_lines=False)
    if layout.lines.head[lane] == 1:
        pen.text(beside, y, role, NOTE, colours.faint, ground=ground)
        return
    room = layout.width - 2 * EDGE - 4
    for i, line in enumerate(_wrapped(role, layout.px, room)):
        below = at.top + HEAD + (i + 0.5) * HEAD_LINE - 1
        pen.text(left, below, pen.fitting(line, NOTE, room), NOTE, colours.faint, ground=ground)


def _draw_bars(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """Below the drawing, side by side."""
    bars = layout.lanes[lane].bars
    assert bars is not None
    top, columns = bars
    room = (layout.width - 2 * EDGE + 14) / columns
    for i, token in enumerate(shown.tokens[lane][:columns]):
        box = Box(EDGE + i * room, top + 1, room - 14, BAR - 2)
        _draw_bar(pen, lane, box, visible(token.token), token.prob)


def draw_tokens(pen: Pen, shown: Shown, layout: Layout, lane: Lane, tokens: Lines) -> None:
    """The prompt of a lane: differing tokens stand out, and in the patched lane those where something is patched."""
    colours, run = palette(), _prompt(shown, lane)
    hue, ground = colours.runs[run], ground_of(shown, lane)
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
                box = Box(x, y - TOKEN_LINE / 2 + 1.5, pen.width(text, TOKEN) + 7, TOKEN_LINE - 3)
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


def _draw_slim(pen: Pen, shown: Shown, layout: Layout, lane: RunName) -> None:
    """The stream with a node for each layer, and the boxes of what is patched."""
    colours, (top, height) = palette(), layout.lanes[lane].rows["resid_post"]
    hue, y = colours.runs[lane], top + height / 2
    end = layout.left + layout.n_layers * layout.pitch + 2
    line = Box(layout.left, y - 1.5, end - layout.left, 3)
    pen.box(line, Z["stream"], facecolor=blend(hue, 0.62, colours.paper))
    if layout.pitch > 6:
        nodes = np.array([(layout.layer_middle(i), y) for i in range(layout.n_layers)])
        style = {
            "markerfacecolor": colours.paper,
            "markeredgecolor": blend(hue, 0.75, colours.paper),
        }
        pen.marks(nodes, "o", 4.6, Z["stream"] + 0.2, markeredgewidth=1.1, **style)
    _draw_slim_boxes(pen, shown, layout, lane, colours)


def _draw_slim_boxes(
    pen: Pen, shown: Shown, layout: Layout, lane: RunName, colours: Palette
) -> None:
    hue, ground = colours.runs[lane], ground_of(shown, lane)
    used = shown.path is not None and lane == shown.source
    used |= any(taken_from(patch, shown) == lane for patch in shown.patches)
    top, height = layout.lanes[lane].rows["resid_post"]
    named = dict[tuple[float, float], list[str]]()
    for cell, sites in changed_cells(shown).items():
        box = layout.box(lane, cell)
        named.setdefault((box.x, box.w), []).extend(short_name(site) for site in sites)
    boxes = {Box(x, top, w, height): names for (x, w), names in named.items()}  # fmt: skip
    taken = [(box.x - 1, box.x + box.w + 1) for box in boxes]
    for box, names in boxes.items():
        edge = colours.ink if used else hue
        filled = hue if used else ground
        pen.box(box, ARROWS + 0.1, rounded=2.0, facecolor=filled, edgecolor=edge, linewidth=1.8)
        text = names[0] if len(names) == 1 else str(len(names))
        _name_slim_box(pen, box, text, taken, (colours.paper if used else hue, hue, ground))


def _name_slim_box(
    pen: Pen, box: Box, text: str, taken: list[tuple[float, float]], colours: tuple[str, str, str]
) -> None:
    """Inside its box, or at its left, or at its right; nothing where another box or name is."""
    inside, beside, ground = colours
    width = pen.width(text, NOTE, bold=True)
    if not text:
        return
    if width + 4 <= box.w:
        pen.text(box.middle[0], box.middle[1], text, NOTE, inside, ha="center", bold=True)
        return
    for left in (box.x - 4 - width, box.x + box.w + 4):
        right = left + width
        if left < EDGE or any(left < far and near < right for near, far in taken):
            continue
        taken.append((left, right))
        pen.text(left, box.middle[1], text, NOTE, beside, bold=True, ground=ground)
        return
