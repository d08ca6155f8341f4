"""The directive ``explorer``: Python that ends with an explorer, shown as a live saved page.

The page is written as the site is built; it answers clicks in the reader's browser, with no kernel and no network.
"""

import ast
import shutil
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from built import kept
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "explorers"


class ExplorerDirective(SphinxDirective):
    """``name`` is that of the file; options: its height in pixels, its title, whether to show the code."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "height": directives.positive_int,
        "title": directives.unchanged_required,
        "code": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Return a frame with the page, then the code."""
        name, code = self.arguments[0], "\n".join(self.content)
        page = kept(f"{name}.html", code)
        if not page.exists():
            written(code, page)
        folder = Path(self.env.app.outdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, folder)
        at = "../" * self.env.docname.count("/") + f"{FOLDER}/{name}.html"
        title = escape(self.options.get("title", "The explorer"), quote=True)
        frame = (
            f'<iframe class="explorer" src="{at}" title="{title}" height="{self.options.get("height", 1040)}" '
            f'loading="lazy"></iframe><p class="explorer-alone"><a href="{at}">Open it on a page of its own</a></p>'
        )
        shown = (
            [nodes.literal_block(code, code, language="python")] if "code" in self.options else []
        )
        return [nodes.raw("", frame, format="html"), *shown]


def written(code: str, page: Path) -> None:
    """Run the code, whose last line is an explorer, and write its page."""
    lines = ast.parse(code)
    last = lines.body.pop()
    assert isinstance(last, ast.Expr), "The last line of an explorer directive is an explorer."
    names: dict[str, Any] = {}
    exec(compile(lines, str(page), "exec"), names)
    explorer = eval(compile(ast.Expression(last.value), str(page), "eval"), names)
    explorer.to_html(page)
    explorer.close()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.add_directive("explorer", ExplorerDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
