"""The front end under attack: sequences of clicks, and of messages that are lost, doubled, reordered and spoilt.

A round is 300 sequences in Node.js (js/test/attack/client.test.ts, with fast-check), whose output says how to repeat
one.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.attack.conftest import Attack

FRONT_END = Path(__file__).parents[2] / "js"
SEQUENCES = 300
SECONDS = 600


def run(seed: int) -> None:
    """Attack the front end in a process of its own."""
    npx = shutil.which("npx")
    assert npx is not None, "Node.js brings npx; the front end needs it"
    done = subprocess.run(
        [npx, "--no-install", "vitest", "run", "test/attack"],
        cwd=FRONT_END,
        env=os.environ | {"ATTACK_SEED": str(seed), "ATTACK_RUNS": str(SEQUENCES), "CI": "true"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout, done.stdout


def test_the_front_end_survives_every_order_of_clicks_and_messages(attack: Attack) -> None:
    for rng in attack(f"front end: {SEQUENCES} sequences of clicks and messages", 1):
        run(rng.getrandbits(31))
