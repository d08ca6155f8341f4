"""The text of flowcharts. `tests/browser/test_mermaid.py` lets Mermaid itself read it."""

import pytest

import patchwidgets as pw
from patchwidgets.errors import SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.mermaid import Flowchart, bold, text
from patchwidgets.sites import Patch
from tests.support.odd_tokens import ODD_TOKENS


@pytest.mark.parametrize("token", ODD_TOKENS, ids=ascii)
def test_nothing_that_has_a_meaning_stays(token: str) -> None:
    escaped = text(token)
    assert "\n" not in escaped
    assert not set(escaped.replace("#", "").replace(";", "")) & set('"$%&*:<>@\\^_`{}~[]')


def test_spaces_stay_within_a_line() -> None:
    assert text(" Mary") == "␣Mary"
    assert text(" Mary", within=True) == " Mary"
    assert bold("a  b") == "<b>a␣ b</b>"


def test_a_list_and_a_heading_are_no_markdown() -> None:
    assert text("1. one") == "1#46; one"
    assert text("- item") == "#45; item"
    assert text("+3.5 and -2") == "+3.5 and -2"


def test_only_classes_that_are_used_are_declared() -> None:
    chart = Flowchart("a", "b")
    chart.node("n", [text("x")], "patched")
    assert "classDef patched" in str(chart)
    assert "classDef clean" not in str(chart)


def test_a_source_that_is_no_run_is_copied_from_nowhere(toy_experiment: Experiment) -> None:
    patches = [Patch("L0.H1", pw.sources.zero()), Patch("L1.H1", "host"), "L2.H1"]
    chart = toy_experiment.patch(*patches).to_mermaid()
    assert '"L0.H1<br/>= zero()"]:::other' in chart
    assert 'corrupted_1 == "copied" ==> patched_1' in chart
    assert 'clean_2 == "copied" ==> patched_2' in chart
    assert chart.count("copied") == 2


def test_a_function_is_named_as_one(toy_experiment: Experiment) -> None:
    halfway = Patch("L0.H1", fn=lambda host, source: (host + source) / 2)
    assert "a function of host and source" in toy_experiment.patch(halfway).to_mermaid()


def test_of_many_patches_the_first_are_drawn(toy_experiment: Experiment) -> None:
    sites = [f"L{layer}.H{head}" for layer in range(3) for head in range(4)]
    chart = toy_experiment.patch(*reversed(sites)).to_mermaid()
    assert 'patched_0["L0.H' in chart
    assert "and 6 more<br/>patched too" in chart


def test_a_pair_that_is_not_there_is_refused(toy_experiment: Experiment) -> None:
    with pytest.raises(TaskError, match="no pair 3"):
        toy_experiment.patch("L0.H1").to_mermaid(3)


def test_where_recovery_is_undefined_the_chart_says_why(toy_experiment: Experiment) -> None:
    result = toy_experiment.measuring("rank").patch("L0.H1")
    chart = result.to_mermaid()
    assert ("No recovery" in chart) == (result.reason is not None)


def test_a_circuit_that_no_picture_holds_is_refused() -> None:
    members = [f"L{layer}.H{head}" for layer in range(30) for head in range(9)]
    with pytest.raises(SiteError, match="270 members"):
        pw.Circuit(members).to_mermaid()


def test_shared_keys_lead_to_their_heads_if_the_model_is_known(toy_experiment: Experiment) -> None:
    circuit = pw.Circuit(["embed->L0.KV0.k", "L0.H0->logits"])
    assert "-.->" not in circuit.to_mermaid()
    assert "node_1 -.-> node_2" in circuit.to_mermaid(toy_experiment.model)


def test_the_whole_model_of_an_evaluated_circuit_is_its_host(toy_experiment: Experiment) -> None:
    circuit = pw.Circuit(["L0.H1", "L1.mlp_out"])
    chart = toy_experiment.evaluate(circuit).to_mermaid()
    assert 'subgraph circuit["Circuit alone, the rest corrupted"]' in chart
    assert 'everything corrupted"]:::corrupted' in chart
    ablated = toy_experiment.evaluate(circuit, pw.sources.zero()).to_mermaid()
    assert 'everything = zero()"]:::other' in ablated
