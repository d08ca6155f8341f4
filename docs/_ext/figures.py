"""The directive ``figures``: every figure of tools/gallery_figures.py in both themes, with the code that makes it."""

import ast
import shutil
from pathlib import Path

import matplotlib as mpl
from built import ROOT, kept
from docutils import nodes
from matplotlib import pyplot as plt
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import patchwidgets as pw

FOLDER = "gallery"
SOURCE = ROOT / "tools" / "gallery_figures.py"


class FiguresDirective(SphinxDirective):
    """Has no arguments."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each figure."""
        self.env.note_dependency(str(SOURCE))
        source = SOURCE.read_text(encoding="utf-8")
        folder = Path(self.env.app.outdir) / FOLDER
        shutil.copytree(drawn(source), folder, dirs_exist_ok=True)
        return [section(name, code) for name, code in codes(source).items()]


def section(name: str, code: str) -> nodes.section:
    """One figure: its name, its picture in both themes, its code."""
    made = nodes.section("", nodes.title("", name), ids=[nodes.make_id(f"figure-{name}")])
    for theme in ("light", "dark"):
        file = f"{FOLDER}/{file_name(name, theme)}"
        shown = f'<img class="figure only-{theme}" src="{file}" alt="{name}" loading="lazy">'
        made += nodes.raw("", shown, format="html")
    made += nodes.literal_block(code, code, language="python")
    return made


def file_name(name: str, theme: str) -> str:
    """The file of a picture."""
    return f"{nodes.make_id(name)}-{theme}.png"


def drawn(source: str) -> Path:
    """The folder of all pictures; they are drawn unless they are there already."""
    done = kept("done", source)
    if not done.exists():
        from tools.gallery import on_dark, picture
        from tools.gallery_figures import figures

        mpl.use("agg")
        for name, draw in figures().items():
            with pw.plot.style("notebook"):
                picture(draw).save(done.with_name(file_name(name, "light")))
            with plt.style.context("dark_background"), on_dark():
                picture(draw).save(done.with_name(file_name(name, "dark")))
        done.touch()
    return done.parent


def codes(source: str) -> dict[str, str]:
    """The lines that make each figure, by its name: the call, and before it what its names are."""
    found = {}
    for function in ast.parse(source).body:
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("_of_"):
            continue
        *before, last = function.body
        assert isinstance(last, ast.Return)
        assert isinstance(last.value, ast.Dict)
        for key, value in zip(last.value.keys, last.value.values, strict=True):
            assert isinstance(key, ast.Constant)
            assert isinstance(value, ast.Lambda)
            lines = [text(source, line) for line in needed(before, value)]
            found[key.value] = "\n".join([*lines, text(source, value.body)])
    return found


def needed(before: list[ast.stmt], value: ast.expr) -> list[ast.stmt]:
    """The statements among these that the value depends on, in their order."""
    wanted, lines = names_in(value), []
    for line in reversed(before):
        if wanted & {
            node.id
            for node in ast.walk(line)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }:
            wanted |= names_in(line)
            lines.insert(0, line)
    return lines


def names_in(node: ast.AST) -> set[str]:
    """The variables that are read in it."""
    return {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }


def text(source: str, node: ast.AST) -> str:
    """The code as it stands in the file, moved to the left margin, without what only tools need."""
    code = ast.get_source_segment(source, node) or ""
    first, *rest = code.splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    ends = rest and rest[-1].lstrip()[:1] in (")", "]", "}")
    moved = [line[margin:] if ends else f"    {line[margin:]}" for line in rest]
    return "\n".join([first, *moved]).replace(", progress=False", "").replace("progress=False", "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.add_directive("figures", FiguresDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
