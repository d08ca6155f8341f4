"""Metrics against numbers worked out by hand."""

import math
from typing import Any, get_args

import numpy as np
import pytest
import torch

from patchwidgets.errors import MetricError
from patchwidgets.metrics import METRICS, MetricName, Readout, evaluate, find_metric, find_metrics

# Four tokens. Row 0: e^logit = 1, 2, 3, 4 (sum 10). Row 1: all equal.
LOGITS = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]]).log()
CLEAN = torch.tensor([[4.0, 2.0, 3.0, 1.0], [1.0, 1.0, 1.0, 1.0]]).log()
KL = 0.4 * math.log(4) + 0.1 * math.log(1 / 4)
ONE = Readout(LOGITS, CLEAN, [[3], [0]], [[0], [1]], [0, 1])
SEVERAL = Readout(LOGITS, CLEAN, [[2, 3], [0, 1]], [[0, 1], [2]], [0, 1])


@pytest.mark.parametrize(
    ("name", "one", "several"),
    [
        ("logit_diff", [math.log(4), 0], [math.log(7 / 3), math.log(2)]),
        ("answer_logit", [math.log(4), 0], [math.log(7), math.log(2)]),
        ("answer_logprob", [math.log(0.4), math.log(0.25)], [math.log(0.7), math.log(0.5)]),
        ("answer_prob", [0.4, 0.25], [0.7, 0.5]),
        ("prob_diff", [0.3, 0], [0.4, 0.25]),
        ("rank", [1, 1], [1, 1]),
        ("kl", [KL, 0], [KL, 0]),
    ],
)
def test_by_hand(name: str, one: list[float], several: list[float]) -> None:
    assert evaluate(METRICS[name], ONE) == pytest.approx(np.array(one), abs=1e-6)
    assert evaluate(METRICS[name], SEVERAL) == pytest.approx(np.array(several), abs=1e-6)


def test_rank_counts_tokens_strictly_above() -> None:
    logits = torch.tensor([[5.0, 5.0, 7.0, 1.0]])
    ranks = [
        evaluate(METRICS["rank"], Readout(logits, logits, [[i]], None, [0]))[0] for i in range(4)
    ]
    assert ranks == [2, 2, 1, 4]


def test_a_dataset_reports_means_and_the_median_rank() -> None:
    values = np.array([1.0, 2.0, 9.0])
    assert METRICS["logit_diff"].mean(values) == 4.0
    assert METRICS["rank"].mean(values) == 2.0


def test_type_checkers_know_the_names() -> None:
    assert get_args(MetricName) == tuple(METRICS)


def test_a_callable_is_a_metric_of_its_own_name() -> None:
    def first_logit(readout: Readout) -> torch.Tensor:
        return readout.logits[:, 0]

    metric = find_metric(first_logit)
    assert metric.name == "first_logit"
    assert evaluate(metric, ONE) == pytest.approx(np.array([0.0, 0.0]))


def test_a_callable_that_is_no_metric() -> None:
    with pytest.raises(MetricError, match=r"returned shape \(\) for 2 rows"):
        evaluate(find_metric(lambda readout: readout.logits.sum()), ONE)
    with pytest.raises(MetricError, match="not finite"):
        evaluate(find_metric(lambda readout: readout.logits[:, 0] / 0), ONE)


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        (lambda readout: readout.argmax(-1), "AttributeError: 'Readout' object has no attribute"),
        (lambda readout: readout.logits[:, 9], "IndexError: index 9 is out of bounds"),
        (lambda readout: readout.logits @ readout.logits, "mat1 and mat2 shapes cannot be"),
        (lambda readout: None, "Could not infer dtype of NoneType"),
        (lambda readout, more: 0, r"TypeError: .* missing 1 required positional argument"),
    ],
)
def test_a_metric_of_your_own_that_fails_says_what_it_gets(metric: Any, says: str) -> None:
    gets = r"A metric of your own gets a pw\.metrics\.Readout, with logits .* one number per row"
    with pytest.raises(MetricError, match=rf"^Metric '<lambda>' failed: {says}.*{gets}") as error:
        evaluate(find_metric(metric), ONE)
    assert error.value.__cause__ is not None


def test_what_is_no_mistake_of_a_metric_passes_through() -> None:
    """Our own errors, memory that is full, and an interrupted cell."""
    for error in (MetricError("no foil"), torch.OutOfMemoryError("full"), KeyboardInterrupt()):

        def fails(_: Readout, error: BaseException = error) -> torch.Tensor:
            raise error

        with pytest.raises(type(error)) as caught:
            evaluate(find_metric(fails), ONE)
        assert caught.value is error


def test_what_is_asked_for_must_exist() -> None:
    with pytest.raises(
        MetricError,
        match=r"Did you mean 'logit_diff', or 'answer_logit'\? Expected one of logit_diff",
    ):
        find_metric("logit_difference")
    with pytest.raises(MetricError, match="logit_diff needs a foil"):
        find_metrics(["answer_logit", "logit_diff"], has_foil=False)
    with pytest.raises(MetricError, match="empty"):
        find_metrics([], has_foil=True)


def test_two_functions_of_one_name_are_refused_and_one_function_twice_is_one_metric() -> None:
    def first(readout: Readout) -> torch.Tensor:
        return readout.logits[:, 0]

    def second(readout: Readout) -> torch.Tensor:
        return readout.logits[:, 1]

    second.__name__ = "first"
    with pytest.raises(MetricError, match="the name 'first'; give each function a name of its own"):
        find_metrics([first, second], has_foil=True)
    with pytest.raises(MetricError, match="the name '<lambda>'"):
        find_metrics([lambda r: r.logits[:, 0], lambda r: r.logits[:, 1]], has_foil=True)
    assert list(find_metrics([first, "kl", first, "kl"], has_foil=True)) == ["first", "kl"]


def test_a_copied_readout_shares_nothing() -> None:
    copied = ONE.copy()
    copied.logits.zero_()
    copied.answer_ids[0].append(7)
    assert (float(ONE.logits[0, 3]), ONE.answer_ids[0]) == (pytest.approx(math.log(4)), [3])
    assert copied.answer_logprobs is None
