"""``plot``, ``open``, ``page`` and ``check``: every kind of file has words, and a figure if there is one."""

import webbrowser
from pathlib import Path
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.cli import lab, opening
from patchwidgets.cli.checking import report
from patchwidgets.models.model import Model
from tests.cli.conftest import Run
from tests.support.saved_files import dataset, save_all


@pytest.fixture(scope="module")
def saved(toy: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    experiment = pw.Experiment(toy, dataset(), ["logit_diff", "kl"])
    save_all(experiment, folder)
    (folder / "table").rename(folder / "table.csv")
    site = "L1.resid_post@-1"
    vector = experiment.source[site] - experiment.host[site]
    experiment.dose_curve(site, vector, [0, 1], progress=False).save(folder / "dose")
    experiment.sweep("mlp_out", progress=False).save(folder / "mlps")
    experiment.sweep("z", over=("layer", "pos", "head"), progress=False).save(folder / "three")
    return folder


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sweep", "heatmap"),
        ("mlps", "layers"),
        ("three", "layers"),
        ("edges", "paths"),
        ("dose", "dose"),
        ("circuit", "circuit"),
        ("mib", "circuit"),
        ("result", "circuit"),
        ("curve", "faithfulness"),
        ("history", "pairs"),
        ("explorer", "pairs"),
    ],
)
def test_every_result_has_a_figure_that_suits(run: Run, saved: Path, name: str, kind: str) -> None:
    code, out, _ = run(f"plot {saved / name} -o figure.svg")
    assert (code, out) == (0, f"figure.svg: {kind} of {saved / name}\n")
    assert "<svg" in Path("figure.svg").read_text()[:500]


@pytest.mark.parametrize("name", ["task", "plain", "table.csv", "lens"])
def test_what_has_no_figure_is_said(run: Run, folder: Path, saved: Path, name: str) -> None:
    code, out, err = run(f"plot {saved / name} -o figure.pdf")
    kind = "JacobianLens" if name == "lens" else "Task"
    assert (code, out) == (1, "")
    assert err.startswith(f"{saved / name} holds a {kind}, of which there is no figure.")
    assert not list(folder.iterdir())


def test_options_reach_the_figure(run: Run, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    draw = pw.plot.heatmap

    def heatmap(result: pw.SweepResult, quantity: Any, title: str, limit: float) -> Any:
        given.update(quantity=quantity, title=title, limit=limit, metrics=result.metrics)
        ax = draw(result, quantity=quantity, title=title, limit=limit)
        given["width"] = ax.figure.get_figwidth()
        return ax

    monkeypatch.setattr(pw.plot, "heatmap", heatmap)
    line = "--metric kl --quantity effect --title Heads --limit 2 --style slide --width 4 --caption"
    code, out, _ = run(f"plot {saved / 'sweep'} -o figure.png {line}")
    assert code == 0
    assert given == {
        "quantity": "effect", "title": "Heads", "limit": 2.0, "metrics": ("kl",), "width": 4.0,
    }  # fmt: skip
    assert Path("figure.png").read_bytes().startswith(b"\x89PNG")
    assert "difference in kl between the runs" in out


def test_an_option_that_a_figure_does_not_have_is_refused(run: Run, saved: Path) -> None:
    code, _, err = run(f"plot {saved / 'sweep'} -o figure.pdf --kind layers --k 3")
    assert code == 2
    assert "layers has no --k; it has --metric, --quantity, --title" in " ".join(err.split())


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("sweep", ["holds      SweepResult(z of 'toy': 3 layer × 4 head, 2 pairs", "model      toy, "]),
        ("task", ["holds      a task of 2 pairs", "clean      'w3 w14 w15 w9 w26' ' w8'   (1 of 2"]),
        ("table.csv", ["holds      a task of 1 pair", "clean      'w1 w2' ('w4', 'w5')"]),
        ("circuit", ["holds      Circuit(2 edges: embed->L0.H1.v@-1, L0.H1->logits)", "size"]),
        ("lens", ["holds      JacobianLens(1 streams of 'toy'", "size"]),
        ("history", ["holds      the history of an explorer, 4 patches", "model      toy, "]),
        ("explorer", ["holds      SavedExplorer('toy', embed, noise", "model      toy, float32"]),
        ("curve", ["holds      FaithfulnessCurve(12 nodes", "model      toy, float32, weights "]),
        ("dose", ["holds      SweepResult(resid_post of 'toy': 2 alpha", "model      toy, float32"]),
    ],
)  # fmt: skip
def test_open_says_what_a_file_is(run: Run, saved: Path, name: str, lines: list[str]) -> None:
    code, out, _ = run(f"open {saved / name}")
    found = out.splitlines()
    assert code == 0
    assert all(line.startswith(says) for line, says in zip(found, lines, strict=False))
    call = "pw.Task.from_csv" if name.endswith(".csv") else "pw.open"
    assert f"in Python  {call}({str(saved / name)!r})" in found


def test_open_lists_the_largest_effects(run: Run, saved: Path) -> None:
    out = run(f"open {saved / 'sweep'}").out
    top = pw.open(saved / "sweep").top_sites(5)
    assert [line.split()[0] for line in out.splitlines()[-5:]] == top


def test_show_draws_for_the_browser(
    run: Run, saved: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(opening, "show_in_browser", shown.append)
    monkeypatch.setattr(opening.tempfile, "tempdir", str(folder))
    assert run(f"open {saved / 'sweep'} --show").code == 0
    assert shown[0].read_bytes().startswith(b"\x89PNG")


def test_a_page_is_that_of_the_library_and_is_opened(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run("page ioi:1 -o page.html --sites L0.H1 --components z --metric kl")
    text = Path("page.html").read_text()
    assert code == 0
    assert out == (
        f"page.html: the explorer of teaching model, {len(text.encode()):,} bytes. A browser opens it.\n"
    )
    assert "exp.patch(&#x27;L0.H1&#x27;)" in text
    assert "&#x27;kl&#x27;" in text
    opened: list[str] = []
    monkeypatch.setattr(lab, "has_screen", lambda: True)
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    found = run("open page.html --show")
    assert found.out.splitlines()[0].startswith("holds  a page: teaching model: When Helen")
    assert opened == [Path("page.html").absolute().as_uri()]


def test_where_there_is_no_screen_the_file_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("page.html").write_text('<title>mine</title><div id="explorer">')
    monkeypatch.setattr(lab, "has_screen", lambda: False)
    address = Path("page.html").absolute().as_uri()
    assert run("open page.html --show").err == f"No browser was opened. The file is {address}\n"


def test_another_page_is_refused(run: Run) -> None:
    Path("page.html").write_text("<title>news</title>")
    assert run("open page.html").err == "page.html is a page, but none that patchwidgets wrote.\n"


def test_check_reports_every_identity(run: Run) -> None:
    code, out, _ = run("check")
    lines = out.splitlines()
    checks = pw.load().checks
    assert code == 0
    assert lines[0] == "teaching model: 4 layers × 4 heads, d_model 128, float32, cpu"
    assert lines[2].split() == ["identity", "layers", "largest", "gap", "allowed"]
    assert len(lines[3 : lines.index("", 3)]) == len({each.identity for each in checks.checks})
    assert f"{checks}." in lines
    assert lines[-1].startswith("What can be patched: embed, resid_pre, ")


def test_check_fails_where_an_identity_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch, toy: Model
) -> None:
    from patchwidgets.cli import checking
    from patchwidgets.models.verification import Check, Checks

    class Broken:
        name, checks = (
            "broken",
            Checks((Check("a = b", 0, 0.0, 1e-5), Check("a = b", 1, 0.5, 1e-5))),
        )
        sites = toy.sites

        def __repr__(self) -> str:
            return "Model('broken', 2 layers)"

    monkeypatch.setattr(checking, "load_model", lambda *_: Broken())
    code, out, _ = run("check")
    assert code == 1
    assert "a = b          2      5.0e-01  1.0e-05  fails, first at layer 1" in out
    assert "1 of 2 checks failed, first: a = b at layer 1: relative gap 5.0e-01" in out
    assert report(toy)[0].startswith("toy: 3 layers × 4 heads")
