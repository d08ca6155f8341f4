"""The cache of converted models under random damage, kills and rivals: what comes out of it is always whole."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patchwidgets.models.converted import converted
from tests.attack.conftest import Attack

FILES = {
    "config.json": b'{"a": 1}',
    "tokenizer.json": b"tokens " * 50,
    "model.safetensors": bytes(range(256)) * 200,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def assert_whole(folder: Path) -> None:
    assert {each.name for each in folder.iterdir()} == {*FILES, "manifest.json"}
    for name, content in FILES.items():
        assert (folder / name).read_bytes() == content
    left = {each.name for each in folder.parent.iterdir()}
    assert left <= {folder.name, f".{folder.name}.lock"}


def damage(folder: Path, rng: random.Random) -> None:
    path = folder / rng.choice([*FILES, "manifest.json"])
    times = path.stat()
    content = bytearray(path.read_bytes())
    way = rng.randrange(7) if content else 3
    if way == 0:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif way == 1:
        del content[rng.randrange(len(content)) :]
    elif way == 2:
        content = bytearray(rng.randbytes(len(content)))
    elif way == 3:
        content += rng.randbytes(rng.randrange(1, 50))
    elif way == 4:
        path.unlink()
        path.mkdir()
        return
    elif way == 5:
        shutil.rmtree(folder)
        return
    else:
        (folder / "added_tokens.json").write_bytes(b"{}")
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_damage(attack: Attack) -> None:
    for rng in attack("damaged caches", 100):
        folder = converted("tiny", write)
        for _ in range(rng.randrange(1, 3)):
            if folder.is_dir() and all(
                (folder / name).is_file() for name in (*FILES, "manifest.json")
            ):
                damage(folder, rng)
        (folder.parent / ".tiny-unfinished-old").mkdir()
        assert_whole(converted("tiny", write))


CHILD = """
import time
from patchwidgets.models.converted import converted

files = {
    "config.json": b'{"a": 1}',
    "tokenizer.json": b"tokens " * 50,
    "model.safetensors": bytes(range(256)) * 200,
}

def write(folder):
    for name, content in files.items():
        with (folder / name).open("wb") as file:
            for i in range(0, len(content), 2000):
                file.write(content[i : i + 2000])
                file.flush()
                time.sleep(0.003)

print("begins", flush=True)
converted("tiny", write)
"""


def test_kills(attack: Attack, cache: Path) -> None:
    """Up to three processes at once, killed at a random moment; the next one finds everything in order, or makes it."""
    command = [sys.executable, "-c", CHILD]
    for rng in attack("conversions killed, several at once", 4):
        if rng.random() < 0.7:
            shutil.rmtree(cache, ignore_errors=True)
        elif cache.is_dir():
            (cache / "tiny" / "config.json").write_bytes(b"[]")
        rivals = [
            subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(rng.randrange(1, 4))
        ]
        for each in rivals:
            assert each.stdout is not None
            each.stdout.readline()
        time.sleep(rng.random() * 0.15)
        victims = [each for each in rivals if rng.random() < 0.7]
        for each in victims:
            each.send_signal(signal.SIGKILL)
        for each in rivals:
            each.communicate(timeout=60)
            assert each.returncode == 0 or each in victims
        assert_whole(converted("tiny", write))
