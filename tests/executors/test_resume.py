"""Parts in a folder: a later call computes the rest, and parts of something else are refused."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import patchwidgets as pw
from patchwidgets.executors import job
from patchwidgets.files.envelope import read, write
from tests.executors.conftest import assert_same_bits

ASKED = {"component": "z", "batch": 20, "progress": False}


class Lazy:
    """An executor of this process whose futures compute when their result is asked for; it stops after some."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.computed, self.cancelled, self._stop_after = 0, 0, stop_after

    def submit(self, function, /, *args):
        return _LazyFuture(self, function, args)

    def result(self, function, args):
        if self.computed == self._stop_after:
            raise KeyboardInterrupt
        self.computed += 1
        return function(*args)


class _LazyFuture:
    def __init__(self, owner, function, args):
        self._owner, self._function, self._args = owner, function, args

    def done(self):
        return True

    def result(self):
        return self._owner.result(self._function, self._args)

    def cancel(self):
        self._owner.cancelled += 1


def test_a_later_call_computes_the_rest_alone(sums, tmp_path):
    folder, here = tmp_path / "parts", sums.sweep(**ASKED)
    first = Lazy(stop_after=3)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        sums.sweep(**ASKED, executor=first, resume=folder)
    assert len(list(folder.glob("part-*.json"))) == 3
    assert "sites are done" in interrupt.value.__notes__[0]
    assert len(sums.interrupted) == 1
    second = Lazy()
    assert_same_bits(sums.sweep(**ASKED, executor=second, resume=folder), here)
    assert second.computed == first.cancelled > 3
    third = Lazy()
    assert_same_bits(sums.sweep(**ASKED, executor=third, resume=folder), here)
    assert third.computed == 0


def test_this_process_keeps_parts_too_and_threads_go_on(sums, tmp_path):
    here = sums.sweep(**ASKED)
    assert_same_bits(sums.sweep(**ASKED, resume=tmp_path / "parts"), here)
    (tmp_path / "parts").joinpath(sorted(tmp_path.glob("parts/part-*.json"))[0].name).unlink()
    with ThreadPoolExecutor(2) as threads:
        assert_same_bits(sums.sweep(**ASKED, executor=threads, resume=tmp_path / "parts"), here)


def test_how_the_work_was_packed_is_remembered(sums, tmp_path):
    sums.sweep(**ASKED, budget=2**22, resume=tmp_path)
    again = Lazy()
    sums.sweep(**ASKED, executor=again, resume=tmp_path)  # with another default budget
    assert again.computed == 0


def test_edges_and_curves_go_on(sums, tmp_path):
    few = pw.Experiment(sums.model, pw.tasks.addition(n=1, seed=0))
    asked = {"batch": 200, "progress": False, "resume": tmp_path / "edges"}
    again, edges = Lazy(), few.edges(**asked)
    assert_same_bits(few.edges(**asked, executor=again), edges)
    asked = {"fractions": (0.05, 1), "n_random": 1, "progress": False, "resume": tmp_path / "curve"}
    curve = few.faithfulness_curve(edges, **asked)
    assert few.faithfulness_curve(edges, **asked, executor=again).cpr == curve.cpr
    assert again.computed == 0


def test_a_damaged_part_is_computed_again(sums, tmp_path, caplog):
    here = sums.sweep(**ASKED, resume=tmp_path)
    path = sorted(tmp_path.glob("part-*.json"))[1]
    path.write_bytes(path.read_bytes()[:-40])
    again = Lazy()
    assert_same_bits(sums.sweep(**ASKED, executor=again, resume=tmp_path), here)
    assert again.computed == 1
    assert "It is computed again." in caplog.text


def _others():
    model = pw.load()
    task = pw.tasks.addition(n=8, seed=0)
    measured = ["logit_diff", "kl", "rank"]
    changed = pw.load()
    with torch.no_grad():
        changed.layout.blocks[0].mlp.up_proj.weight.mul_(1.01)
    return {
        "task": pw.Experiment(model, pw.tasks.addition(n=8, seed=1), measured),
        "metrics": pw.Experiment(model, task, "kl"),
        "direction": pw.Experiment(model, task, measured, "noise"),
        "weights": pw.Experiment(changed, task, measured),
        "dtype": pw.Experiment(pw.load(dtype="float64"), task, measured),
    }


def test_parts_of_something_else_are_refused(sums, tmp_path, monkeypatch):
    sums.sweep(**ASKED, resume=tmp_path)
    for what, other in _others().items():
        with pytest.raises(
            pw.errors.FileError,
            match=rf"parts of another computation \(.*\b{what}: .* there, .* here",
        ):
            other.sweep(**ASKED, resume=tmp_path)
    with pytest.raises(
        pw.errors.FileError, match=r"sites: \w+ there, \w+ here\)\. Repeat the call"
    ):
        sums.sweep(**ASKED | {"component": "mlp_out"}, resume=tmp_path)
    with pytest.raises(pw.errors.FileError, match=r"\(batch: 20 there, 21 here\)"):
        sums.sweep(**ASKED | {"batch": 21}, resume=tmp_path)
    monkeypatch.setattr(job, "version", lambda name: "99")
    with pytest.raises(pw.errors.FileError, match=r"torch: \S+ there, 99 here"):
        sums.sweep(**ASKED, resume=tmp_path)


def test_a_part_of_another_computation_is_refused(sums, tmp_path):
    for name, component in (("a", "z"), ("b", "q")):
        sums.sweep(component, batch=20, progress=False, resume=tmp_path / name)
    part = sorted((tmp_path / "a").glob("part-*.json"))[0]
    shutil.copy(tmp_path / "b" / part.name, part)
    with pytest.raises(
        pw.errors.FileError, match=r"is a part of another computation than job\.json"
    ):
        sums.sweep(**ASKED, resume=tmp_path / "a")


def test_parts_without_a_beginning_are_refused(sums, tmp_path):
    sums.sweep(**ASKED, resume=tmp_path)
    (tmp_path / "job.json").unlink()
    with pytest.raises(pw.errors.FileError, match=r"has parts, but no job\.json"):
        sums.sweep(**ASKED, resume=tmp_path)


def test_numbers_of_another_type_are_damage(sums, tmp_path, caplog):
    sums.sweep(**ASKED, resume=tmp_path)
    path = sorted(tmp_path.glob("part-*.json"))[0]
    opened = read(path)
    opened.content["arrays"]["seconds"]["dtype"] = "|O"
    write(path, "part", opened.content, opened.stamp)
    sums.sweep(**ASKED, resume=tmp_path)
    assert "numbers of the type '|O'" in caplog.text


def test_parts_are_no_results(sums, tmp_path):
    sums.sweep(**ASKED, resume=tmp_path)
    for name in ("job.json", sorted(tmp_path.glob("part-*.json"))[0].name):
        with pytest.raises(pw.errors.FileError, match=r"not a result\. Go on with the call"):
            pw.open(tmp_path / name)


def test_a_folder_that_cannot_be_made(sums, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(pw.errors.FileError, match="cannot be made"):
        sums.sweep(**ASKED, resume=tmp_path / "file" / "parts")
