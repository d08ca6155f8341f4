"""A marimo notebook: an explorer, and a cell that reads it."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo

    import patchwidgets as pw

    return mo, pw


@app.cell
def _(mo, pw):
    task = pw.Task(
        clean="When Mary and John went to the store, John gave a drink to",
        corrupted="When Mary and John went to the store, Mary gave a drink to",
        answer=" Mary",
        foil=" John",
    )
    explorer = mo.ui.anywidget(pw.Experiment(pw.load(), task).explore())
    explorer  # noqa: B018 - what a cell ends with is shown
    return (explorer,)


@app.cell
def _(explorer, mo):
    mo.md(f"selected: {explorer.value['selection']} at {explorer.value['position']}")


if __name__ == "__main__":
    app.run()
