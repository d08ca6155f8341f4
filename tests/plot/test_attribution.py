"""Parts of a logit difference as bars: each begins where the one before ends, and they end at the total."""

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.facade import Experiment


def test_bars_add_up(toy_experiment: Experiment) -> None:
    parts = toy_experiment.clean.logit_attribution()
    ax = pw.plot.attribution(parts, k=4)
    names = [label.get_text() for label in ax.get_yticklabels()]
    n_parts = len(parts.to_frame())
    assert names == [*parts.top(4)["part"], f"{n_parts - 4} others", "total"]
    bars = [bar for group in ax.containers for bar in group]
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    begins = [bar.get_x() for bar in bars]
    assert begins[0] == pytest.approx(0)
    assert begins[1:5] == pytest.approx(ends[:4])
    assert ends[4] == pytest.approx(parts.total)
    assert bars[5].get_width() == pytest.approx(parts.total)
    low, high = ax.get_xlim()
    assert low < min(begins + ends) - 0.1
    assert high > max(begins + ends) + 0.1


def test_without_others(toy_experiment: Experiment) -> None:
    parts = toy_experiment.clean.logit_attribution()
    ax = pw.plot.attribution(parts, k=100)
    assert not any("others" in label.get_text() for label in ax.get_yticklabels())
    *_, last, _total = [bar for group in ax.containers for bar in group]
    assert last.get_x() + last.get_width() == pytest.approx(parts.total)


def test_intervals_over_pairs_stand_at_the_ends_of_bars() -> None:
    parts = pw.Experiment(pw.load(), pw.tasks.ioi(6, seed=0)).clean.logit_attribution()
    ax = pw.plot.attribution(parts, k=3)
    frame = parts.top(3)
    lines = next(each for each in ax.collections if len(each.get_segments()) == 3)
    begins = np.cumsum(frame["contribution"]) - frame["contribution"]
    for segment, (_, row), begin in zip(
        lines.get_segments(), frame.iterrows(), begins, strict=True
    ):
        assert segment[:, 0] == pytest.approx([begin + row["low"], begin + row["high"]])


def test_one_other(toy_experiment: Experiment) -> None:
    parts = toy_experiment.clean.logit_attribution()
    ax = pw.plot.attribution(parts, k=len(parts.to_frame()) - 1)
    assert ax.get_yticklabels()[-2].get_text() == "1 other"
