"""From a request to the patches of a grid, and the requests that are refused."""

import pytest

from patchwidgets.errors import PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from patchwidgets.sweep.grid import cell_names, make_grid
from patchwidgets.sweep.request import SweepRequest
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model


@pytest.mark.parametrize(
    ("request_", "error", "says"),
    [
        (SweepRequest(), PatchError, "needs a component"),
        (SweepRequest("z", sites=["L1.H2"]), PatchError, "one of the two"),
        (SweepRequest("z", ("layer", "neuron")), SiteError, "expected some of layer, head, pos"),
        (SweepRequest("z", ("head",)), SiteError, "runs over layers"),
        (
            SweepRequest("resid_pre", ("layer", "pos", "pos_name")),
            SiteError,
            "one of pos and pos_name",
        ),
        (SweepRequest("mlp_out", window=0), PatchError, "at least 1"),
        (SweepRequest("mlp_out", layers=[3]), SiteError, "layer 3 is out of range"),
        (SweepRequest(sites="L1.H2"), PatchError, "as a list"),
        (SweepRequest(sites=["L1.H9"]), SiteError, "head 9 is out of range"),
        (SweepRequest(sites=[7]), PatchError, "one by one.*got 7"),
        (SweepRequest(sites=["L1.H2"], over=("pos",)), PatchError, r"^over= cannot go with sites"),
        (
            SweepRequest(sites=["L1.H2"], layers=[0], window=3),
            PatchError,
            r"^layers=, window= cannot",
        ),
        (
            SweepRequest("z", over="head"),
            SiteError,
            r"runs over layers; add 'layer' to \('head',\)",
        ),
        (SweepRequest("z", over="noise"), PatchError, "got 'noise'. Give direction='noise'."),
        (SweepRequest(["z"]), PatchError, r"Use exp\.sweep_many\(\['z'\]\)"),  # type: ignore[arg-type]
        (SweepRequest("z", layers=1), PatchError, r"layers is 1.*layers=\[1\]"),
        (SweepRequest("z", top=3), PatchError, r"single neurons.*got component='z', top=3\."),
    ],
)
def test_wrong_requests_say_what_was_expected(
    llama: Experiment, request_: SweepRequest, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        make_grid(llama, request_)


def test_positions_that_do_not_correspond_are_refused() -> None:
    experiment = several_pairs(make_model("llama"))
    with pytest.raises(SiteError, match=r"5 to 7 tokens.*pos_name"):
        make_grid(experiment, SweepRequest("resid_pre"))
    parallel = one_pair(make_model("gptj"))
    with pytest.raises(RefusedError, match="in parallel"):
        make_grid(parallel, SweepRequest("resid_mid"))


def test_windows_and_functions_of_sites(llama: Experiment) -> None:
    grid = make_grid(llama, SweepRequest("mlp_out", ("layer",), window=3))
    assert cell_names(grid.cells) == [
        "L0.mlp_out + L1.mlp_out",
        "L0.mlp_out + L1.mlp_out + L2.mlp_out",
        "L1.mlp_out + L2.mlp_out",
    ]
    frozen = make_grid(llama, SweepRequest("z", make=lambda site: Patch(site, "host")))
    assert {patches[0].source for patches in frozen.cells} == {"host"}


def test_functions_of_listed_sites(llama: Experiment) -> None:
    """They turn sites in joint lists as well, and leave patches as they are; a generator is read once."""
    listed = (each for each in ["L0.H1", ["L1.H2", Patch("L0.mlp_out", "clean")]])
    request = SweepRequest(sites=listed, make=lambda site: Patch(site, "host"))  # type: ignore[arg-type]
    grid = make_grid(llama, request)
    assert grid.axes == {"site": ["L0.H1", "L1.H2 + L0.mlp_out"]}
    assert [[patch.source for patch in cell] for cell in grid.cells] == [
        ["host"],
        ["host", "clean"],
    ]
    pairs = make_grid(llama, SweepRequest(sites=["L0.H1"], make=lambda site: [site, "L1.H2"]))
    assert cell_names(pairs.cells) == ["L0.H1 + L1.H2"]
