"""Damaged and crafted files, and a bound on the memory that reading them takes."""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Change = Callable[[random.Random, bytearray], None]
ODD_NUMBERS = (0, 1, -1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, 10**30)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, "", "no", "nan", [], {}, [[]], {"a": 1}, 1.5, "x" * 10_000, "\0", "\u202e"),
    *ODD_NUMBERS,
)


def flip(rng: random.Random, content: bytearray) -> None:
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, content: bytearray) -> None:
    i = rng.randrange(len(content))
    content[i : i + rng.randrange(1, 64)] = rng.randbytes(rng.randrange(64))


def number(rng: random.Random, content: bytearray) -> None:
    i = rng.randrange(max(1, len(content) - 8))
    content[i : i + 8] = (rng.choice(ODD_NUMBERS) % 2**64).to_bytes(8, "little")


def cut(rng: random.Random, content: bytearray) -> None:
    del content[rng.randrange(1, len(content)) :]


def splice(rng: random.Random, content: bytearray) -> None:
    i, j, n = rng.randrange(len(content)), rng.randrange(len(content)), rng.randrange(1, 200)
    content[i : i + n] = content[j : j + n]


def grow(rng: random.Random, content: bytearray) -> None:
    i = rng.randrange(len(content))
    content[i:i] = rng.randbytes(1) * rng.randrange(1, 5000)


CHANGES: tuple[Change, ...] = (flip, overwrite, number, cut, splice, grow)


def damaged(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        if len(changed) > 1:
            rng.choice(CHANGES)(rng, changed)
    return bytes(changed)


@contextmanager
def bounded(megabytes: int = 200) -> Iterator[None]:
    """Fail if the process was larger by more within the block. Only Linux tells, so that others do not check it."""
    if not Path("/proc/self/clear_refs").exists():
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")  # sets the largest size to the size now
    before = _peak()
    yield
    assert _peak() - before < megabytes * 2**20


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def change_somewhere(rng: random.Random, index: Any) -> None:
    """Change one entry somewhere in plain data: its value, its key, or whether it is there."""
    at = index
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.85:
            at = at[key]
            continue
        how = rng.randrange(4)
        if how == 0:
            del at[key]
        elif how == 1 and isinstance(at, dict):
            at[rng.choice((*keys, "x", "layer", "value"))] = at.pop(key)
        elif how == 2 and isinstance(at[key], int):
            at[key] += rng.choice((-8, -1, 1, 8))
        else:
            # A later change may go into a list or a dict that an earlier one has put there.
            at[key] = copy.deepcopy(rng.choice(ODD_VALUES))
        return
