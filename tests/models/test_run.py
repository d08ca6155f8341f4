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


def test_prompts_of_two_lengths_have_no_common_pattern() -> None:
    run = make_model("llama").run(["w3 w14 w15", "w3 w14"])
    with pytest.raises(SiteError, match="patterns have other keys; run them one by one"):
        _ = run["L1.H2.pattern@-1"]
    with pytest.raises(SiteError, match=r"name one position, as in 'L1\.H2@-1', or run"):
        _ = run["L1.H2"]
    assert run["L1.H2@-1"].shape == (2, 1, 8)
