"""``sweep`` and ``edges`` write what the library computes, and say where."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import patchwidgets as pw
from patchwidgets.cli.sweeping import largest
from tests.cli.conftest import Run


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(3, seed=1), ["logit_diff", "kl"], "noise")


def test_a_sweep_is_that_of_the_library(run: Run, folder: Path, experiment: pw.Experiment) -> None:
    code, out, err = run(
        "sweep ioi:3,seed=1 mlp_out --over layer,pos --metric logit_diff,kl --direction noise"
    )
    expected = experiment.sweep("mlp_out", over=("layer", "pos"), progress=False)
    found = pw.SweepResult.load("ioi-mlp_out.nc")
    assert code == 0
    assert found.metrics == ("logit_diff", "kl")
    np.testing.assert_array_equal(found.effect, expected.effect)
    assert [path.name for path in folder.iterdir()] == ["ioi-mlp_out.nc"]
    assert out.splitlines()[1].split()[0] == expected.top_sites(1)[0]
    assert out.splitlines()[-2:] == [
        f"ioi-mlp_out.nc: {found!r}",
        "To draw it: patchwidgets plot ioi-mlp_out.nc -o ioi-mlp_out.pdf",
    ]
    assert err.splitlines()[-1] == "60 of 60 sites, 00:00"


def test_options_are_the_arguments_of_the_library(run: Run) -> None:
    assert run("sweep modular:4,modulus=5 neuron --layers 1,2:3 --top 3 -o n.nc").code == 0
    task = pw.tasks.modular(4, modulus=5)
    expected = pw.Experiment(pw.load(), task).sweep("neuron", layers=[1, 2], top=3, progress=False)
    found = pw.open("n.nc")
    assert found.site_names() == expected.site_names()
    np.testing.assert_array_equal(found.effect, expected.effect)


def test_a_table_has_the_rows_of_to_frame(run: Run, experiment: pw.Experiment) -> None:
    line = "sweep ioi:3,seed=1 --sites L0.H1,L1.mlp_out@S2 --metric logit_diff,kl --direction noise"
    assert run(f"{line} -o sites.csv").code == 0
    expected = experiment.sweep(sites=["L0.H1", "L1.mlp_out@S2"], progress=False).to_frame()
    found = pd.read_csv("sites.csv")
    assert list(found["site"]) == list(expected["site"])
    np.testing.assert_allclose(found["effect"], expected["effect"])


def test_edges_are_those_of_the_library(run: Run) -> None:
    code, out, _ = run("edges ioi:1 --frozen attn")
    expected = pw.Experiment(pw.load(), pw.tasks.ioi(1)).edges(frozen=("attn",), progress=False)
    assert code == 0
    np.testing.assert_allclose(pw.open("ioi-edges.nc").effect, expected.effect, atol=1e-5)
    assert out.splitlines()[1].split()[0] == expected.top_sites(1)[0]


@pytest.mark.parametrize("line", ["sweep ioi:2 z --plan", "edges ioi:2 --plan --executor slurm"])
def test_a_plan_writes_nothing(run: Run, folder: Path, line: str) -> None:
    code, out, err = run(line)
    assert code == 0
    assert out.startswith("Plan: ")
    assert err == ""
    assert not list(folder.iterdir())


def test_a_plan_is_for_so_many_processes(run: Run, folder: Path) -> None:
    out = run("sweep ioi:4 z --plan --executor processes:2").out
    assert " on 2 workers (" in out
    assert not list(folder.iterdir())


def test_a_file_is_replaced_only_with_force(run: Run, folder: Path) -> None:
    Path("ioi-z.nc").write_text("mine")
    code, out, err = run("sweep ioi:2 z")
    assert (code, out) == (1, "")
    assert err == ("ioi-z.nc is there already. Add --force to replace it, or name another file.\n")
    assert Path("ioi-z.nc").read_text() == "mine"
    assert run("sweep ioi:2 z --force").code == 0
    assert pw.open("ioi-z.nc").axes == ("layer", "head")


def test_an_interrupt_writes_nothing_and_says_how_to_go_on(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {}

    def interrupted(self: pw.Experiment, component: str, **arguments: object) -> None:
        given.update(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(pw.Experiment, "sweep", interrupted)
    code, _, err = run("sweep ioi:2 z --resume parts")
    assert code == 130
    assert given["resume"] == "parts"
    assert "executor" not in given
    assert err == (
        "What is done is in parts; the same command goes on from there.\n"
        "Interrupted: no result was written.\n"
    )
    assert not list(folder.iterdir())


def test_the_largest_of_a_sweep_are_a_table(experiment: pw.Experiment) -> None:
    sweep = experiment.sweep("z", progress=False)
    heading, first, *_ = largest(sweep)
    assert heading.split() == ["site", "effect", "on", "logit_diff", "share", "recovery"]
    site, effect, share, recovery = first.split()
    row = sweep.to_frame().set_index("site").iloc[[1]]
    assert site == row.index[0] == "L0.H1"
    assert (float(share), float(recovery)) == (
        round(float(row["share"].iloc[0]), 3),
        round(float(row["recovery"].iloc[0]), 3),
    )
    assert float(effect) == pytest.approx(float(row["effect"].iloc[0]), rel=1e-3)
