"""Sites that a model or a prompt does not have."""

import pytest

from patchwidgets.errors import (
    RefusedError,
    SiteError,
)
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


@pytest.mark.parametrize(
    ("site", "says"),
    [
        ("L3.H0", "layer 3 is out of range; toy has layers 0 to 2"),
        ("L1.H4", "head 4 is out of range; toy has heads 0 to 3"),
        ("L1.N40", "neuron 40 is out of range; toy has neurons 0 to 39"),
        ("L1.H2@5", r"Position 5 is out of range: the prompt has 5 tokens \(0 to 4, or -5 to -1\)"),
        ("L1.H2@-6", "Position -6 is out of range"),
        ("L1.H2@3:3", "range 3:3 is empty"),
        ("L1.H2@Y", "names no position 'Y'; it names: X"),
        ("L1.hidden", "Unknown component 'hidden'"),
        ("the head", "is not a site"),
    ],
)
def test_a_site_that_is_not_there(toy_experiment: Experiment, site: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        toy_experiment.patch(site)


def test_a_name_where_the_task_names_no_position() -> None:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY))
    experiment = Experiment(model, Task("w1 w2", "w1 w3", " w8", " w9"))
    with pytest.raises(SiteError, match=r"no position 'S2'; it names none\. Name one with Task"):
        experiment.patch("L1.H2@S2")


def test_a_component_that_the_model_does_not_have() -> None:
    model = Model(random_model("gptj"), toy_tokenizer(VOCABULARY))
    with pytest.raises(
        RefusedError,
        match=r"No L1.resid_mid here: attention and MLP run in parallel\. Use resid_pre",
    ):
        model.run("w1 w2")["L1.resid_mid"]
    with pytest.raises(RefusedError, match="the MLP has no gate"):
        model.sites("neuron_up")
