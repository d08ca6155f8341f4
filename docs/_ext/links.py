"""Links that lead out of docs/ on GitHub lead to pages of the site where it has them.

Other files (``../patchwidgets/...``) become downloads, and one that is not there is an error. Links may lead to other
machines; a page that loads something from one is an error.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

PAGES = {
    "../patchwidgets/data/teaching/README.md": "teaching-model.md",
    "../notebooks/": "tutorial/",
    "../README.md": "index.md",
    "../CONTRIBUTING.md": "contributing.md",
    "../CHANGELOG.md": "changes.md",
}


def led_to_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrite the links of one page before it is read."""
    up = "../" * docname.count("/")
    for link, page in PAGES.items():
        source[0] = re.sub(rf"\]\({re.escape(up + link)}", f"]({up}{page}", source[0])


LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|object|link)\b[^>]*?"""
    r"""\s(?:src|href|data|srcset)=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|url\(["']?(?:https?:)?//[^)]*\)|@import\s+["'](?:https?:)?//[^"']*"""
)


def from_elsewhere(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site whose pages or styles load something from another machine."""
    if error is not None:
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css") and (found := LOADED.findall(path.read_text("utf-8"))):
            raise SphinxError(
                f"{path.relative_to(app.outdir)} loads from another machine: {found[0]}"
            )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.connect("source-read", led_to_pages)
    app.connect("build-finished", from_elsewhere)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
