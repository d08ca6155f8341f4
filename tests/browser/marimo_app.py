"""A marimo notebook: an explorer, and a cell that reads it."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    import patchwidgets as pw

    return mo, pw


@app.cell
def _(mo, pw):
    exp = pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))
    explorer = mo.ui.anywidget(exp.explore())
    explorer  # noqa: B018 - what a cell ends with is shown
    return (explorer,)


@app.cell
def _(explorer, mo):
    mo.md(f"selected: {explorer.value['selection']}")


if __name__ == "__main__":
    app.run()
