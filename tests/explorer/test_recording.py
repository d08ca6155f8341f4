"""What a saved page answers from: the numbers of `Experiment.patch`, rounded as it says, and lines that run."""

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.explorer import shown_pair
from patchwidgets.explorer.code import with_model
from patchwidgets.explorer.recording import recorded
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.explorer.single_sites import COMPONENTS, STEPS, recorded_pairs, sites_of
from patchwidgets.explorer.views import Views
from patchwidgets.facade import Experiment
from tests.support.sweeps import several_pairs
from tests.support.toy_models import make_model

LINES = json.loads(
    (Path(__file__).parents[2] / "js/test/comm/python-lines.json").read_text(encoding="utf-8")
)


class File:
    """A recording as the page reads it."""

    def __init__(self, experiment: Experiment, components: Any = COMPONENTS) -> None:
        metric = next(iter(experiment.metrics))
        shown = PatchRequest(0, (), "denoise", metric)
        content = gzip.decompress(recorded(Views(experiment), shown, [], components))
        end = 4 + int.from_bytes(content[:4], "little")
        self.data = json.loads(content[4:end])
        ends = end + np.cumsum([0, *self.data["blobs"]])
        self._blobs = [content[a:b] for a, b in pairwise(ends)]

    def blob(self, number: int, dtype: str) -> np.ndarray:
        return np.frombuffer(self._blobs[number], dtype)

    def of(self, direction: str, site: str, pair: Any) -> dict[str, Any]:
        """All that the page has of a site."""
        singles = self.data["singles"]
        of = singles["directions"][direction]
        row, n = of["sites"].index(site), len(of["sites"])
        number = [view["pair"] for view in singles["views"]].index(pair)
        view = of["views"][number]
        values = self.blob(view["values"], "<f8").reshape(n, -1)[row]
        steps = np.array([*singles["steps"], *[np.nan] * (256 - len(singles["steps"]))])
        reach = steps[self.blob(view["reach"], "u1").reshape(2, n, -1)[:, row]]
        tokens, (top, compared) = singles["tokens"], view["scores"][row]
        unpatched = singles["views"][number]["unpatched"]
        bounds = {
            name: self.blob(each["bounds"], "<f8").reshape(2, n)[:, row]
            for name, each in (of["intervals"] or {}).items()
        }
        return {
            "values": dict(zip(singles["metrics"], values, strict=True)),
            "reach": reach,
            "top": [(tokens[i], *scores) for i, *scores in top],
            "compared": [(tokens[i], *scores, *unpatched[i]) for i, *scores in compared],
            "bounds": bounds,
        }


@pytest.fixture(scope="module")
def names() -> Experiment:
    task = pw.Task(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
        " Mary",
        " John",
    )
    return Experiment(pw.load(), task)


@pytest.fixture(scope="module")
def pairs() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff", "kl", "rank"])


def check(file: File, experiment: Experiment, direction: Any, site: str, pair: Any) -> None:
    result = Views(experiment).of(direction, "kl")
    result = Experiment.patch(result, site)  # type: ignore[arg-type]
    found, shown = file.of(direction, site, pair), shown_pair.number_of(experiment, pair)
    for name, reading in result.readings.items():
        value = shown_pair.of_pair(reading, experiment, pair).value
        assert found["values"][name] == pytest.approx(value, abs=1e-4), (site, name)
    reach = result.reach(pair=shown)
    for k, by_component in enumerate((reach.along, reach.size)):
        exact = np.concatenate([each.ravel() for each in by_component.values()])
        assert np.array_equal(np.isnan(found["reach"][k]), np.isnan(exact))
        off = np.abs(found["reach"][k] - exact)
        inside = (exact > -0.3) & (exact < 1.5)
        assert np.nanmax(off[inside], initial=0) <= 0.0055
        assert np.nanmax(off[~inside] / np.abs(exact[~inside]), initial=0) <= 0.09
        assert ((exact == 0) == (found["reach"][k] == 0)).all()
    top = [(each.token, each.logit, each.prob) for each in result.run_tokens(5, shown)]
    assert [each[0] for each in found["top"]] == [each[0] for each in top]
    assert np.allclose(
        [each[1:] for each in found["top"]], [each[1:] for each in top], rtol=2e-4, atol=1e-4
    )
    rows = [
        (
            row.token,
            *(x for run in (row.patched, row.clean, row.corrupted) for x in (run.logit, run.prob)),
        )
        for row in result.top_tokens(5, shown)
    ]
    assert {each[0] for each in found["compared"]} == {each[0] for each in rows}
    by_token = {token: scores for token, *scores in found["compared"]}
    for token, *scores in rows:
        assert np.allclose(by_token[token], scores, rtol=2e-4, atol=1e-4)


SITES = [
    "L0.H1",
    "L1.H2",
    "L3.H3",
    "L1.mlp_out",
    "L1.mlp_out@9",
    "L2.attn_out@14",
    "L0.resid_pre@9",
]


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_single_sites_are_patches(names: Experiment, direction: Any) -> None:
    file = File(names)
    for site in [*SITES, "L1.mlp_out@0"]:
        check(file, names, direction, site, "mean")


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_a_small_dataset_has_every_pair(pairs: Experiment, direction: Any) -> None:
    file = File(pairs)
    for pair in ("mean", 0, 2):
        for site in ("L0.H1", "L1.mlp_out", "L2.resid_pre"):
            check(file, pairs, direction, site, pair)
    result = pairs.turned(direction).patch("L1.mlp_out")
    over = shown_pair.over_pairs(result["kl"])
    found = file.of(direction, "L1.mlp_out", "mean")["bounds"]["kl"]
    assert np.allclose(found, np.array([over["low"], over["high"]], dtype=float), equal_nan=True)


def test_a_large_dataset_has_its_mean_and_the_shown_pair(pairs: Experiment) -> None:
    n_sites = len(sites_of(pairs, COMPONENTS))
    assert recorded_pairs(pairs, "mean", n_sites) == ["mean", 0, 1, 2]
    assert recorded_pairs(pairs, 1, 10**6) == ["mean", 1]
    assert recorded_pairs(pairs, "mean", 10**6) == ["mean"]
    many = pw.Experiment(pw.load(), pw.tasks.addition(n=9, seed=0))
    assert recorded_pairs(many, 4, 10) == ["mean", 4]


def test_components_are_chosen(names: Experiment) -> None:
    sites = File(names, ["mlp_out"]).data["singles"]["directions"]["noise"]["sites"]
    assert sites[:2] == ["L0.mlp_out", "L0.mlp_out@0"]
    assert len(sites) == 4 * 16
    assert File(names, []).data["singles"] is None


def test_rounding_is_as_said() -> None:
    assert len(STEPS) <= 255
    assert np.diff(STEPS)[(STEPS[:-1] >= -0.3) & (STEPS[:-1] < 1.5)].max() <= 0.0101


@pytest.mark.parametrize("line", [line for _, line in LINES if line != "exp.explore()"])
def test_the_lines_of_the_page_run(names: Experiment, line: str) -> None:
    """What `js/src/comm/recorded-python.ts` writes is valid, and computes something."""
    known = {"pw": pw, "exp": names, "model": names.model}
    *statements, last = line.split("; ")
    for statement in statements:
        exec(statement, known)
    if last.startswith("exp = "):
        exec(last, known)
        assert known["exp"] is not names
    else:
        assert eval(last, known) is not None


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("teaching model", "model = pw.load()"),
        ("SmolLM2-135M-Instruct (from Q4_1)", "model = pw.load('smollm2')"),
        ("org/it's", 'model = pw.load("org/it\'s")'),
        ("mine\nimport os", r"# model: 'mine\nimport os', from pw.load or pw.wrap."),
    ],
)
def test_a_reader_without_a_model_learns_which_it_was(name: str, line: str) -> None:
    code = with_model("import patchwidgets as pw\n\ntask = …", name)
    assert code == f"import patchwidgets as pw\n\n{line}\ntask = …"


def test_a_page_knows_what_exp_is_outside_of_it(names: Experiment) -> None:
    def mine(readout: Any) -> Any:
        return readout.logits[:, 0]

    exp = names.measuring([mine, "kl"]).flip()
    found = File(exp, []).data["experiment"]
    assert (found["direction"], found["metric"]) == ("noise", "mine")
    assert found["metrics"]["mine"] == "exp.metrics['mine']"
    assert found["metrics"]["kl"] == "'kl'"
    for name, written in found["metrics"].items():
        measuring = eval(f"exp.measuring({written})", {"exp": exp})
        assert list(measuring.metrics) == [name]


def test_where_a_copy_certainly_changes_nothing(names: Experiment, pairs: Experiment) -> None:
    (alone,) = File(names).data["singles"]["views"]
    assert alone["zero"] == {"before": 10, "after": 14}
    for metric, last in (("kl", 14), ("logit_diff", 14)):
        inside = names.measuring(metric)
        (inner,) = File(inside, ["z"]).data["singles"]["views"]
        assert inner["zero"] == {"before": 10, "after": last}
        assert inside.patch("L1.H2@9").effect == 0
    views = File(pairs, ["z"]).data["singles"]["views"]
    assert [view["zero"] for view in views] == [
        {"before": 1, "after": None},
        {"before": 1, "after": 4},
        {"before": 3, "after": 4},
        {"before": 2, "after": 6},
    ]


def test_counterparts_elsewhere_are_no_certain_zero() -> None:
    moved = pw.Task("w3 w14 w15", "w3 w3 w14 w42", " w8", " w9", align=[(0, 1), (1, 2), (2, 3)])
    experiment = Experiment(make_model("llama"), moved, "kl")
    (view,) = File(experiment, ["z"]).data["singles"]["views"]
    assert view["zero"] == {"before": 0, "after": None}
