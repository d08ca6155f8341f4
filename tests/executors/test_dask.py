"""A real Dask cluster of two worker processes, one of which is killed in the middle."""

import os
import signal

import pytest

import patchwidgets as pw
from patchwidgets.models.origin import Origin
from tests.executors.conftest import assert_same_bits

ASKED = {"component": "z", "batch": 8, "progress": False}


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


class Killing:
    """Gives work to a client, and kills one of its workers as soon as a piece is done."""

    def __init__(self, client, pids):
        self._client, self._pids = client, pids
        self.futures, self.unfinished_at_kill = [], 0

    def submit(self, function, /, *args):
        future = self._client.submit(function, *args)
        future.add_done_callback(self._kill)
        self.futures.append(future)
        return future

    def _kill(self, _future):
        if self._pids:
            self.unfinished_at_kill = sum(not each.done() for each in self.futures)
            os.kill(self._pids.pop(), signal.SIGKILL)
            self._pids.clear()


def test_a_worker_that_is_killed_changes_no_bit(sums, client, tmp_path):
    pids = set(client.run(os.getpid).values())
    killing = Killing(client, sorted(pids))
    result = sums.sweep(**ASKED, executor=killing, resume=tmp_path)
    assert_same_bits(result, sums.sweep(**ASKED))
    assert killing.unfinished_at_kill > 0
    assert len(list(tmp_path.glob("part-*.json"))) == len(killing.futures)
    client.wait_for_workers(2, timeout=120)
    assert len(pids - set(client.run(os.getpid).values())) == 1


def test_errors_arrive_with_their_text(sums, client, monkeypatch):
    nowhere = Origin("/nowhere")
    monkeypatch.setattr(sums.model, "origin", nowhere)
    with pytest.raises(pw.errors.LoadError, match="/nowhere"):
        sums.sweep(**ASKED, executor=client)
