"""What other processes cannot get is refused before anything runs; threads of this process get it."""

import multiprocessing
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

import patchwidgets as pw
from patchwidgets.executors import futures, job, worker
from patchwidgets.executors.futures import completed
from patchwidgets.executors.running import job_of
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sweep.api import make_sweep
from tests.executors.conftest import assert_same_bits


class Never:
    """An executor that must not be asked."""

    def submit(self, *_args):
        raise AssertionError("work was given out")


def refused(experiment, text, **asked):
    with pytest.raises(pw.errors.ExecutorError, match=text):
        experiment.sweep(**{"component": "z", "progress": False} | asked, executor=Never())


def test_a_model_without_a_name(sums):
    wrapped = pw.wrap(sums.model.hf_model, sums.model.tokenizer, name="mine")
    mine = pw.Experiment(wrapped, sums.task)
    refused(mine, r"'mine' was made in this process.*save_pretrained\(folder\)")
    with ThreadPoolExecutor(2) as threads:
        asked = {"component": "z", "batch": 20, "progress": False}
        assert_same_bits(mine.sweep(**asked, executor=threads), mine.sweep(**asked))


def test_functions_and_tensors(sums):
    def largest(readout):
        return readout.logits.amax(-1)

    own = sums.measuring(largest)
    refused(own, "The metric 'largest' is a function of yours")
    refused(
        sums,
        r"The patch at L0\.H0 has a function of yours",
        make=lambda site: pw.Patch(site, fn=lambda host, source: source),
    )
    refused(
        sums,
        r"A tensor is written, and other processes get data alone.*Or use a thread pool",
        make=lambda site: pw.Patch(site, torch.zeros(32)),
    )
    dictionary = pw.wrap_dictionary("L2.mlp_out", lambda x: x.relu(), lambda f: f)
    with_features = pw.Experiment(sums.model.with_dictionaries(dictionary), sums.task)
    refused(with_features, "The dictionaries of 'teaching model' are functions of yours")
    with ThreadPoolExecutor(2) as threads:
        asked = {"component": "z", "batch": 20, "progress": False}
        far = own.sweep(**asked, executor=threads)
        assert (far.effect.values == own.sweep(**asked).effect.values).all()


@pytest.mark.parametrize("given", ["processes:4", 4, ProcessPoolExecutor])
def test_what_is_no_executor(sums, given):
    with pytest.raises(
        pw.errors.ExecutorError, match=r"is no executor: expected something with submit"
    ):
        sums.sweep("z", progress=False, executor=given)


def test_forked_processes(sums):
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool,
        pytest.raises(pw.errors.ExecutorError, match=r"get_context\('spawn'\)"),
    ):
        sums.sweep("z", progress=False, executor=pool)


def test_more_threads_than_cores(sums, caplog, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        monkeypatch.setattr(pool, "submit", lambda *_: _done(error=ZeroDivisionError("no")))
        monkeypatch.setattr("torch.get_num_threads", lambda: 8)
        with pytest.raises(pw.errors.ExecutorError, match="A worker failed"):
            sums.sweep("z", progress=False, executor=pool)
    assert "4 processes of 8 threads each on 8 cores" in caplog.text
    assert "call torch.set_num_threads(2) first" in caplog.text


def _job(experiment):
    return job_of(make_sweep(experiment, ["z"]), 1)


def _asked(experiment, check=None):
    piece = make_sweep(experiment, ["z"]).pieces()[0]
    return piece.items.start, piece.items.stop, check or piece.check


def test_a_worker_of_another_version(sums, monkeypatch):
    packed = _job(sums).packed()
    monkeypatch.setattr(worker, "version", lambda name: "99")
    with pytest.raises(
        pw.errors.ExecutorError, match=r"torch: 99 on the worker|other packages than the caller"
    ):
        worker.compute(packed, 1, [_asked(sums)])


def test_a_worker_that_plans_otherwise(sums):
    with pytest.raises(pw.errors.ExecutorError, match="packs the work into other passes"):
        worker.compute(_job(sums).packed(), 1, [_asked(sums, "another")])


def test_a_worker_with_another_tokenizer(sums, monkeypatch):
    packed = _job(sums).packed()
    worker.forget(packed)  # of another test in this process
    monkeypatch.setattr(worker, "tokens_checksum", lambda pairs: "another")
    with pytest.raises(pw.errors.ExecutorError, match="makes other tokens of the task"):
        worker.compute(packed, 1, [_asked(sums)])


def test_jobs_are_the_same_only_for_the_same_work(sums):
    mine = _job(sums).described()
    assert job.differences(mine, _job(sums).described()) == ""
    other = _job(sums.turned("noise")).described()
    assert job.differences(mine, other) == "direction: noise there, denoise here"


def _done(result=None, error=None):
    future = Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return future


class Script:
    """An executor whose futures end as written down."""

    def __init__(self, *ends):
        self._ends, self.submitted = list(ends), 0

    def submit(self, _function, /, *_args):
        self.submitted += 1
        end = self._ends.pop(0)
        return _done(error=end) if isinstance(end, Exception) else _done(end)


TRACE = """Job (task=0) failed during processing with trace:
----------------------
Traceback (most recent call last):
  File "worker.py", line 1, in compute
patchwidgets.errors.LoadError: No model 'x'.
This happened on a worker.

----------------------
You can check full logs with 'job.stderr(0)'."""


class UncompletedJobError(Exception):
    """As submitit has it."""


def test_what_was_lost_is_given_out_again():
    script = Script(UncompletedJobError(), 7, 8)
    assert sorted(completed(script, int, [(1,), (2,)])) == [(0, 8), (1, 7)]
    assert script.submitted == 3


def test_what_is_lost_again_and_again_ends():
    script = Script(*[UncompletedJobError("node failure")] * 3)
    with pytest.raises(
        pw.errors.ExecutorError, match=r"A worker failed .UncompletedJobError: node failure"
    ):
        list(completed(script, int, [(1,)]))
    assert script.submitted == 1 + futures.AGAIN


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (BrokenProcessPool("dead"), pw.errors.ExecutorError, "ended abruptly.*resume='folder'"),
        (
            ValueError("a bug"),
            pw.errors.ExecutorError,
            r"A worker failed \(a bug\)\..*resume='folder'",
        ),
        (RuntimeError(TRACE), pw.errors.ExecutorError, r"failed \(.*LoadError: No model 'x'\)\."),
        (pw.errors.SiteError("no such site"), pw.errors.SiteError, "no such site"),
        (CancelledError(), Cancelled, "^$"),
    ],
)
def test_failures_say_how_to_go_on(error, kind, text):
    with pytest.raises(kind, match=text):
        list(completed(Script(error), int, [(1,)]))


def test_a_pool_that_broke_before(sums):
    class Broken:
        def submit(self, *_args):
            raise BrokenProcessPool("dead")

    with pytest.raises(pw.errors.ExecutorError, match="Make a new pool"):
        sums.sweep("z", progress=False, executor=Broken())


def test_stopping_cancels_the_others():
    waiting = [Future(), Future()]

    class Slow:
        def submit(self, *_args):
            return waiting.pop()

    kept = list(waiting)
    kept[1].set_result(1)
    running = completed(Slow(), int, [(1,), (2,)])
    assert next(running) == (0, 1)
    running.close()
    assert kept[0].cancelled()
