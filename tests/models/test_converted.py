"""The cache of converted models: wholly there, or made again; after kills, beside other processes, on a full disk."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import patchwidgets as pw
from patchwidgets.errors import LoadError
from patchwidgets.models import converted as converted_module
from patchwidgets.models.converted import converted

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 40}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(folder))
    return folder


def write(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def never(folder: Path) -> None:
    pytest.fail(f"converted again into {folder}")


def assert_whole(folder: Path) -> None:
    """The files are as they were written, and nothing else is left in the cache but the lock."""
    for name, content in FILES.items():
        assert (folder / name).read_bytes() == content
    left = {each.name for each in folder.parent.iterdir()} - {".tiny.lock"}
    assert left == {"tiny"}


def test_it_is_converted_once(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert converted("tiny", write) == cache / "tiny"
    assert converted("tiny", never) == cache / "tiny"
    assert_whole(cache / "tiny")
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", FILES["model.safetensors"][:-1]),
        ("model.safetensors", b"\1" + FILES["model.safetensors"][1:]),
        ("model.safetensors", b""),
        ("config.json", None),
        ("config.json", b"[]"),
        ("manifest.json", None),
        ("manifest.json", b"{"),
        ("manifest.json", b"{}"),
        ("manifest.json", b"[1]"),
        ("manifest.json", b"\xff"),
        ("chat_template.jinja", b"more"),
    ],
)
def test_damage_is_found_said_and_mended(
    name: str, content: bytes | None, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = converted("tiny", write) / name
    before = path.stat() if path.exists() else None
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
        if before is not None:  # a disk that loses a bit changes no time
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert_whole(converted("tiny", write))
    assert f"The converted model in {cache / 'tiny'} is damaged" in caplog.text
    assert name in caplog.text
    assert "It is made again." in caplog.text
    converted("tiny", never)


def test_a_conversion_that_fails_leaves_nothing(cache: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "config.json").write_bytes(b"{")
        raise OSError(28, "No space left on device")

    with pytest.raises(LoadError, match=r"No space left on device.*PATCHWIDGETS_CACHE"):
        converted("tiny", half)
    assert [each.name for each in cache.iterdir()] == [".tiny.lock"]
    assert_whole(converted("tiny", write))


def test_a_damaged_model_stays_until_the_new_one_is_there(cache: Path) -> None:
    (converted("tiny", write) / "config.json").write_bytes(b"[]")

    def fail(folder: Path) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(LoadError, match="stopped"):
        converted("tiny", fail)
    assert (cache / "tiny" / "config.json").read_bytes() == b"[]"


def test_a_cache_that_cannot_be_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("a file, not a folder")
    expected = rf"cannot be converted into {cache} \(.*\)\. Make room there, or name another folder"
    with pytest.raises(LoadError, match=expected + ".*PATCHWIDGETS_CACHE"):
        converted("tiny", write)
    with pytest.raises(LoadError, match=expected):
        pw.load("smollm2")


def test_a_cache_that_can_only_be_read_is_used(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = converted("tiny", write)
    (cache / ".tiny-unfinished-x").mkdir()

    def refused(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(converted_module, "_lock", refused)
    assert converted("tiny", never) == folder


def test_leftovers_of_killed_processes_are_removed(cache: Path) -> None:
    folder = converted("tiny", write)
    leftover = cache / ".tiny-unfinished-abc" / "made"
    leftover.mkdir(parents=True)
    (leftover / "model.safetensors").write_bytes(b"half")
    (cache / "other").mkdir()
    (cache / "other" / "mine.txt").write_text("stays")
    converted("tiny", never)
    assert not leftover.parent.exists()
    assert (cache / "other" / "mine.txt").read_text() == "stays"
    assert folder.is_dir()


def test_another_process_that_never_ends(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted_module, "_PATIENCE", 0.1)
    cache.mkdir()
    with (
        converted_module._lock(cache / "tiny", 1),
        pytest.raises(LoadError, match=r"Another process has been converting.*PATCHWIDGETS_CACHE"),
    ):
        converted("tiny", write)


CHILD = """
import sys, time
from pathlib import Path
from patchwidgets.models.converted import converted

def write(folder):
    for name in ("config.json", "model.safetensors"):
        with (folder / name).open("wb") as file:
            for _ in range(20):
                file.write(b"x" * 100)
                file.flush()
                time.sleep({pause})
    print("converted", flush=True)

print("begins", flush=True)
converted("tiny", write)
"""


def child(pause: float) -> "subprocess.Popen[str]":
    code = textwrap.dedent(CHILD.format(pause=pause))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_killed_in_the_middle(cache: Path) -> None:
    process = child(pause=1.0)
    deadline = time.monotonic() + 60
    while not list(cache.glob(".tiny-unfinished-*/made/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (cache / "tiny").exists()
    assert list(cache.glob(".tiny-unfinished-*"))
    assert_whole(converted("tiny", write))


def test_two_processes_at_once_convert_once(cache: Path) -> None:
    both = [child(pause=0.02), child(pause=0.02)]
    said = "".join(process.communicate(timeout=120)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said.count("begins") == 2
    assert said.count("converted") == 1
    assert {each.name for each in cache.iterdir()} == {"tiny", ".tiny.lock"}
    converted("tiny", never)
