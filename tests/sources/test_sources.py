"""Sources as data: what they say, what they refuse, how they are written as JSON and read again."""

import json
from typing import Any

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError, TaskError
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch, Site
from patchwidgets.sources.source import draws_of
from tests.support.unequal_prompts import unequal_pairs, unequal_task

S = pw.sources
DATA = [
    S.zero(),
    S.mean(),
    S.mean(per=None, run="clean"),
    S.mean(unequal_pairs(), per="pos_name"),
    S.resample(n=3, seed=7),
    S.resample(unequal_task(), seed=2**40, run="corrupted"),
    S.noise(seed=1),
    S.noise(scale=0.5, n=2, seed=0),
    S.at("L1.H2"),
    S.at("L12.resid_pre@S2", run="clean"),
    S.cut("S2", -1, "3:", (1, 4)),
    S.cut(0, renormalise=False),
    S.steer("clean - corrupted", alpha=-0.5),
    "host",
    "clean",
]


@pytest.mark.parametrize("source", DATA, ids=str)
def test_what_is_data_survives_json(source: Any) -> None:
    text = S.to_json(source)
    if "Task" not in str(source):  # a task comes back with its fields written out for every pair
        assert S.from_json(text) == source
    assert S.to_json(S.from_json(text)) == text
    json.loads(text)


@pytest.mark.parametrize("source", [each for each in DATA if "<" not in str(each)], ids=str)
def test_a_source_prints_as_the_code_that_makes_it(source: Any) -> None:
    assert eval(repr(source), {"pw": pw}) == source


def test_texts() -> None:
    assert S.to_json(S.resample(n=4, seed=3)) == '{"kind": "resample", "n": 4, "seed": 3}'
    assert repr(S.mean(per=None)) == "pw.sources.mean(per=None)"
    assert str(S.mean(unequal_task(), "pos_name")) == "mean(of=<Task>, per='pos_name')"
    assert str(S.cut("S2", (None, 3), renormalise=False)) == "cut('S2', ':3', renormalise=False)"
    assert str(S.steer([1.0, 2.0], 3)) == "steer(<Tensor>, alpha=3)"


def test_a_seed_is_kept_and_each_source_without_one_gets_its_own() -> None:
    assert S.noise(seed=5) == S.noise(seed=5)
    assert len({S.noise().seed for _ in range(5)} | {S.resample().seed for _ in range(5)}) == 10
    source = S.resample()
    assert f"seed={source.seed}" in str(source)


def test_a_tensor_or_a_run_is_no_data(toy: Model) -> None:
    with pytest.raises(PatchError, match=r"steer\(\), which holds a tensor, is no data"):
        S.to_json(S.steer(torch.ones(8)))
    run = toy.run("w1 w2")
    for source in (S.mean(run), S.resample(run, seed=0), S.at("L1.H2", run=run)):
        with pytest.raises(PatchError, match="reads a Run, which is no data; give it the task"):
            S.to_json(source)
    with pytest.raises(PatchError, match="A tensor or Run is no data"):
        S.to_json(torch.ones(2))  # type: ignore[arg-type]


def test_the_vector_is_a_copy() -> None:
    vector = torch.ones(3)
    source = S.steer(vector)
    vector.fill_(7)
    assert source.vector.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: S.mean("corrupted"), PatchError, r"expected a Task, a Run, .*\(run='corrupted'\)"),
        (lambda: S.resample(3), PatchError, r"resample\(of=3\): expected a Task"),
        (lambda: S.mean(per="layer"), PatchError, "expected 'pos' .* 'pos_name' .* or None"),
        (lambda: S.mean(run="dirty"), PatchError, "expected one of 'host', 'source', 'clean'"),
        (lambda: S.resample(n=0), PatchError, "n is 0; expected a number of draws, at least 1"),
        (lambda: S.noise(seed=-1), PatchError, "seed is -1; expected a whole number from 0"),
        (lambda: S.noise(seed=1.5), PatchError, "seed is 1.5"),
        (lambda: S.noise(scale=0), PatchError, "scale is 0; expected a number above 0"),
        (lambda: S.noise(scale=float("nan")), PatchError, "scale is nan; expected a finite number"),
        (lambda: S.steer([1.0], float("inf")), PatchError, "alpha is inf; expected a finite"),
        (lambda: S.steer("up"), PatchError, "steer.* is 'up'; expected a tensor or an array"),
        (lambda: S.at("L1"), SiteError, "lacks a component"),
        (lambda: S.at("L1.H2", run=3), PatchError, r"at\(run=3\): expected one of .*, or a Run"),
        (lambda: S.at("L1.H2.q@3"), PatchError, r"leave the position out, as in at\('L1.H2.q'\)"),
        (S.cut, PatchError, r"cut\(\) cuts nothing; name one or more keys"),
        (lambda: S.cut(1.5), PatchError, r"cut\(1.5\): expected a position, as in cut\(9\)"),
        (lambda: S.cut("a b"), SiteError, "neither a number, a range such as 3:7, nor a name"),
        (lambda: S.cut(1, renormalise=2), PatchError, "renormalise is 2; expected True or False"),
        (lambda: S.from_json("{"), PatchError, "is no source: it is no JSON"),
        (lambda: S.from_json("3"), PatchError, "3 is no source; expected one of host, source"),
        (lambda: S.from_json('{"kind": "nil"}'), PatchError, "a kind out of zero, mean"),
        (lambda: S.from_json('{"kind": "steer"}'), PatchError, "data is 'clean - corrupted'"),
        (lambda: S.from_json('{"kind": "zero", "n": 1}'), PatchError, r"zero\(\) takes no arg"),
        (lambda: S.from_json('{"kind": "mean", "of": {}}'), TaskError, r"mean\(of=...\)"),
        (lambda: S.from_json('{"kind": "cut", "keys": 3}'), PatchError, "expected a list of pos"),
        (lambda: Patch("L1.H2", "zero"), PatchError, r"as in pw.sources.zero\(\)"),
    ],
)
def test_what_is_refused_when_it_is_made(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    ("site", "source", "says"),
    [
        ("L1.resid_pre", S.noise(), r"noise\(\) goes onto the input embedding"),
        ("L1.H2", S.cut(1), r"it goes into a pattern, as in Patch\('L1.H2.pattern@-1'"),
        ("L1.H2.q", S.mean(per=None), "q holds for the position at which it was computed"),
        ("L1.H2.pattern", S.mean(per=None), "pattern holds for the position"),
        ("L1.H2", S.mean(per="pos_name"), r"name one, as in 'L1.H2@S2' or 'L1.H2@-1'"),
        ("L1.H2@1:3", S.mean(per="pos_name"), "reads each prompt at the position that the site"),
        ("L1.H2", S.at("L0.H2.q"), r"at\('L0.H2.q'\) is of another kind"),
        ("L1.H2.pattern", S.at("L0.H2"), "is of another kind"),
    ],
)
def test_a_site_that_does_not_go_with_the_source(site: str, source: Any, says: str) -> None:
    with pytest.raises(PatchError, match=says):
        source.check(Site.parse(site))


def test_the_draws_of_joint_patches_go_together() -> None:
    patches = [
        Patch("embed", S.noise(n=2, seed=0)),
        Patch("L1.H2"),
        Patch("L2.H0", S.resample(n=1, seed=3)),
    ]
    first, second = draws_of(patches)
    assert [patch.source.draw for patch in (first[0], second[0])] == [0, 1]
    assert first[1] is second[1] is patches[1]
    assert first[2].source == second[2].source == patches[2].source
    with pytest.raises(PatchError, match="Joint patches with 2 and 3 draws"):
        draws_of([*patches, Patch("L2.H1", S.resample(n=3, seed=0))])
    assert draws_of([]) == [[]]
