"""A run that belongs to no experiment."""

import pytest

from patchwidgets.errors import SiteError, TaskError
from tests.support.toy_models import make_model


def test_it_has_no_metric() -> None:
    run = make_model("llama").run("w3 w14 w15")
    assert run.logits.shape == (1, 61)
    with pytest.raises(SiteError, match="belongs to no experiment, so it has no metric"):
        _ = run.value


def test_top_tokens_of_a_prompt_that_is_not_there() -> None:
    run = make_model("llama").run(["w3 w14", "w7 w5"])
    assert run.top_tokens(1, pair=-1) == run.top_tokens(1, pair=1)
    with pytest.raises(TaskError, match=r"There is no pair 2; expected 0 to 1"):
        run.top_tokens(1, pair=2)
