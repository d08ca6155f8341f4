"""Mermaid's own parser in a page: what becomes of a chart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

_SCRIPT = Path(__file__).parents[2] / "js/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
_GROUNDS = {"default": "#ffffff", "dark": "#0d1117"}
"""By the name of the theme, the page that GitHub has."""
_DRAW = """async (text) => {
  const {svg} = await mermaid.render("chart", text);
  document.body.innerHTML = svg;
  const texts = (selector) => [...document.querySelectorAll(selector)].map((each) => each.innerText);
  return {
    title: document.querySelector("svg title").textContent,
    description: document.querySelector("svg desc").textContent,
    nodes: texts(".node .nodeLabel"),
    edges: texts(".edgeLabel .edgeLabel p"),
    lanes: texts(".cluster-label .nodeLabel"),
    foreign: document.querySelectorAll("svg img, svg a, svg script, svg i, svg math, svg ol, svg ul").length,
  };
}"""
_UNSEEN = dict.fromkeys(map(ord, "\u2060\u2068\u2069"))


@dataclass(frozen=True)
class Drawn:
    """A chart as a reader sees it: `foreign` counts what no chart of ours has."""

    title: str
    description: str
    nodes: list[str]
    edges: list[str]
    lanes: list[str]
    foreign: int


def prepare(page: Page, theme: Literal["default", "dark"] = "default") -> None:
    """Load Mermaid, as strict as GitHub has it."""
    page.set_content(f"<body style='background:{_GROUNDS[theme]}'></body>")
    page.add_script_tag(path=_SCRIPT)
    page.evaluate(
        "(theme) => mermaid.initialize({startOnLoad: false, theme, securityLevel: 'strict'})", theme
    )


def draw(page: Page, text: str) -> Drawn:
    """Draw a chart; a text that Mermaid does not understand raises."""
    found = page.evaluate(_DRAW, text)
    return Drawn(**{name: _seen(value) for name, value in found.items()})


def _seen(value: Any) -> Any:
    """What is there without characters that take no place."""
    if isinstance(value, list):
        return [_seen(each) for each in value]
    return value.translate(_UNSEEN) if isinstance(value, str) else value
