"""The sources of the documentation site, as tests read them: pages, menus, links, code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = ("tutorial", "_ext", "_static")
"""Folders that hold no pages of their own."""

FENCE = re.compile(r"^(`{3,}|:{3,}).*?^\1\s*$", re.M | re.S)
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.M | re.S)
ENTRY = re.compile(r"^(?:.*<(?P<titled>[^>]+)>|(?P<plain>[\w/*.-]+))$")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Every page in docs/."""
    return [
        path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in MADE
    ]


def in_menu(page: Path) -> list[Path]:
    """The pages that the menus of a page name; stars stand for what is made from the notebooks."""
    found = []
    for menu in TOCTREE.findall(page.read_text(encoding="utf-8")):
        for line in menu.splitlines():
            entry = ENTRY.match(line.strip())
            if entry and not line.startswith(":"):
                name = entry["titled"] or entry["plain"]
                found.append(page.parent / f"{name}.md")
    return found


def links(page: Path) -> list[str]:
    """The targets of links in its text, without those in code."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return LINK.findall(re.sub(r"`[^`\n]*`", "", text))
