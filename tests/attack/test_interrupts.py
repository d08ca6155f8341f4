"""Real Ctrl-Cs at random moments: nothing stays changed, no lock is held, and later numbers are the same bit by bit."""

from collections.abc import Iterator

import pytest

from tests.attack.conftest import Attack
from tests.support.answering import Ask, answering

SIGNALS = 50


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with answering("tests.support.interrupted") as ask:
        yield ask


def test_a_ctrl_c_leaves_everything_as_it_was(attack: Attack, ask: Ask) -> None:
    for rng in attack(f"Ctrl-C ({SIGNALS} signals a round)", 2):
        report = ask(f"{rng.getrandbits(32)} {SIGNALS}")
        assert report["wrong"] == []
        assert report["signals"] == SIGNALS
        assert report["interrupted"] > SIGNALS // 4
