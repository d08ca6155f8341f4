"""Every kind of file comes back the same, in a fresh process and without a model."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.errors import NoModelError, PatchError
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.tasks import Task
from tests.files.conftest import Saved
from tests.support.rounding import ROUNDING

same_frame = pd.testing.assert_frame_equal
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORDS = TEXT.filter(bool)


@pytest.mark.parametrize("name", ["task", "plain"])
def test_tasks(saved: Saved, name: str) -> None:
    assert pw.open(saved.folder / name).clean == saved.experiment.task.clean
    assert Task.load(saved.folder / "task") == Task.from_json(saved.folder / "task")
    assert Task.load(saved.folder / "task") == saved.experiment.task
    assert Task.load(saved.folder / "plain").answer == saved.experiment.task.answer


@settings(deadline=None, max_examples=60)
@given(
    pairs=st.lists(st.tuples(TEXT, TEXT, WORDS, st.tuples(WORDS, WORDS)), min_size=1, max_size=3),
    once=st.sampled_from(["list", "text", "alternatives", "none"]),
    index=st.integers(-50, 50) | WORDS,
    bos=st.sampled_from([None, True, False]),
    foil_expected=st.booleans(),
)
def test_any_task(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[Any],
    once: str,
    index: Any,
    bos: bool | None,
    foil_expected: bool,
) -> None:
    clean, corrupted, answer, foil = (list(each) for each in zip(*pairs, strict=True))
    foils = {"list": foil, "text": answer[0], "alternatives": foil[0], "none": None}
    positions = {"a b": index, "c": [index] * len(pairs)}
    whole = Task(clean, corrupted, answer, foils[once], positions, bos, False, None, foil_expected)
    path = tmp_path_factory.getbasetemp() / "task.json"
    for task in (whole, whole.pair(0)):
        task.save(path)
        assert Task.load(path) == task


def test_sweeps_and_edges(saved: Saved) -> None:
    for name in ("sweep", "edges"):
        sweep = pw.open(saved.folder / name)
        assert sweep.to_xarray().identical(saved.objects[name].to_xarray())
        assert sweep.stamp.weights == saved.objects["explorer"]._session.stamp.weights
    assert sweep.axes == ("edge",)


def test_circuits(saved: Saved, tmp_path: Path) -> None:
    circuit = pw.open(saved.folder / "circuit")
    assert circuit == saved.objects["circuit"]
    assert circuit.scores == saved.objects["circuit"].scores
    assert circuit.to_mermaid() == saved.objects["circuit"].to_mermaid()
    assert pw.open(saved.folder / "mib") == saved.objects["mib"]
    for odd in (Circuit(), Circuit(["embed"], {"embed": float("nan")})):
        odd.save(tmp_path / "c.json")
        again = Circuit.load(tmp_path / "c.json")
        assert again == odd
        assert repr(again.scores) == repr(odd.scores)


@settings(deadline=None, max_examples=40)
@given(
    scores=st.dictionaries(
        st.builds("L{}.H{}@{}".format, *(st.integers(0, 99) for _ in range(3)))
        | st.builds("L{}.N{}".format, *(st.integers(0, 99) for _ in range(2))),
        st.floats(allow_nan=False, allow_infinity=False),
        max_size=5,
    )
)
def test_any_circuit(tmp_path_factory: pytest.TempPathFactory, scores: dict[str, float]) -> None:
    path = tmp_path_factory.getbasetemp() / "circuit.json"
    circuit = Circuit(scores, scores)
    circuit.save(path)
    assert Circuit.load(path) == circuit
    assert Circuit.load(path).scores == circuit.scores


def test_results_of_circuits(saved: Saved) -> None:
    result, again = saved.objects["result"], pw.open(saved.folder / "result")
    assert repr(again) == repr(result)
    same_frame(again.to_frame(), result.to_frame())
    assert again.circuit == result.circuit
    assert again.ablation == pw.sources.zero()
    assert (again["kl"].per_pair.value == result["kl"].per_pair.value).all()
    for call in (again.minimality, again.to_mermaid, lambda: again.save("x")):
        with pytest.raises(NoModelError, match=r"needs the model.*Evaluate its circuit: pw\.Exp"):
            call()


def test_curves(saved: Saved, tmp_path: Path) -> None:
    curve, again = saved.objects["curve"], pw.open(saved.folder / "curve")
    assert repr(again) == repr(curve)
    same_frame(again.to_frame(), curve.to_frame())
    assert again.circuits == curve.circuits
    assert [each.scores for each in again.circuits] == [each.scores for each in curve.circuits]
    for name, reading in curve.readings.items():
        for field in ("model", "nothing", "circuits", "random"):
            assert np.array_equal(getattr(again[name], field), getattr(reading, field))
        assert again[name].noise_floor == reading.noise_floor
    assert (again.stamp, again.by, again.n_scored) == (curve.stamp, curve.by, curve.n_scored)
    heads = saved.objects["sweep"]
    alone = saved.experiment.faithfulness_curve(
        heads, (0.5, 1), n_random=0, ablation=saved.experiment.corrupted, progress=False
    )
    alone.save(tmp_path / "alone.json")
    loaded = pw.open(tmp_path / "alone.json")
    same_frame(loaded.to_frame(), alone.to_frame())
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "alone.json").read_bytes()


def test_lenses(saved: Saved) -> None:
    lens = pw.open(saved.folder / "lens")
    assert lens.fit == saved.objects["lens"].fit
    assert lens.matrix("L0.resid_pre").equal(saved.objects["lens"].matrix("L0.resid_pre"))


def test_histories(saved: Saved, tmp_path: Path) -> None:
    history, again = saved.objects["history"], pw.open(saved.folder / "history")
    same_frame(again.to_frame(), history.to_frame())
    assert [each.sites for each in again] == [
        ("L0.H1", "L1.H2@X"), ("L0.H1->L1.H1.q",), ("embed",), ("embed",)
    ]  # fmt: skip
    assert [each.note for each in again] == ["two ✓", "", "", ""]
    assert again[-1].direction == "noise"
    for one, other in zip(again, history, strict=True):
        assert one.task == saved.experiment.task
        assert list(one.readings) == list(other.readings)
        for name, reading in one.readings.items():
            assert np.array_equal(reading.draws, other[name].draws)
            assert np.array_equal(reading.per_pair.recovery, other[name].per_pair.recovery)
        assert str(one).replace("SavedPatch", "") == str(other).replace(type(other).__name__, "")
    assert again.stamp == history.stamp
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (saved.folder / "history").read_bytes()


def test_a_saved_patch_says_what_needs_the_model(saved: Saved) -> None:
    patch = pw.open(saved.folder / "history")[0]
    assert not hasattr(patch, "logits")
    with pytest.raises(NoModelError, match=r"^reach needs the model.*pw.open\('session.json', mod"):
        patch.reach()
    with pytest.raises(AttributeError, match="no attribute 'reech'"):
        patch.reech  # noqa: B018
    patched = saved.experiment.patch(*patch.patches)
    assert patched.value == pytest.approx(patch.value, abs=ROUNDING)


def test_a_history_without_patches(saved: Saved, tmp_path: Path) -> None:
    saved.experiment.explore().history.save(tmp_path / "h.json")
    again = pw.open(tmp_path / "h.json")
    assert again == []
    assert list(again.to_frame().columns)[:3] == ["sites", "direction", "metric"]


def test_a_tensor_is_no_data(saved: Saved, tmp_path: Path) -> None:
    history = saved.objects["history"]
    other = type(history)([saved.experiment.patch(pw.Patch("L0.H1", saved.experiment.clean))])
    with pytest.raises(PatchError, match="A tensor or Run is no data"):
        other.save(tmp_path / "h.json")
    assert not list(tmp_path.iterdir())


def test_loaded_results_are_drawn(saved: Saved) -> None:
    files = {name: pw.open(saved.folder / name) for name in ("sweep", "edges", "curve")}
    for name, draw in (
        ("sweep", pw.plot.heatmap), ("sweep", pw.plot.layers), ("curve", pw.plot.faithfulness)
    ):  # fmt: skip
        axes = [draw(each, ax=Figure().subplots()) for each in (files[name], saved.objects[name])]
        assert axes[0].get_title(loc="left") == axes[1].get_title(loc="left")
        assert axes[0].dataLim.bounds == axes[1].dataLim.bounds
    estimate = saved.experiment.estimate("z", progress=False)
    pw.plot.compare(estimate.compare(files["sweep"]), ax=Figure().subplots())


FRESH = """
import sys
from pathlib import Path
import patchwidgets as pw
for path in sorted(Path(sys.argv[1]).iterdir()):
    if path.name != "table":
        print(path.name, repr(pw.open(path)))
saved = pw.open(Path(sys.argv[1], "explorer"))
print(saved.history.to_frame()["effect"].tolist(), saved.to_code())
from patchwidgets.models import model
import gc
assert not [each for each in gc.get_objects() if isinstance(each, model.Model)]
assert "anywidget" not in sys.modules
"""


def test_a_fresh_process_without_a_model(saved: Saved) -> None:
    command = [sys.executable, "-c", FRESH, str(saved.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines()[:11])
    for name in ("circuit", "curve", "edges", "lens", "mib", "result", "sweep", "task"):
        assert lines[name] == repr(saved.objects[name])
    assert lines["explorer"] == (
        "SavedExplorer('toy', embed, noise, logit_diff; 4 patches in the history)"
    )
    w = saved.objects["explorer"]
    assert done.stdout.endswith(f"{w.history.to_frame()['effect'].tolist()} {w.to_code()}\n")


def test_writing_leaves_the_earlier_file_and_the_link(saved: Saved, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_bytes((saved.folder / "task").read_bytes())
    (tmp_path / "link.json").symlink_to("real.json")
    assert Task.load(tmp_path / "link.json") == saved.experiment.task
    with pytest.raises(pw.errors.FileError, match=r"^A circuit cannot be written.*finite numbers"):
        Circuit(["embed"], {"embed": float("inf")}).save(tmp_path / "link.json")
    with pytest.raises(pw.errors.FileError, match="surrogate"):
        Task("\ud800", "a", "b").save(tmp_path / "link.json")
    assert Task.load(tmp_path / "real.json") == saved.experiment.task
    Circuit(["embed"]).save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert Circuit.load(tmp_path / "real.json") == Circuit(["embed"])


def test_an_experiment_can_be_made_of_what_was_saved(saved: Saved) -> None:
    patch = pw.open(saved.folder / "explorer").history[0]
    again = Experiment(saved.experiment.model, patch.task).patch(*patch.patches)
    assert again.value == pytest.approx(patch.value)
