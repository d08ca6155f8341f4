"""What patchwidgets says beside its results: a log that is silent by itself, warnings at the user's line, bars."""

import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import patchwidgets as pw
from patchwidgets.errors import PatchwidgetsWarning, ResultWarning, warn
from tests.support.families import random_model


def test_the_log_is_silent_until_somebody_asks(caplog: pytest.LogCaptureFixture) -> None:
    handlers = logging.getLogger("patchwidgets").handlers
    assert [type(each) for each in handlers] == [logging.NullHandler]
    code = "import logging, patchwidgets; logging.getLogger('patchwidgets.x').warning('unheard')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_loads_sweeps_and_passes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "patchwidgets")
    exp = pw.Experiment(pw.load(), pw.tasks.addition(2))
    exp.sweep("z", progress=False)
    said = [(each.name, each.levelname, each.getMessage()) for each in caplog.records]
    texts = "\n".join(f"{level} {text}" for _, level, text in said)
    assert {name.partition(".")[0] for name, _, _ in said} == {"patchwidgets"}
    assert re.search(
        r"INFO Loaded Model\('teaching model', .*\) in [\d.]+ s; 15 identities hold", texts
    )
    assert re.search(r"INFO Swept 16 sites of teaching model in [\d.]+ s\.", texts)
    assert re.search(r"DEBUG A pass of \d+ patched runs of 5 tokens\.", texts)


def test_progress_is_lines_where_nobody_watches_and_can_be_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exp = pw.Experiment(pw.load(), pw.tasks.addition(1))
    exp.sweep("z", progress=False)
    assert capsys.readouterr().err == ""
    exp.sweep("z")
    assert re.fullmatch(r"16 of 16 sites, \d\d:\d\d\n", capsys.readouterr().err)


def test_each_warning_goes_through_one_function() -> None:
    for path in Path(pw.__file__).parent.rglob("*.py"):
        if path.name != "errors.py":
            assert "warnings.warn" not in path.read_text(encoding="utf-8"), path


def test_a_warning_points_at_the_line_that_called_however_deep() -> None:
    task = pw.Task(clean="12+34=", corrupted="15+34=", answer="47", foil="46")
    model = pw.load()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        pw.Experiment(model, task)  # this line
    (each,) = told
    assert (each.category, each.filename) == (ResultWarning, __file__)
    line = Path(__file__).read_text().splitlines()[each.lineno - 1]
    assert line.endswith("# this line")


def test_through_a_module_of_another_library_it_is_still_the_users_line() -> None:
    """torch calls hooks of patchwidgets; the line that called patchwidgets is meant, not torch's."""
    layer = random_model("llama").model.norm
    source = "from patchwidgets.errors import ModelWarning, warn\ndef hook(*_): warn('deep', ModelWarning)"
    inner: dict[str, object] = {"__name__": "patchwidgets.inner"}
    exec(source, inner)
    outer: dict[str, object] = {"__name__": "patchwidgets.outer"}
    exec("def run(layer, x): return layer(x)", outer)
    import torch

    with (
        layer.register_forward_hook(inner["hook"]),
        pytest.warns(PatchwidgetsWarning, match="deep") as told,
    ):
        outer["run"](layer, torch.zeros(1, 32))  # type: ignore[operator]
    assert told[0].filename == __file__


def test_they_can_be_silenced_and_made_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PatchwidgetsWarning)
        warn("unheard", ResultWarning)
        warnings.simplefilter("error", ResultWarning)
        with pytest.raises(ResultWarning, match="heard"):
            warn("heard", ResultWarning)


def test_the_same_at_the_same_line_is_said_once() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("once", ResultWarning)
    assert [str(each.message) for each in told] == ["once"]


def test_all_are_of_one_class_of_warnings() -> None:
    named = [each for name, each in vars(pw.errors).items() if name.endswith("Warning")]
    assert all(issubclass(each, PatchwidgetsWarning) for each in named)
    assert issubclass(PatchwidgetsWarning, UserWarning)
    assert len(named) == 5
