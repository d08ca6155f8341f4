"""Jobs of submitit, as on a cluster of Slurm, but on this machine: each is a process that begins anew."""

import pytest

from patchwidgets.executors import running
from tests.executors.conftest import assert_same_bits

submitit = pytest.importorskip("submitit")


def test_jobs_have_the_same_bits(sums, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "PIECES_PER_JOB", 2)
    executor = submitit.LocalExecutor(tmp_path / "logs")
    asked = {"component": "z", "batch": 43, "progress": False}
    result = sums.sweep(**asked, executor=executor, resume=tmp_path / "parts")
    assert_same_bits(result, sums.sweep(**asked))
    assert len(list((tmp_path / "parts").glob("part-*.json"))) == 3
    assert len(list((tmp_path / "logs").glob("*_submitted.pkl"))) == 2
