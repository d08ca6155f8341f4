"""Where the pieces run, by name. No cluster is needed: what would start one is a double."""

import os
import signal
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
import typer

import patchwidgets as pw
from patchwidgets.cli.executors import JOBS, open_executor
from patchwidgets.errors import LoadError
from tests.cli.conftest import Run


def what_a_worker_has() -> tuple[int, int, bool]:
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return os.getpid(), torch.get_num_threads(), ignored


def test_processes_share_the_cores_and_leave_an_interrupt_to_their_parent() -> None:
    with open_executor("processes:1") as pool:
        pid, threads, ignored = pool.submit(what_a_worker_has).result()
    assert pid != os.getpid()
    assert threads == (os.cpu_count() or 1)
    assert ignored
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(os.getpid)


@pytest.mark.parametrize("text", ["threads", "processes", "processes:many", "slurm:gpu", "4"])
def test_another_text_is_a_wrong_command_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", submitit([]))
    with pytest.raises(typer.BadParameter), open_executor(text):
        pass


@pytest.mark.parametrize(
    ("text", "module", "package"),
    [("dask://host:8786", "distributed", "dask[distributed]"), ("slurm", "submitit", "submitit")],
)
def test_a_package_that_is_not_there_is_named_as_pip_finds_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, text: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = run(f"sweep ioi:2 z --executor {text}")
    assert code == 1
    assert err == f'This needs {module}, which is not installed; run: pip install "{package}"\n'


def test_dask_is_asked_at_its_address_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []

    class Client:
        def __init__(self, address: str, timeout: float) -> None:
            events.append(address)

        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *raised: object) -> None:
            events.append("closed")

    distributed: Any = ModuleType("distributed")
    distributed.Client = Client
    monkeypatch.setitem(sys.modules, "distributed", distributed)
    with open_executor("dask://10.0.0.1:8786") as client:
        assert isinstance(client, Client)
    assert events == ["tcp://10.0.0.1:8786", "closed"]


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_one(address: str, timeout: float) -> None:
        raise OSError("Timed out")

    distributed: Any = ModuleType("distributed")
    distributed.Client = no_one
    monkeypatch.setitem(sys.modules, "distributed", distributed)
    says = "No Dask scheduler answers at host:8786. Start one with: dask scheduler; and workers with: dask worker"
    with pytest.raises(LoadError, match=says), open_executor("dask://host:8786"):
        pass


def submitit(events: list[Any], error: Exception | None = None) -> ModuleType:
    """A double of submitit."""

    class AutoExecutor:
        def __init__(self, folder: str, cluster: str) -> None:
            events.append((folder, cluster))
            if error is not None:
                raise error

        def update_parameters(self, **parameters: object) -> None:
            events.append(parameters)
            if "minutes" in parameters:
                raise NameError("no parameter 'minutes'")

    module: Any = ModuleType("submitit")
    module.AutoExecutor = AutoExecutor
    return module  # type: ignore[no-any-return]


def test_slurm_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    monkeypatch.setitem(sys.modules, "submitit", submitit(events))
    with open_executor("slurm:timeout_min=60,slurm_partition=gpu"):
        pass
    assert events == [(JOBS, "slurm"), {"timeout_min": 60, "slurm_partition": "gpu"}]
    with (
        pytest.raises(typer.BadParameter, match="no parameter 'minutes'"),
        open_executor("slurm:minutes=3"),
    ):
        pass


def test_a_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", submitit([], RuntimeError("no srun")))
    with (
        pytest.raises(LoadError, match=r"There is no Slurm here \(no srun\)"),
        open_executor("slurm"),
    ):
        pass


def test_the_executor_reaches_the_library(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", submitit([]))
    given: dict[str, Any] = {}

    def edges(self: pw.Experiment, **arguments: Any) -> Any:
        given.update(arguments)
        raise LoadError("enough")

    monkeypatch.setattr(pw.Experiment, "edges", edges)
    assert run("edges ioi:2 --executor slurm --resume parts").err == "enough\n"
    assert type(given["executor"]).__name__ == "AutoExecutor"
    assert given["resume"] == "parts"
