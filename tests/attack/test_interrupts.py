"""Real Ctrl-Cs at random moments: nothing stays changed, no lock is held, and later numbers are the same bit by bit."""

from collections.abc import Iterator

import pytest

from tests.attack.conftest import Attack
from tests.support.answering import Ask, answering

INTERRUPTED = 32
"""How many operations a round interrupts."""


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with answering("tests.support.interrupted") as ask:
        yield ask


def test_a_ctrl_c_leaves_everything_as_it_was(attack: Attack, ask: Ask) -> None:
    for rng in attack(f"Ctrl-C ({INTERRUPTED} operations interrupted)", 2):
        report = ask(f"{rng.getrandbits(32)} {INTERRUPTED}")
        assert report["wrong"] == []
        assert report["interrupted"] == INTERRUPTED
