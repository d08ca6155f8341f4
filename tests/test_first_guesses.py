"""The first calls that people try who know other libraries: each works, or its error names the right call.

The calls are in ``first_guesses.txt``; what is answered to each is also checked to be there.
"""

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

import patchwidgets as pw
from patchwidgets.errors import ArgumentError, MissingError, PatchwidgetsError
from patchwidgets.guesses import arguments, attributes, names
from patchwidgets.guesses.answering import answers, did_you_mean
from patchwidgets.guesses.places import meant_site
from patchwidgets.sites import Site
from tests.support.prompts import CLEAN, CORRUPTED

GUESSES = re.findall(
    r"^(\S.*)\n    (.+)$", Path(__file__).with_name("first_guesses.txt").read_text(), re.MULTILINE
)
TABLES = {
    name: table
    for module in (arguments, attributes, names)
    for name, table in vars(module).items()
    if isinstance(table, dict) and name.isupper() and name != "HOMES" and name[0] != "_"
}
OBJECTS = re.compile(
    r"(?<!['.])\b(pw|exp|s|r|w|run|model|task|circuit|lens|reach)\.(\w[\w.]*\w|\w)"
)


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    mpl.use("agg")
    model = pw.load()
    task = pw.Task(
        clean=CLEAN, corrupted=CORRUPTED, answer=" Mary", foil=" John", positions={"S2": 9}
    )
    exp = pw.Experiment(model, task)
    sums = pw.tasks.addition(5)
    s, r = exp.sweep("z", progress=False), exp.patch("L0.H1")
    named = {
        "pw": pw,
        "np": np,
        "torch": torch,
        "plt": plt,
        "model": model,
        "task": task,
        "exp": exp,
    }
    circuit, lens = pw.Circuit(["L0.H1"]), exp.clean.lens()
    of_results = {"s": s, "r": r, "run": exp.clean, "w": exp.explore(), "reach": r.reach()}
    others = {"sums": sums, "exp2": pw.Experiment(model, sums), "circuit": circuit, "lens": lens}
    return named | of_results | others


@pytest.fixture(autouse=True)
def _no_figures() -> Any:
    yield
    plt.close("all")


def test_there_are_many() -> None:
    assert len(GUESSES) == len({call for call, _ in GUESSES}) > 400


@pytest.mark.parametrize(("call", "says"), GUESSES, ids=[call for call, _ in GUESSES])
def test_it_works_or_its_error_names_the_right_call(
    call: str, says: str, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    if says.startswith("= "):
        assert repr(eval(call, namespace)) == says[2:]
        return
    with pytest.raises(PatchwidgetsError) as caught:
        eval(call, namespace)
    assert says in str(caught.value)


@pytest.mark.parametrize("table", TABLES)
def test_what_is_named_is_there(table: str, namespace: dict[str, Any]) -> None:
    """Every ``exp.flip`` and ``pw.sources.zero`` in an answer exists."""
    for name, text in TABLES[table].items():
        assert name == name.lower()
        assert text.endswith((".", "?"))
        for owner, path in OBJECTS.findall(text):
            found = namespace[owner]
            for part in path.split("."):
                assert hasattr(found, part), text
                found = getattr(found, part)
                if callable(found):
                    break


OWNERS = {
    "EXPERIMENT": "exp",
    "RUN": "run",
    "PATCH_RESULT": "r",
    "SWEEP_RESULT": "s",
    "MODEL": "model",
    "TASK": "task",
    "EXPLORER": "w",
    "LENS_RESULT": "lens",
    "CIRCUIT": "circuit",
    "REACH": "reach",
    "PACKAGE": "pw",
}


@pytest.mark.parametrize("table", OWNERS)
def test_nothing_is_answered_that_there_is(table: str, namespace: dict[str, Any]) -> None:
    assert [name for name in TABLES[table] if hasattr(namespace[OWNERS[table]], name)] == []


def test_what_is_elsewhere_is_there() -> None:
    for home, there in names.HOMES.items():
        assert set(there.split()) <= set(getattr(pw, home).__all__)


def test_places_of_other_libraries_are_sites_here(namespace: dict[str, Any]) -> None:
    for given in (
        "blocks.1.attn.hook_z@-1",
        "gpt_neox.layers.2.mlp",
        "h.0.attn.c_proj",
        (1, 3),
        "m2",
    ):
        assert namespace["model"].resolve(meant_site(given))
    assert [meant_site(each) for each in ("", "Mary", "a b", 3.5, (1, 2, 3), None)] == [""] * 6


def test_a_function_that_answers_is_the_same_function() -> None:
    @answers({"pos": "Write it after the site."})
    def patch(site: str, *, seed: int = 0) -> tuple[str, int]:
        """Patch."""
        return site, seed

    assert (patch.__name__, patch.__doc__, patch("a", seed=2)) == ("patch", "Patch.", ("a", 2))
    with pytest.raises(
        ArgumentError, match=r"^patch\(\) has no argument 'POS'\. Write it after the site\.$"
    ):
        patch("a", POS=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"has no argument 'seeds'\. Did you mean 'seed'\?"):
        patch("a", seeds=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"has no argument 'x'\. It takes site, seed\.$"):
        patch("a", x=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        patch()  # type: ignore[call-arg]
    assert did_you_mean(None, ["a"]) == ""


def test_objects_still_say_what_they_have(namespace: dict[str, Any]) -> None:
    exp, s = namespace["exp"], namespace["s"]
    assert not hasattr(exp, "plots")
    assert getattr(s, "__array__", None) is None
    with pytest.raises(MissingError) as caught:
        exp.no_such_thing  # noqa: B018
    assert str(caught.value) == "Experiment has no attribute 'no_such_thing'."
    with pytest.raises(AttributeError, match="has no attribute '_hidden'"):
        exp._hidden  # noqa: B018
    with pytest.raises(pw.errors.SiteError, match="belongs to no experiment"):
        _ = namespace["model"].run("12+34=").value


def test_an_error_within_a_property_is_its_own() -> None:
    from patchwidgets.guesses.answering import Answering

    class Broken(Answering):
        @property
        def number(self) -> int:
            return None.real  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'real'"):
        _ = Broken().number


def test_a_site_is_never_two_names(namespace: dict[str, Any]) -> None:
    """Names of other libraries are answered and not accepted."""
    for call, says in GUESSES:
        if call.startswith('exp.patch("') and says.startswith("Did you mean '"):
            text = call.split('"')[1]
            with pytest.raises(pw.errors.SiteError):
                Site.parse(text) and namespace["exp"].patch(text)
