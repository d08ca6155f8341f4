"""A run that belongs to no experiment."""

import pytest

from patchwidgets.errors import SiteError
from tests.support.toy_models import make_model


def test_it_has_no_metric() -> None:
    run = make_model("llama").run("w3 w14 w15")
    assert run.logits.shape == (1, 61)
    with pytest.raises(SiteError, match="belongs to no experiment, so it has no metric"):
        _ = run.value
