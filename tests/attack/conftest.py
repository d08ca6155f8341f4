"""The attack: random faults against everything that must survive them, each kind in rounds that a seed repeats.

`make test` runs a fixed number of rounds from seed 0. `make attack` goes on for ``ATTACK_MINUTES`` from ``ATTACK_SEED``
and prints how many rounds of each kind were tried and survived (docs/reliability.md).
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

Attack = Callable[[str, int], Iterator[random.Random]]
"""From the kind of an attack and its rounds in `make test` to one seeded generator of random numbers per round."""

_SEED = os.environ.get("ATTACK_SEED", "0")
_KIND, _TRIED, _SURVIVED = "attack", "tried", "survived"
_SECONDS_PER_ATTACK = pytest.StashKey[float]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Share the minutes of `make attack` among the attacks."""
    if minutes := os.environ.get("ATTACK_MINUTES"):
        n_attacks = sum("attack" in getattr(item, "fixturenames", ()) for item in items)
        n_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        config.stash[_SECONDS_PER_ATTACK] = 60 * float(minutes) * n_workers / max(1, n_attacks)


@pytest.fixture
def attack(
    pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> Iterator[Attack]:
    """Yield the rounds of one attack: ``for rng in attack("faults in metrics", 40): ...``.

    A round survives if its body raises nothing. The output of a failed test names the round, and the seed repeats it.
    """
    tried: dict[str, int] = {}
    survived: dict[str, int] = {}

    def rounds(kind: str, n_rounds: int) -> Iterator[random.Random]:
        deadline = time.monotonic() + pytestconfig.stash.get(_SECONDS_PER_ATTACK, 0)
        tried[kind] = survived[kind] = 0
        for i in count():
            if i >= n_rounds and time.monotonic() >= deadline:
                return
            tried[kind] += 1
            yield random.Random(f"{_SEED} {kind} {i}")
            survived[kind] += 1

    yield rounds
    for kind, n_tried in tried.items():
        record_property(_KIND, {"kind": kind, _TRIED: n_tried, _SURVIVED: survived[kind]})
        if survived[kind] < n_tried:
            sys.stderr.write(
                f"{kind}: round {n_tried - 1} failed; ATTACK_SEED={_SEED} repeats it.\n"
            )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say at once what was found: the hour may have just begun."""
    is_in_worker = "PYTEST_XDIST_WORKER" in os.environ
    if report.failed and "ATTACK_MINUTES" in os.environ and not is_in_worker:
        sys.stderr.write(f"\n{report.nodeid}\n{report.longreprtext}\n{report.capstderr}\n")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of docs/reliability.md."""
    reports = [each for part in terminalreporter.stats.values() for each in part]
    rows = [
        value
        for report in reports
        if getattr(report, "when", None) == "teardown" or getattr(report, "failed", False)
        for name, value in getattr(report, "user_properties", ())
        if name == _KIND
    ]
    if rows:
        terminalreporter.section(f"attack, seed {_SEED}")
        terminalreporter.write_line("| kind | tried | survived |\n|---|---:|---:|")
        for row in sorted(rows, key=lambda row: str(row["kind"])):
            terminalreporter.write_line(f"| {row['kind']} | {row[_TRIED]:,} | {row[_SURVIVED]:,} |")
