"""The view as lines of Python: executed, they give the numbers of the result; what they cannot hold they name."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import patchwidgets as pw
from patchwidgets.directions import Direction
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.code import code_of
from patchwidgets.facade import Experiment
from patchwidgets.metrics import METRICS, Metric, Readout
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import Page
from tests.support.rounding import ROUNDING
from tests.support.toy_tokenizer import toy_tokenizer
from tests.support.unequal_prompts import ALIGN, CLEAN, CORRUPTED, unequal_task

PAIR = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"S2": 2})
TWO = Task(["w3 w14", "w5 w6"], ["w3 w15", "w5 w7"], [" w8", " w9"], " w10", {"S2": [1, -1]})


@pytest.fixture(scope="module")
def model() -> Model:
    """Its tokenizer has a beginning token and a chat template."""
    tokenizer = toy_tokenizer(VOCABULARY)
    tokenizer.bos_token = "w1"
    tokenizer.chat_template = "{{ 'w20 ' + messages[0]['content'] + ' w21' }}"
    return Model(random_model("llama"), tokenizer, "toy")


def assert_gives_the_numbers(
    model: Model,
    task: Task,
    *patches: str | Patch,
    metric: Any = "logit_diff",
    direction: Direction = "denoise",
    **variables: Any,
) -> str:
    """Execute the code of some patches in a new namespace and compare its result with theirs; returns the code."""
    experiment = Experiment(model, task, metric, direction)
    (measured,) = experiment.metrics.values()
    code = code_of(task, measured, direction, [Patch.of(patch) for patch in patches])
    assert_same(executed(code, model, **variables), experiment.patch(*patches))
    return code


def executed(code: str, model: Model, **variables: Any) -> PatchResult:
    scope: dict[str, Any] = {"model": model} | variables
    exec(code, scope)
    result: PatchResult = scope["r"]
    return result


def assert_same(found: PatchResult, expected: PatchResult, off: float = 0.0) -> None:
    """The first metric, over all pairs and pair by pair, to the last bit, or to `off`."""
    assert found.experiment.direction == expected.experiment.direction
    for name in ("value", "effect", "share", "recovery"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=off, nan_ok=True)
        single = getattr(found.per_pair, name), getattr(expected.per_pair, name)
        assert single[0] == pytest.approx(single[1], rel=off, abs=off, nan_ok=True)


# ---- what can be written ---------------------------------------------------------------------


def test_the_lines_of_one_pair(model: Model) -> None:
    code = assert_gives_the_numbers(model, PAIR, "L1.H2@S2", metric="kl@S2", direction="noise")
    assert code.splitlines() == [
        "import patchwidgets as pw",
        "",
        "task = pw.Task(",
        "    clean='w3 w14 w15 w9 w26',",
        "    corrupted='w3 w14 w42 w9 w26',",
        "    answer=' w8',",
        "    foil=' w9',",
        "    positions={'S2': 2},",
        ")",
        "exp = pw.Experiment(model, task, metric='kl@S2', direction='noise')",
        "r = exp.patch('L1.H2@S2')",
        "r.value, r.effect, r.share, r.recovery",
    ]


PATCHES: list[Sequence[str | Patch]] = [
    (),
    ("L1.H2",),
    ("L1.KV1.v@2", "L0.mlp_out@S2", "L2.N3@-1", "embed@1:"),
    (Patch("L1.H2", "clean"), Patch("L0.mlp_out", "host")),
    (Patch("L1.H2@S2", "corrupted"),),
]


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("patches", PATCHES, ids=lambda patches: f"{len(patches)} patches")
@pytest.mark.parametrize("task", [PAIR, TWO], ids=["one pair", "two pairs"])
def test_patches_and_their_sources(
    model: Model, task: Task, patches: Sequence[str | Patch], direction: Direction
) -> None:
    if task is TWO:
        patches = [patch for patch in patches if "@2" not in str(getattr(patch, "site", patch))]
    assert_gives_the_numbers(model, task, *patches, direction=direction)


@pytest.mark.parametrize("metric", [*METRICS, "kl@S2", "rank@:", "logit_diff@-1"])
def test_every_metric_by_name(model: Model, metric: str) -> None:
    code = assert_gives_the_numbers(model, TWO, "L0.resid_pre@S2", metric=metric)
    assert f"metric={metric!r}" in code


def test_what_is_as_by_default_is_left_out(model: Model) -> None:
    task = Task("w3 w14", "w3 w15", (" w8", " w10"))
    code = assert_gives_the_numbers(model, task, "L1.H2", metric="answer_prob")
    assert "task = pw.Task(clean='w3 w14', corrupted='w3 w15', answer=(' w8', ' w10'))" in code


def test_a_beginning_token_and_a_chat_template(model: Model) -> None:
    for changes in ({"bos": True}, {"bos": False}, {"chat": True}, {"bos": True, "chat": True}):
        task = replace(PAIR, **changes)  # type: ignore[arg-type]
        code = assert_gives_the_numbers(model, task, "L1.H2@S2")
        assert all(f"    {name}={value}," in code for name, value in changes.items())
    (plain, longer) = (Experiment(model, replace(PAIR, chat=chat)) for chat in (False, True))
    assert len(longer.pairs[0]) == len(plain.pairs[0]) + 2


def test_maps_of_counterparts(model: Model) -> None:
    assert "align=((0, 0), (1, 1), (3, 4)" in assert_gives_the_numbers(
        model, unequal_task(), "L1.H2", "L0.mlp_out@X", direction="noise"
    )
    same = "w3 w14 w42 w9 w26 w5"
    dataset = Task([CLEAN, CLEAN], [CORRUPTED, same], " w8", " w9", align=[ALIGN, None])
    assert_gives_the_numbers(model, dataset, "L1.H2")


def test_a_dataset_from_a_file(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "task.csv"
    path.write_text(
        "clean,corrupted,answer,foil,@S2,@word\nw3 w14 w2,w3 w15 w2, w8| w11, w9,1,w14\n"
        "w5 w6,w5 w7, w9, w10,-1,w6\n"
    )
    for site in ("L1.H2@S2", "L1.H2@word", "L0.mlp_out"):
        code = assert_gives_the_numbers(model, Task.from_csv(path), site)
    assert "answer=[(' w8', ' w11'), ' w9']" in code
    assert "'word': ['w14', 'w6']" in code


def test_a_dataset_from_a_frame_with_numbers_of_numpy(model: Model) -> None:
    """Position 1 as a text would be the last token of the last "1": that of w14 or w15, at another place."""
    columns = {"clean": ["w3 w6 w14", "w5 w6 w15"], "corrupted": ["w3 w7 w14", "w5 w7 w15"]}
    frame = pd.DataFrame(columns | {"answer": [" w8", " w9"], "foil": " w10"})
    frame["@S2"] = pd.Series([np.int64(1), np.int64(1)], dtype=object)
    frame["@end"] = np.array([-1, -1], dtype=np.int32)
    code = assert_gives_the_numbers(model, Task.from_frame(frame), "L1.H2@S2", metric="kl@end")
    assert "positions={'S2': [1, 1], 'end': [-1, -1]}" in code
    task = replace(PAIR, positions={"S2": np.argmax([0, 0, 1])})
    code = assert_gives_the_numbers(model, task, "L1.H2@S2")
    assert_same(executed(code, model), Experiment(model, PAIR).patch("L1.H2@2"))


@pytest.mark.parametrize("text", ["it's", 'a "quoted" word', "a\\n\n\tb", "日本 👩‍🚀", "{x} % #"])
def test_prompts_of_any_text(text: str) -> None:
    task = Task(f"{text} w3", f"{text} w4", text, text, {"S2": text})
    scope: dict[str, Any] = {}
    lines = code_of(task, METRICS["kl"], "denoise", []).split("exp = ")[0]
    exec(lines, scope)
    assert scope["task"] == task


# ---- what cannot be written ------------------------------------------------------------------


def first_logit(readout: Readout) -> torch.Tensor:
    return readout.logits[:, 0]


@pytest.mark.parametrize("task", [PAIR, TWO], ids=["one pair", "two pairs"])
@pytest.mark.parametrize("pos", [None, "S2", -1, (0, 2), "1:"])
def test_a_metric_of_your_own(model: Model, task: Task, pos: Any) -> None:
    metric = first_logit if pos is None else pw.At(first_logit, pos)
    code = assert_gives_the_numbers(
        model, task, "L0.resid_pre", metric=metric, first_logit=first_logit
    )
    assert "# first_logit: your own metric. It is a function, which cannot be written here." in code
    written = {None: "first_logit", (0, 2): "pw.At(first_logit, '0:2')"}
    assert f"metric={written.get(pos, f'pw.At(first_logit, {str(pos)!r})')}," in code
    with pytest.raises(NameError, match="first_logit"):
        executed(code, model)


def test_a_metric_without_a_name_of_its_own(model: Model) -> None:
    nameless: Callable[[Readout], torch.Tensor] = lambda readout: readout.logits[:, 1]  # noqa: E731
    experiment = Experiment(model, PAIR, nameless)
    (measured,) = experiment.metrics.values()
    code = code_of(PAIR, measured, "denoise", [Patch("L1.H2")])
    assert "# metric: your own metric" in code
    assert_same(executed(code, model, metric=nameless), experiment.patch("L1.H2"))


@pytest.mark.parametrize("name", ["task", "exp", "model", "pw", "r"])
def test_a_metric_with_the_name_of_one_of_our_variables(model: Model, name: str) -> None:
    def mine(readout: Readout) -> torch.Tensor:
        return readout.logits[:, 1]

    mine.__name__ = name
    experiment = Experiment(model, PAIR, mine)
    (measured,) = experiment.metrics.values()
    code = code_of(PAIR, measured, "denoise", [Patch("L1.H2")])
    assert_same(executed(code, model, metric=mine), experiment.patch("L1.H2"))


def test_a_function_of_ours_as_a_metric_of_your_own(model: Model) -> None:
    """As a callable it has a mean over pairs, and by its name the median."""
    task = Task(["w3 w14", "w5 w6", "w7 w8"], ["w3 w15", "w5 w7", "w7 w9"], " w8", " w10")
    code = assert_gives_the_numbers(
        model, task, "L0.resid_pre", metric=METRICS["rank"].function, rank=METRICS["rank"].function
    )
    assert "# rank: your own metric" in code
    own = Metric("mine", first_logit, "mine", "logits", lower_is_better=True)
    assert_gives_the_numbers(model, task, "L1.H2", metric=own, mine=own)


def test_sources_and_functions_of_your_own(model: Model) -> None:
    run, tensor = model.run("w9 w8 w7 w6 w5"), torch.ones(8)

    def halfway(host: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return (host + source) / 2

    lone = Patch("L1.H2", run)
    code = assert_gives_the_numbers(model, PAIR, lone, source=run)
    assert "# source: the Run that was patched in, which cannot be written here." in code
    joint = ["L2.H0", Patch("L1.H2@S2", tensor, halfway), Patch("L0.H1", "host", fn=halfway)]
    code = assert_gives_the_numbers(
        model, PAIR, *joint, source_2=tensor, fn_2=halfway, fn_3=halfway
    )
    assert [line for line in code.splitlines() if line.startswith("#")] == [
        "# source_2: the Tensor that was patched in, which cannot be written here.",
        "# fn_2: the function of the patch, which cannot be written here.",
        "# fn_3: the function of the patch, which cannot be written here.",
    ]
    assert "    pw.Patch('L1.H2@S2', source=source_2, fn=fn_2)," in code
    assert "    pw.Patch('L0.H1', source='host', fn=fn_3)," in code


def test_ablations_are_written_as_they_are_made(model: Model) -> None:
    sources, other = pw.sources, Task(["w3 w14"] * 2, ["w3 w15"] * 2, " w8", " w9", {"S2": 1})
    patches = [
        Patch("L1.H2@S2", sources.zero()),
        Patch("L2.H0", sources.mean(per=None)),
        Patch("L0.H1@S2", sources.mean(other, per="pos_name", run="corrupted")),
        Patch("L0.H2@-1", sources.mean(TWO, per="pos_name")),
        Patch("L1.H0@-1", sources.resample(n=2)),
        Patch("embed@S2", sources.noise(n=2, scale=1.5)),
        Patch("L2.H1", sources.at("L1.H1@-1", run="clean")),
        Patch("L2.H3.pattern@-1", sources.cut(0)),
    ]
    code = assert_gives_the_numbers(model, TWO, *patches)
    assert "# " not in code
    assert "pw.Patch('L1.H2@S2', source=pw.sources.zero())" in code
    assert "of_3 = pw.Task(" in code
    assert "pw.sources.mean(of=task, per='pos_name')" in code
    assert f"pw.sources.resample(n=2, seed={patches[4].source.seed})" in code


def test_what_an_ablation_holds_is_a_variable(model: Model) -> None:
    sources, run, vector = pw.sources, model.run("w9 w8 w7 w6 w5"), torch.ones(8)
    code = assert_gives_the_numbers(
        model, PAIR, Patch("L1.H2", sources.steer(vector, alpha=2.0)), vector=vector
    )
    assert "# vector: the Tensor of the source, which cannot be written here." in code
    assert "source=pw.sources.steer(vector, alpha=2.0)" in code
    patches = [
        Patch("L1.H2", sources.mean(run)),
        Patch("L2.H2@-1", sources.at("L1.H2@2", run=run)),
    ]
    code = assert_gives_the_numbers(model, PAIR, *patches, of_1=run, run_2=run)
    assert "# of_1: the Run of the source" in code


# ---- as it is asked for ----------------------------------------------------------------------


def test_a_page_asks_for_the_code_of_its_view(model: Model) -> None:
    experiment = Experiment(model, TWO, ["logit_diff", pw.At(first_logit, "S2")])
    page = Page(experiment)
    patches = [{"site": "L1.H2.z", "source": "clean"}, {"site": "L0.mlp_out@S2", "source": "host"}]
    for number, metric in enumerate(("kl", "first_logit@S2"), 1):
        asked = {"patches": patches, "direction": "noise", "metric": metric}
        page.say("code", number, **asked)
        assert page.kinds(number) == ["code"]
        page.say("patch", number, **asked)
        page.wait()
        result = executed(page.last("code")["code"], model, first_logit=first_logit)
        reading = page.last("result")["readings"][metric]
        assert result.value == pytest.approx(reading["value"], abs=1e-5)
        assert result.effect == pytest.approx(reading["effect"], abs=1e-5)
        assert_same(result, page.session.history[-1], ROUNDING)


def test_code_is_not_written_for_what_cannot_be_patched(model: Model) -> None:
    page = Page(Experiment(model, PAIR))
    for number, (site, metric) in enumerate((("L9.H9", "kl"), ("L1.H2", "loss"))):
        patches = [{"site": site, "source": "source"}]
        page.say("code", number, patches=patches, direction="denoise", metric=metric)
        assert page.kinds(number) == ["error"]


def test_the_widget_gives_the_code_of_what_it_shows(model: Model) -> None:
    experiment = Experiment(model, TWO, [pw.At(first_logit, "S2"), "kl@S2"])
    widget = experiment.explore("L1.H2@S2", "L0.mlp_out")
    assert widget.result is not None
    assert_same(executed(widget.to_code(), model, first_logit=first_logit), widget.result, ROUNDING)
    widget.direction, widget.metric = "noise", "kl@S2"
    assert_same(executed(widget.to_code(), model), widget.result, ROUNDING)
    assert widget.result.experiment.direction == "noise"
    widget.selection = []
    assert "r = exp.patch()" in widget.to_code()
    widget.close()
