"""A real browser under attack: other people's text in every place of every message, on a page with a strict policy.

Nothing of it may be executed, fetched or refused, nothing may be said on the console, and nothing may break the page.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, sync_playwright

import patchwidgets as pw
from patchwidgets.explorer.session import PatchSession
from tests.attack.conftest import Attack
from tests.browser.bare import BarePage, serving
from tests.browser.notebook import Notices, launch

Answer = tuple[dict[str, Any], list[bytes]]

SITES = ("L0.H0", "L0.H1", "L0.mlp_out", "L0.attn_out", "L0.resid_post")
PIECES = (
    "<img src=x onerror=executed()>",
    "<svg onload=executed()>",
    '"><script>executed()</script>',
    "' onfocus=executed() autofocus x='",
    "</title></style></textarea><script src=//elsewhere.example/x.js></script>",
    "<iframe srcdoc='<script>parent.executed()</script>'></iframe>",
    "<link rel=stylesheet href=//elsewhere.example/x.css><style>*{display:none}</style>",
    "<base href=//elsewhere.example/>",
    "<div style='position:fixed;inset:0;background:url(//elsewhere.example/x)'>",
    "javascript:executed()",
    "url(javascript:executed())",
    ";background:url(//elsewhere.example/y)",
    "<!--?lit$1$--><!---->${executed()}{{executed()}}<!--",
    "?lit$123456789$",
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{RIGHT-TO-LEFT ISOLATE}",
    "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} 12 ",
    "\N{POP DIRECTIONAL ISOLATE}\N{FIRST STRONG ISOLATE}",
    "\0\1\x7f\ufeff\u2028",
    r"$\bad$",
    "&amp;&lt;b&gt;&#60;",
    "__proto__",
    "constructor",
    "W" * 3000,
    " wide" * 600,
    "\N{COMBINING ACUTE ACCENT}" * 200,
    "日本語",
    "👩\u200d🚀",
    "",
    "\n\t\r ",
)
STRANGERS = "img, script, iframe, link, object, embed, style, base, textarea, jupyter_text"


def text(rng: random.Random) -> str:
    """Text as an enemy would write it."""
    return "".join(rng.choices(PIECES, k=rng.choice((1, 1, 2, 4))))


@dataclass(frozen=True)
class Recorded:
    """What a real session sent, by kind, before anybody spoils it."""

    scene: dict[str, Any]
    result: Answer
    singles: dict[str, Any]
    cells: list[Answer]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    task = pw.Task(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
        " Mary",
        " John",
    )
    events: list[Answer] = []
    session = PatchSession(
        pw.Experiment(pw.load(), task), lambda event, buffers: events.append((event, buffers))
    )
    asked: dict[str, Any] = {"direction": "denoise", "metric": "logit_diff"}
    patches = [{"site": site, "source": "source"} for site in SITES[:2]]
    maps = [
        {"name": "heads", "component": "z", "over": ["layer", "head"]},
        {"name": "positions", "component": "mlp_out", "over": ["layer", "pos"]},
    ]
    for i, message in enumerate(
        ({"kind": "hello"}, {"kind": "patch", "patches": patches}, {"kind": "sweep", "maps": maps})
    ):
        session.handle({"v": 1, "id": i} | asked | message)
        assert session.wait(60)
    session.close()
    by_kind = {event["kind"]: (event, buffers) for event, buffers in events}
    cells = {
        event["name"]: (event, buffers) for event, buffers in events if event["kind"] == "cells"
    }
    return Recorded(
        by_kind["scene"][0], by_kind["result"], by_kind["singles"][0], list(cells.values())
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


class Enemy:
    """A kernel that answers every question, with its own text wherever there is text."""

    def __init__(self, bare: BarePage, recorded: Recorded, rng: random.Random) -> None:
        self.bare, self.recorded, self.rng = bare, recorded, rng
        names = [metric["name"] for metric in recorded.scene["metrics"]]
        self.metrics = {name: f"{text(rng)}{i}" for i, name in enumerate(names)}

    def answer(self) -> None:
        """Answer what the page has asked."""
        for message in self.bare.sent():
            for event, buffers in self._answers(message["kind"], message):
                self.bare.receive(event | {"id": message["id"]}, buffers)

    def _answers(self, kind: str, asked: dict[str, Any]) -> list[Answer]:
        if kind == "hello":
            return [(self._scene(), [])]
        if kind == "patch":
            event, buffers = self.recorded.result
            about = {key: asked[key] for key in ("patches", "direction", "metric")}
            return [
                (self._spoilt(event) | about, buffers),
                (self._spoilt(self.recorded.singles), []),
            ]
        if kind == "sweep":
            return [*self.recorded.cells, ({"v": 1, "kind": "swept"}, [])]
        if kind == "code":
            return [({"v": 1, "kind": "code", "code": text(self.rng)}, [])]
        return []

    def _scene(self) -> dict[str, Any]:
        scene = self._spoilt(self.recorded.scene)
        scene["task"]["warnings"] = [text(self.rng) for _ in range(self.rng.randrange(3))]
        scene["task"]["positions"] = {text(self.rng): 9}
        scene["metric"] = self.metrics[scene["metric"]]
        if self.rng.random() < 0.3:
            scene["model"]["refused"] = {"mlp_out": text(self.rng)}
        return scene

    def _spoilt(self, event: dict[str, Any]) -> dict[str, Any]:
        """The same message with other texts and other names of metrics."""

        def walk(value: Any, key: str) -> Any:
            if isinstance(value, dict):
                return {
                    self.metrics.get(name, name): walk(each, name) for name, each in value.items()
                }
            if isinstance(value, list):
                return [walk(each, key) for each in value]
            if key == "name" and value in self.metrics:
                return self.metrics[value]
            if isinstance(value, str) and key in TEXTS:
                return text(self.rng)
            return value

        return {
            key: walk(value, key) if key != "buffers" else value
            for key, value in copy.deepcopy(event).items()
        }


TEXTS = (
    "token",
    "name",
    "label",
    "unit",
    "clean",
    "corrupted",
    "answer",
    "foil",
    "dtype",
    "device",
    "summary",
    "reason",
)


def click_about(bare: BarePage, enemy: Enemy, rng: random.Random) -> None:
    """What a person does: patches, looks at tokens, opens panels, types."""
    root: Locator = bare.page.locator(".patchwidgets")
    site = f"[data-run='patched'] [data-site='{rng.choice(SITES)}']"
    root.locator(site).first.dispatch_event("click", {"shiftKey": rng.random() < 0.5})
    enemy.answer()
    for selector in rng.sample((".token", ".tool", "[role=tab]", ".segment", ".hrow", ".fold"), 4):
        found = root.locator(selector)
        if n := found.count():
            chosen = found.nth(rng.randrange(n))
            chosen.dispatch_event("pointerenter")
            chosen.dispatch_event("click")
            enemy.answer()
    if (box := root.locator(".site-box input")).count():
        box.fill(text(rng).replace("\0", ""))
        box.press("Enter")
    if rng.random() < 0.4:
        error = {"v": 1, "kind": "error", "id": -1, "code": "E"}
        bare.receive(error | {"message": text(rng), "details": text(rng)})
    enemy.answer()


def test_text_stays_text_in_a_real_browser(
    attack: Attack, browser: Browser, recorded: Recorded
) -> None:
    notices, dialogs, requests = Notices(), [], []
    page = browser.new_page()
    notices.listen(page)
    with serving() as address:
        bare = BarePage.open(page, address)
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        for rng in attack("browser: other people's text in every message", 4):
            width = rng.choice((480, 900, 1300))
            page.set_viewport_size({"width": width, "height": 900})
            bare.show(in_shadow=rng.random() < 0.3)
            enemy = Enemy(bare, recorded, rng)
            enemy.answer()
            for _ in range(2):
                click_about(bare, enemy, rng)
            root = page.locator(".patchwidgets")
            assert root.locator("[data-run]").count() == 3
            assert root.locator(STRANGERS).count() == 0
            assert root.evaluate("(el) => el.scrollWidth - el.clientWidth") <= 0
            assert (bare.executed(), bare.violations()) == (0, [])
            assert (dialogs, requests, notices.errors, notices.outside) == ([], [], [], [])
    page.close()
