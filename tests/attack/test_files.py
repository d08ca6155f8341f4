"""The attack on files: damaged, crafted, killed while they are written, and on disks that fill up.

A file survives if loading it gives the same numbers or an error of ours, within a bounded memory. A write survives if
the earlier or the new file is there afterwards, whole, and nothing else.
"""

import json
import os
import random
import resource
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import h5py
import numpy as np
import pytest

from patchwidgets.errors import FileError
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.damage import bounded, change_somewhere, damaged
from tests.support.saved_sweeps import earlier_file, parts, repacked, sealed
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model

DAMAGED, SAME = "damaged", "same"


@pytest.fixture(scope="module")
def result() -> SweepResult:
    return one_pair(make_model("llama")).sweep("resid_pre", progress=False)


@pytest.fixture(scope="module")
def saved_top(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A result with a sample of the neurons that were not chosen."""
    path = tmp_path_factory.mktemp("saved") / "top.nc"
    one_pair(make_model("llama")).sweep("neuron", top=3, progress=False).save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def saved(result: SweepResult, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "s.nc"
    result.save(path)
    return path.read_bytes()


def loads(path: Path, expected: SweepResult | None) -> str:
    """Load a file that was changed; with the expected result, what loads must be the same."""
    with warnings.catch_warnings(), bounded():
        warnings.simplefilter("ignore", UserWarning)
        try:
            loaded: SweepResult | str = SweepResult.load(path)
        except FileError as error:
            loaded = str(error)
    if isinstance(loaded, str):
        assert len(loaded) < 2000
        return DAMAGED
    dataset = loaded.to_xarray()
    if expected is not None:
        assert dataset.identical(expected.to_xarray())
    # A crafted file may hold other numbers, but then it is a sweep like any other.
    assert loaded.attrs["direction"] in ("denoise", "noise")
    assert len(loaded.site_names()) == dataset["zero"].size
    assert str(loaded.attrs["component"]) in repr(loaded)
    assert set(loaded.top_sites(2)) <= set(loaded.site_names())
    assert len(loaded.to_frame()) == dataset["zero"].size * dataset.sizes["metric"]
    return SAME


def test_damaged_sweeps(attack: Attack, result: SweepResult, saved: bytes, tmp_path: Path) -> None:
    for rng in attack("damaged sweep files", 300):
        changed = damaged(rng, saved)
        (tmp_path / "s.nc").write_bytes(changed)
        outcome = loads(tmp_path / "s.nc", result)
        assert outcome == (SAME if changed == saved else DAMAGED)


def test_crafted_indices_with_a_right_checksum(
    attack: Attack, saved: bytes, saved_top: bytes, tmp_path: Path
) -> None:
    for rng in attack("crafted sweep files with a right checksum", 200):
        netcdf, index = parts(rng.choice((saved, saved_top)))
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            change_somewhere(rng, index)
        text = json.dumps(index).encode()
        if rng.random() < 0.2:
            text = damaged(rng, text)
        (tmp_path / "s.nc").write_bytes(sealed(netcdf, text))
        loads(tmp_path / "s.nc", None)


def _odd_netcdf(rng: random.Random, file: h5py.File) -> None:
    name = rng.choice(list(file))
    how = rng.randrange(7)
    if how == 0:
        file.attrs[rng.choice(list(file.attrs))] = rng.choice(
            ("", "x" * 60_000, 2**40, -1.5, np.arange(1000), np.nan)
        )
    elif how == 1:
        file[name].attrs["x"] = rng.choice(("x" * 60_000, 5, np.zeros(7000)))
    elif how == 2:
        del file[name]
    elif how == 3:
        del file[name]
        file[name] = rng.choice(
            (h5py.SoftLink("/effect"), h5py.ExternalLink("/etc/passwd", "/value"))
        )
    elif how == 4:
        del file[name]
        shape = tuple(rng.choice((0, 1, 7, 10**5)) for _ in range(rng.randrange(4)))
        file.create_dataset(name, shape, rng.choice(("f8", "i8", "i1", "u1", "c16", "S5")))
    elif how == 5:
        file.create_group(f"more/{name}")
    else:
        file.move(name, f"{name}_")


# Without a checksum a number may come out as 1e300; numpy says where it overflows.
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_damaged_and_crafted_sweeps_of_version_1(
    attack: Attack, result: SweepResult, tmp_path: Path
) -> None:
    """They have no checksum, so that other numbers may load; but nothing may crash, hang, grow or raise otherwise."""
    earlier = earlier_file(result)
    for rng in attack("damaged and crafted sweep files of version 1", 5):
        changed = earlier
        if rng.random() < 0.5:
            changed = repacked(changed, lambda file, rng=rng: _odd_netcdf(rng, file))
        if changed == earlier or rng.random() < 0.3:
            changed = damaged(rng, changed)
        (tmp_path / "s.nc").write_bytes(changed)
        loads(tmp_path / "s.nc", None)


def in_a_process(work: Callable[[], int]) -> int:
    """Start a process that runs `work` and ends with its return value; return its id."""
    process = os.fork()
    if process == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return process


def test_kills_while_files_are_written(attack: Attack, result: SweepResult, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    other = SweepResult(result.to_xarray().assign_attrs(model="other"))
    for i, each in enumerate((result, other)):
        each.save(tmp_path / f"{i}.nc")
    result.save(folder / "s.nc")
    Task("a", "b", "0").to_json(folder / "t.json")
    tasks = [Task("a" * 300_000, "b", str(i)) for i in (0, 1)]

    def write_for_ever() -> int:
        for i in cycle((1, 0)):
            (result, other)[i].save(folder / "s.nc")
            tasks[i].to_json(folder / "t.json")
        return 0

    for rng in attack("kill -9 while a file is written", 8):
        process = in_a_process(write_for_ever)
        time.sleep(rng.uniform(0, 0.3))
        os.kill(process, signal.SIGKILL)
        assert os.waitpid(process, 0)[1] == signal.SIGKILL
        loaded = SweepResult.load(folder / "s.nc").to_xarray()
        assert loaded.identical(result.to_xarray()) or loaded.identical(other.to_xarray())
        assert Task.from_json(folder / "t.json").answer in ("0", "1")
        assert len(list(folder.iterdir())) <= 3  # and at most one unfinished file
    result.save(folder / "s.nc")
    Task("a", "b", "0").to_json(folder / "t.json")
    assert sorted(each.name for each in folder.iterdir()) == ["s.nc", "t.json"]


def _is_written(save: Callable[[], None]) -> bool:
    try:
        save()
    except FileError:
        return False
    return True


@contextmanager
def disk(folder: Path, size: int) -> Iterator[bool]:
    """A file system of a few kilobytes at a folder, if one may be made here."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def test_full_disks(attack: Attack, result: SweepResult, saved: bytes, tmp_path: Path) -> None:
    """On a disk of a random size where one may be mounted, else with a limit of the same size for files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    other = SweepResult(result.to_xarray().assign_attrs(model="other"))
    for rng in attack("full disks", 4):
        size = rng.choice((0, 4096, 40_000, len(saved), 70_000, 150_000)) + len(saved) + 8192
        with disk(folder, size) as mounted:
            result.save(folder / "s.nc")
            Task("a", "b", "0").to_json(folder / "t.json")
            limit = 0 if mounted else rng.randrange(1, 2 * len(saved))

            def save_both(limit: int = limit) -> int:
                if limit:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                return 2 * _is_written(lambda: other.save(folder / "s.nc")) + _is_written(
                    lambda: Task("a" * 100_000, "b", "1").to_json(folder / "t.json")
                )

            status = os.waitpid(in_a_process(save_both), 0)[1]
            assert os.WIFEXITED(status)
            assert os.WEXITSTATUS(status) < 4
            wrote = [bool(os.WEXITSTATUS(status) & 2), bool(os.WEXITSTATUS(status) & 1)]
            expected = other if wrote[0] else result
            assert SweepResult.load(folder / "s.nc").to_xarray().identical(expected.to_xarray())
            assert Task.from_json(folder / "t.json").answer == ("1" if wrote[1] else "0")
            assert sorted(os.listdir(folder)) == ["s.nc", "t.json"]
