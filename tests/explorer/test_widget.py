"""The widget in Python: traits, echoes, picture, repr. What a page sees is tested in ``tests/browser``."""

import base64
import threading
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.explorer.session import PICTURE_NOTE
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import Gate
from tests.support.rounding import ROUNDING
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


@pytest.fixture
def explorer(model: Model, monkeypatch: pytest.MonkeyPatch) -> PatchExplorer:
    widget = Experiment(model, TASK).explore()
    widget.sent: list[Any] = []  # type: ignore[attr-defined,misc]
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: widget.sent.append(content))
    return widget


def click(
    explorer: PatchExplorer, *sites: str, direction: str = "denoise", metric: str = "logit_diff"
) -> None:
    patches = [{"site": site, "source": "source"} for site in sites]
    message = {
        "v": 1,
        "kind": "patch",
        "id": 7,
        "patches": patches,
        "direction": direction,
        "metric": metric,
    }
    explorer._receive(explorer, message, [])


def test_a_selection_made_in_python_is_patched(explorer: PatchExplorer, model: Model) -> None:
    explorer.selection = ["L1.H2"]
    assert explorer.result is not None
    assert explorer.result.effect == pytest.approx(
        Experiment(model, TASK).patch("L1.H2").effect, abs=ROUNDING
    )
    explorer.direction = "noise"
    assert explorer.result.experiment.direction == "noise"
    explorer.metric = "kl"
    assert next(iter(explorer.result.readings)) == "kl"
    assert [result.sites for result in explorer.history] == [("L1.H2",)] * 2


def test_a_click_sets_the_traits_and_is_computed_once(explorer: PatchExplorer) -> None:
    click(explorer, "L1.H2.z", "L0.mlp_out@X", direction="noise", metric="kl")
    assert len(explorer.history) == 1
    assert (explorer.selection, explorer.direction, explorer.metric) == (
        ["L1.H2", "L0.mlp_out@X"],
        "noise",
        "kl",
    )
    assert explorer._session.wait(60)
    kinds = [message["kind"] for message in explorer.sent]  # type: ignore[attr-defined]
    assert kinds == ["ack", "result", "singles"]


def test_a_click_that_is_refused_changes_nothing(explorer: PatchExplorer) -> None:
    click(explorer, "L9.H9")
    assert explorer.selection == []
    assert explorer.sent[-1]["code"] == "SiteError"  # type: ignore[attr-defined]


def test_the_lines_give_the_numbers_on_the_screen(explorer: PatchExplorer, model: Model) -> None:
    explorer.selection = ["L1.H2", "L0.mlp_out@X"]
    explorer.direction = "noise"
    scope: dict[str, Any] = {"pw": pw, "model": model}
    exec(explorer.to_code(), scope)
    assert explorer.result is not None
    assert scope["r"].value == pytest.approx(explorer.result.value, abs=ROUNDING)
    assert scope["r"].experiment.direction == "noise"


def test_the_picture_beside_the_view(explorer: PatchExplorer) -> None:
    bundle = explorer._repr_mimebundle_()
    assert bundle is not None
    assert bundle[0]["text/plain"] == "PatchExplorer('toy', nothing patched, denoise, logit_diff)"
    png = base64.b64decode(bundle[0]["image/png"])
    assert png.startswith(b"\x89PNG\r\n")
    assert bundle[1]["image/png"]["width"] * 2 == int.from_bytes(png[16:20], "big")
    assert png == pw.plot.flow_png(explorer.experiment.patch(), note=PICTURE_NOTE)
    assert "application/vnd.jupyter.widget-view+json" in bundle[0]


def test_the_picture_is_of_the_last_state(explorer: PatchExplorer) -> None:
    for selection in (["L1.H2"], ["L0.H1->L2.mlp_in"]):
        explorer.selection = selection
        assert explorer.result is not None
        picture = pw.plot.flow_png(explorer.result, note=PICTURE_NOTE)
        bundle = explorer._repr_mimebundle_()
        assert bundle is not None
        assert base64.b64decode(bundle[0]["image/png"]) == picture


def test_the_repr_is_stable_and_says_what_is_patched(explorer: PatchExplorer) -> None:
    explorer.selection = ["L1.H2", "L0.mlp_out@X"]
    assert repr(explorer) == "PatchExplorer('toy', L1.H2 + L0.mlp_out@X, denoise, logit_diff)"


def test_explore_in_one_line(model: Model) -> None:
    widget = pw.explore(model, TASK, "answer_prob", "noise")
    assert (widget.metric, widget.direction) == ("answer_prob", "noise")
    assert widget.result is None
    widget.close()


def test_an_unknown_selection_is_an_error_where_it_is_made(explorer: PatchExplorer) -> None:
    with pytest.raises(pw.errors.SiteError, match="layer 9 is out of range"):
        explorer.selection = ["L9.H9"]
    with pytest.raises(pw.errors.MetricError, match="does not measure 'loss'"):
        explorer.metric = "loss"


def test_a_picture_that_cannot_be_drawn_does_not_take_the_view_away(
    explorer: PatchExplorer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **_named: object) -> bytes:
        raise ValueError("no fonts")

    monkeypatch.setattr("patchwidgets.explorer.session.flow_png", fails)
    bundle = explorer._repr_mimebundle_()
    assert bundle is not None
    assert "application/vnd.jupyter.widget-view+json" in bundle[0]
    assert "image/png" not in bundle[0]
    assert "no fonts" in caplog.text


def test_result_waits_no_longer_than_its_limit(explorer: PatchExplorer) -> None:
    gate = Gate(explorer.experiment)
    click(explorer, "L1.H2")
    assert gate.reached.wait(60)
    explorer.wait_limit = 0.1
    try:
        for name in ("result", "history"):
            with pytest.raises(pw.errors.WaitError, match=r"L1.H2 has no answer after 0\.1 s"):
                getattr(explorer, name)
    finally:
        gate.open()
    explorer.wait_limit = 60
    assert len(explorer.history) == 1


def test_clicks_from_two_threads_leave_the_traits_at_the_newest(explorer: PatchExplorer) -> None:
    """Setting the traits for an older click must not ask for that click again."""
    for i in range(20):
        sites = (f"L1.H{i % 4}", f"L0.H{i % 3}")
        threads = [threading.Thread(target=click, args=(explorer, site)) for site in sites]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert explorer._session.wait(60)
        assert explorer.selection == explorer._session.latest.sites
        assert explorer._session.latest.id == 7


# ---- what is chosen from Python, and follows clicks ---------------------------------------------


@pytest.mark.parametrize(
    ("sites", "position"),
    [
        (["L1.H2@X"], "X"),
        (["L1.H2@3", "L0.mlp_out@3"], 3),
        (["L1.H2@-1"], 4),
        (["L1.H2@1:3"], "1:3"),
        (["L1.H2"], "all"),
    ],
)
def test_the_position_follows_what_is_patched(
    explorer: PatchExplorer, sites: list[str], position: Any
) -> None:
    explorer.position = 2
    click(explorer, *sites)
    assert explorer.position == position
    explorer.position = 2
    explorer.selection = sites
    assert explorer.position == position


def test_sites_at_several_positions_leave_the_position(explorer: PatchExplorer) -> None:
    explorer.position = 2
    click(explorer, "L1.H2@3", "L0.H1")
    assert explorer.position == 2


def test_a_position_chosen_in_the_page_is_known(explorer: PatchExplorer) -> None:
    explorer._receive(explorer, {"v": 1, "kind": "position", "id": 8, "position": "X"}, [])
    assert explorer.position == "X"
    assert explorer.sent[-1] == {"v": 1, "kind": "ack", "id": 8}  # type: ignore[attr-defined]
    explorer._receive(explorer, {"v": 1, "kind": "position", "id": 9, "position": 99}, [])
    assert explorer.position == "X"
    assert explorer.sent[-1]["code"] == "SiteError"  # type: ignore[attr-defined]


def test_a_position_set_in_python_moves_what_is_patched(explorer: PatchExplorer) -> None:
    explorer.selection = ["L1.H2", "L0.mlp_out"]
    explorer.position = "X"
    assert explorer.selection == ["L1.H2@X", "L0.mlp_out@X"]
    assert explorer.result is not None
    assert explorer.result.sites == ("L1.H2@X", "L0.mlp_out@X")
    explorer.position = "all"
    assert explorer.selection == ["L1.H2", "L0.mlp_out"]


@pytest.mark.parametrize(
    ("position", "says"),
    [
        ("zz", "names no position 'zz'.*Expected 'all', an index from 0 to 4, a name \\(X\\)"),
        (99, "Position 99 is out of range.*Expected 'all'"),
        (True, "Expected a position"),
        (2.5, "Expected a position"),
        ("3:9:1", "neither a number"),
    ],
)
def test_a_position_that_is_not_there_is_refused(
    explorer: PatchExplorer, position: Any, says: str
) -> None:
    with pytest.raises(pw.errors.SiteError, match=f"(?s){says}"):
        explorer.position = position
    assert explorer.position == "all"


def test_pairs_and_fields_are_checked(explorer: PatchExplorer) -> None:
    assert (explorer.pair, explorer.field) == ("mean", "total")
    explorer.pair, explorer.field = 0, "L1.H2.q"
    assert (explorer.pair, explorer.field) == (0, "L1.H2.q")
    with pytest.raises(pw.errors.TaskError, match="'mean', or a pair from 0 to 0; got 1"):
        explorer.pair = 1
    with pytest.raises(pw.errors.SiteError, match="'total', 'direct', 'estimate', or a receiver"):
        explorer.field = "attribution"
    with pytest.raises(pw.errors.SiteError, match="layer 9 is out of range"):
        explorer.field = "L9.H2.q"
    assert (explorer.pair, explorer.field) == (0, "L1.H2.q")


def test_select_sets_several_at_once_and_asks_once(explorer: PatchExplorer) -> None:
    seen: list[str] = []
    explorer.observe(lambda change: seen.append(change["name"]))
    explorer.select("L1.H2@X", pw.Site.parse("L0.H1@X"), direction="noise", metric="kl")
    assert explorer.result is not None
    assert explorer.result.sites == ("L1.H2@X", "L0.H1@X")
    assert next(iter(explorer.result.readings)) == "kl"
    assert len(explorer.history) == 1
    assert set(seen) == {"selection", "direction", "metric", "position"}
    explorer.select()
    assert explorer.selection == []


def test_select_takes_patches_with_sources_of_their_own(explorer: PatchExplorer) -> None:
    frozen = pw.Patch("L1.KV1.k@X", "host")
    explorer.select("L0.H1@X", frozen)
    assert explorer.selection == ["L0.H1@X", "L1.KV1.k@X"]
    frozen_effect = explorer.experiment.patch("L0.H1@X", frozen).effect
    assert explorer.result.effect == pytest.approx(frozen_effect, abs=1e-5)
    assert abs(frozen_effect - explorer.experiment.patch("L0.H1@X", "L1.KV1.k@X").effect) > 1e-3
    assert "pw.Patch('L1.KV1.k@X', source='host')" in explorer.to_code()
    assert len(explorer.history) == 1


def test_sources_of_their_own_stay_with_another_metric_direction_and_position(
    explorer: PatchExplorer,
) -> None:
    explorer.select("L0.H1@X", pw.Patch("L1.KV1.k@X", "host"))
    explorer.metric = "kl"
    explorer.direction = "noise"
    assert [patch.source for patch in explorer.result.patches] == ["source", "host"]
    explorer.position = 1
    assert explorer.selection == ["L0.H1@1", "L1.KV1.k@1"]
    assert [patch.source for patch in explorer.result.patches] == ["source", "host"]
    explorer.select("L0.H1", pw.Patch("L1.H2", pw.sources.zero()), direction="denoise")
    assert explorer.direction == "denoise"
    assert explorer.result.patches[1].source == pw.sources.zero()
    explorer.select("L0.H1", "L1.H2")
    assert [patch.source for patch in explorer.result.patches] == ["source", "source"]


def test_select_refuses_patches_that_are_no_data(explorer: PatchExplorer) -> None:
    explorer.select("L1.H2")
    with pytest.raises(pw.errors.PatchError, match=r"has a function; .* exp.patch\(\) takes any"):
        explorer.select(pw.Patch("L0.H1", fn=lambda host, source: host))
    with pytest.raises(
        pw.errors.PatchError, match=r"at L0\.H1 brings a tensor or a Run; the explorer takes"
    ):
        explorer.select(pw.Patch("L0.H1", explorer.experiment.clean))
    assert explorer.selection == ["L1.H2"]


def test_a_selection_that_is_refused_changes_nothing(explorer: PatchExplorer) -> None:
    explorer.select("L1.H2")
    with pytest.raises(pw.errors.MetricError):
        explorer.select("L0.H0", direction="noise", metric="loss")
    with pytest.raises(pw.errors.SiteError):
        explorer.select("L9.H0", direction="noise")
    with pytest.raises(pw.errors.PatchError, match="got positon"):
        explorer.select("L0.H0", positon=3)
    assert (explorer.selection, explorer.direction) == (["L1.H2"], "denoise")
    assert len(explorer.history) == 1


def test_the_history_is_a_list_and_a_table(explorer: PatchExplorer) -> None:
    assert list(explorer.history.to_frame().columns)[:3] == ["sites", "direction", "metric"]
    explorer.select("L1.H2", "L0.mlp_out@X")
    assert explorer.result is not None
    explorer.select("L1.H2", direction="noise", metric="kl")
    history = explorer.history
    assert isinstance(history, list)
    frame = history.to_frame()
    assert frame["sites"].tolist() == ["L1.H2 + L0.mlp_out@X", "L1.H2"]
    assert frame["direction"].tolist() == ["denoise", "noise"]
    assert frame["metric"].tolist() == ["logit_diff", "kl"]
    for name in ("value", "effect", "share", "recovery", "seconds"):
        expected = [getattr(result, name) for result in history]
        assert frame[name].tolist() == pytest.approx(expected, nan_ok=True)
    assert frame["kl"].tolist() == [result["kl"].value for result in history]


def test_inside_of_other_widgets(explorer: PatchExplorer) -> None:
    import ipywidgets

    box = ipywidgets.HBox([explorer])
    assert box.children == (explorer,)
    made = ipywidgets.interactive(
        lambda site, direction: explorer.select(site, direction=direction),
        site=["L1.H2", "L0.H1"],
        direction=["denoise", "noise"],
    )
    made.update()
    made.children[0].value = "L0.H1"
    assert explorer.selection == ["L0.H1"]
    assert explorer.result is not None
