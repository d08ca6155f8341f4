"""Pages of the documentation: each is in the menu, and what it links to is there. `make docs` checks the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, in_menu, links, pages

WITH_LINKS = [*pages(), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def test_every_page_is_in_one_menu() -> None:
    menus = [entry for page in pages() for entry in in_menu(page)]
    there = [entry.resolve() for entry in menus if "*" not in entry.name]
    assert sorted(set(there)) == sorted(there)
    without = set(pages()) - {DOCS / "index.md"} - set(there)
    assert without == set()
    assert [entry for entry in there if not entry.exists()] == []


def test_every_notebook_is_a_tutorial() -> None:
    assert DOCS / "tutorial" / "*.md" in in_menu(DOCS / "tutorials.md")
    conf = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert '(ROOT / "notebooks").glob("*.ipynb")' in conf


@pytest.mark.parametrize("page", WITH_LINKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        # tutorial/ is a copy of notebooks/ that `make docs` makes.
        path = (
            (page.parent / name.replace("tutorial/", "../notebooks/")).resolve() if name else page
        )
        assert path.exists(), f"{page.name} links to {link}"
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
            assert anchor in [slug(heading) for heading in headings], f"{page.name}: {link}"


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_a_site_asks_no_other_machine() -> None:
    for path in (DOCS / "_static").iterdir():
        assert "://" not in path.read_text(encoding="utf-8"), path.name
    conf = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "nb_ipywidgets_js = {}" in conf
    assert "intersphinx" not in conf
