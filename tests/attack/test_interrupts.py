"""Real Ctrl-Cs at random moments: nothing stays changed, no lock is held, and later numbers are the same bit by bit."""

from contextlib import ExitStack

from tests.attack.conftest import Attack
from tests.support.answering import answering

INTERRUPTED = 32
"""How many operations a round interrupts."""
ROUNDS_OF_A_PROCESS = 5
"""Then a new one begins, because the first sweep of a process does what no later one does: it imports."""


def test_a_ctrl_c_leaves_everything_as_it_was(attack: Attack) -> None:
    with ExitStack() as processes:
        for i, rng in enumerate(attack(f"Ctrl-C ({INTERRUPTED} operations interrupted)", 2)):
            if i % ROUNDS_OF_A_PROCESS == 0:
                processes.close()
                ask = processes.enter_context(answering("tests.support.interrupted"))
            report = ask(f"{rng.getrandbits(32)} {INTERRUPTED}")
            assert report["wrong"] == []
            assert report["interrupted"] == INTERRUPTED
