"""Mermaid reads what `to_mermaid` writes, and every token is seen as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import patchwidgets as pw
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.mermaid import Flowchart, bold, text
from patchwidgets.methods.paths.traced import trace_path
from patchwidgets.models.model import Model
from patchwidgets.tokens import printable
from tests.browser.conftest import SCREENSHOTS
from tests.browser.mermaid import Drawn, draw, prepare
from tests.support.odd_tokens import ODD_TOKENS, odd_model

WHITE_SPACE = str.maketrans({"\n": "⏎", "\r": "␍", "\t": "⇥"})


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    prepare(page)
    return page


@pytest.fixture(scope="module")
def model() -> Model:
    return odd_model()


@pytest.fixture(scope="module")
def teaching() -> pw.Experiment:
    return pw.Experiment(
        pw.load(),
        pw.Task(
            "When Mary and John went to the store, John gave a drink to",
            "When Mary and John went to the store, Mary gave a drink to",
            " Mary",
            " John",
            positions={"S2": 9},
        ),
    )


def seen(shown: str) -> str:
    """A text as a label shows it."""
    return re.sub(" (?= )|^ | $", "␣", printable(shown.translate(WHITE_SPACE)))


def odd_experiment(model: Model, token: str, direction: str = "denoise") -> pw.Experiment:
    task = pw.Task(f"w3 w14{token}w9", "w3 w14 w5 w9", " w8", " w7", {"X": 2})
    return pw.Experiment(model, task, direction=direction)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ODD_TOKENS, ids=ascii)
def test_any_text_is_shown_as_it_is(page: Page, token: str) -> None:
    chart = Flowchart(f"T {token}", f"D {token}")
    with chart.lane("a", f"Lane {token}", "clean"):
        chart.node("n", [text(token)], "clean", "round")
        chart.node("m", [text("␣" + token) + " 3.0#37;", bold(token)], "patched")
        chart.edge("n", "m", "thick", text(token))
    chart.node("r", [text(token)], "other", "rhombus")
    chart.edge("m", "r", "dotted")
    shown = seen(token)
    drawn = draw(page, str(chart))
    assert drawn.title == f"T {shown}"
    assert drawn.description == f"D {shown}"
    assert sorted(drawn.nodes) == sorted([shown, f"␣{shown} 3.0%\n{shown}", shown])
    assert drawn.edges[0] == shown
    assert drawn.lanes == [f"Lane {shown}"]
    assert drawn.foreign == 0


@pytest.mark.parametrize("token", ODD_TOKENS, ids=ascii)
def test_a_prompt_with_any_token_is_drawn(page: Page, model: Model, token: str) -> None:
    direction = "denoise" if ODD_TOKENS.index(token) % 2 else "noise"
    experiment = odd_experiment(model, token, direction)
    assert token in experiment.clean.run.tokens[2]
    drawn = draw(page, experiment.patch("L1.H2", "L0.mlp_out@X").to_mermaid())
    assert [each for each in drawn.nodes if each.endswith(f"{seen(token)} w9")]
    assert "L0.mlp_out@X" in drawn.nodes
    assert 'a "model" of <b>' in drawn.title
    assert drawn.foreign == 0


def test_the_numbers_are_those_of_the_result(page: Page, teaching: pw.Experiment) -> None:
    for experiment in (teaching, teaching.flip()):
        result = experiment.patch("L0.H1", "L1.mlp_out@-1")
        drawn = draw(page, result.to_mermaid())
        assert drawn.lanes == [
            "Clean run",
            f"Patched run ({experiment.host_name} prompt)",
            "Corrupted run",
        ]
        assert drawn.edges.count("copied") == 2
        _assert_effect(drawn, result)


def _assert_effect(drawn: Drawn, result: PatchResult) -> None:
    numbers = [f"{each:+.2f}".replace("-", "−") for each in (result.value, result.effect)]
    (effect,) = [each for each in drawn.nodes if each.startswith("Causal effect")]
    assert effect.splitlines()[1].startswith(f"{numbers[0]} − ")
    assert effect.splitlines()[1].endswith(f" = {numbers[1]}")
    recovery = f"{result.recovery:.3f}".replace("-", "−")
    assert f"recovery {recovery} (0 corrupted, 1 clean)" in effect


CHARTS: dict[str, Callable[[pw.Experiment], Any]] = {
    "joint": lambda exp: exp.patch("L0.H1", "L1.H1@-1"),
    "noise": lambda exp: exp.flip().patch("L0.H1", "L0.mlp_out@S2"),
    "ablated": lambda exp: exp.patch(pw.Patch("L0.H1", pw.sources.zero()), "L1.mlp_out"),
    "frozen": lambda exp: exp.patch("L0.H1", pw.Patch("L1.mlp_out", "host")),
    "nothing": lambda exp: exp.patch(),
    "many": lambda exp: exp.patch(*(f"L{i // 4}.H{i % 4}" for i in range(16))),
    "probability": lambda exp: exp.measuring("answer_prob").patch("L1.mlp_out"),
    "pairs": lambda exp: pw.Experiment(exp.model, pw.tasks.addition(n=8, seed=0)).patch("L2.mlp_out"),
    "path": lambda exp: exp.path("L0.H1", "L1.mlp_in", "logits"),
    "traced": lambda exp: trace_path(exp.flip(), "L0.H1->L1.H1.q@-1"),
    "edges": lambda exp: pw.Circuit.top(exp.edges(progress=False), 20).prune(),
    "nodes": lambda exp: pw.Circuit.top(exp.sweep("z", progress=False), 6),
    "kept": lambda exp: exp.evaluate(pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"])),
    "shared": lambda exp: pw.Circuit(["embed->L0.KV0.k", "L0.H1@3->L1.H0.q@-1", "L1.attn_out->logits"]),
}  # fmt: skip


@pytest.mark.parametrize("theme", ["default", "dark"])
def test_every_kind_of_result_is_drawn_in_both_themes(
    browser: Browser, teaching: pw.Experiment, theme: str
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    prepare(page, theme)  # type: ignore[arg-type]
    for name, of in CHARTS.items():
        drawn = draw(page, of(teaching).to_mermaid())
        assert drawn.foreign == 0
        path = Path(SCREENSHOTS) / f"mermaid-{name}-{theme}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.locator("svg").first.screenshot(path=path)
    page.close()
