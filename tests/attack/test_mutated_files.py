"""Two thousand mutated files for each loader: an error of ours or an object that works; no hang, no growth.

Half of the mutations change bytes somewhere. The others change data within the file, and give it the checksum that
fits, as a person would who wants to do harm.
"""

import copy
import json
import random
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import patchwidgets as pw
from patchwidgets.errors import PatchwidgetsError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from tests.support.damage import bounded, change_somewhere, damaged
from tests.support.saved_files import LOADERS, dataset, resealed, save_all
from tests.support.saved_sweeps import parts, sealed

N_FILES = 2000
N_LIVE = 150
SWEEPS = ("sweep", "edges")


class Files(NamedTuple):
    folder: Path
    contents: dict[str, bytes]
    data: dict[str, Any]


@pytest.fixture(scope="module")
def files(toy: Model, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The bytes of each file, and the data within."""
    folder = tmp_path_factory.mktemp("files")
    save_all(Experiment(toy, dataset(), ["logit_diff", "kl"]), folder)
    contents = {name: (folder / name).read_bytes() for name in LOADERS}
    return Files(folder, contents, {name: _data(name, each) for name, each in contents.items()})


def _data(name: str, content: bytes) -> Any:
    if name in SWEEPS:
        return parts(content)[1]
    if name == "lens":
        return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return None if name == "table" else json.loads(content)


def mutated(rng: random.Random, name: str, files: Files) -> bytes:
    content, data = files.contents[name], copy.deepcopy(files.data[name])
    if data is None or rng.random() < 0.5:
        return damaged(rng, content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        change_somewhere(rng, data)
    if name in SWEEPS:
        return sealed(parts(content)[0], json.dumps(data).encode())
    if name == "lens":
        text = json.dumps(data).encode()
        end = 8 + int.from_bytes(content[:8], "little")
        return len(text).to_bytes(8, "little") + text + content[end:]
    return resealed(data)


def used(name: str, found: Any) -> None:
    """Whatever was loaded works like any other of its kind."""
    assert len(repr(found)) < 10_000_000
    if name in (*SWEEPS, "result", "curve", "history"):
        found.to_frame()
    if name in ("task", "plain", "table"):
        assert [found.pair(i).clean for i in range(len(found))]
        assert found == found
    if name in ("circuit", "mib"):
        assert len(list(found)) == len(found)
        assert found.scores.keys() <= found.members
    if name == "explorer":
        assert found.to_code()
        assert len(found.history.to_frame()) == len(found.history)
        assert len(found.selection) >= 0


def says_why(error: PatchwidgetsError) -> bool:
    return 20 < len(str(error)) < 2000


@pytest.mark.parametrize("name", LOADERS)
def test_mutated_files(name: str, files: Files) -> None:
    path = files.folder / f"mutated-{name}"
    outcomes = {"refused": 0, "silent": 0, "works": 0}

    @settings(
        max_examples=N_FILES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**63))
    def survives(seed: int) -> None:
        content = mutated(random.Random(seed), name, files)
        path.write_bytes(content)
        try:
            found = LOADERS[name](path)
        except PatchwidgetsError as error:
            outcomes["refused" if says_why(error) else "silent"] += 1
        else:
            used(name, found)
            outcomes["works"] += 1

    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        survives()
    assert sum(outcomes.values()) >= N_FILES
    assert outcomes["refused"] > N_FILES / 4
    assert outcomes["silent"] == 0


def test_mutated_explorers_with_a_model(toy: Model, files: Files) -> None:
    """A crafted file may ask for anything that a page may ask for: it is done, or refused in words."""
    path, opened, silent = files.folder / "live", 0, 0
    for seed in range(N_LIVE):
        rng = random.Random(seed)
        data = copy.deepcopy(files.data["explorer"])
        for _ in range(rng.choice((1, 2, 4))):
            change_somewhere(rng, data)
        path.write_bytes(resealed(data))
        try:
            w = pw.open(path, toy, other_weights=rng.random() < 0.2)
        except PatchwidgetsError as error:
            silent += not says_why(error)
            continue
        assert w.result is None or len(repr(w.result)) > 20
        assert len(w.history.to_frame()) == len(w.history)
        w.close()
        opened += 1
    assert opened > N_LIVE / 20
    assert silent == 0
