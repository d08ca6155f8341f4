"""Memory under use: explorers that come and go, clicks without end. What is closed is freed, what is kept is small."""

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.answering import Ask, answering
from tests.support.families import VOCABULARY, random_model
from tests.support.long_session import ALLOCATOR, METRICS, sweep_message, tensor_bytes
from tests.support.page import HEADS, LONG, MLP
from tests.support.toy_tokenizer import toy_tokenizer

MIB = 2**20


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_explorers_that_are_closed_are_freed(attack: Attack) -> None:
    for rng in attack("memory: explorers opened and closed", 4):
        refs: list[weakref.ref[Any]] = []
        before, threads = tensor_bytes(), threading.active_count()
        for _ in range(rng.randrange(1, 4)):
            model = Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")
            task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
            experiment = Experiment(model, task)
            explorer = experiment.explore(*rng.sample(["L1.H2", "L0.mlp_out", "L2.H1"], 2))
            explorer._receive(
                explorer, sweep_message(rng.choice(METRICS), "denoise", HEADS, MLP), []
            )
            if rng.random() < 0.5:
                assert explorer.result is not None
            explorer.close()
            session: PatchSession = explorer._session
            refs += map(weakref.ref, (model, model.hf_model, experiment, explorer, session))
            assert session.wait(LONG)
            del model, task, experiment, explorer, session
        gc.collect()
        assert [ref() for ref in refs] == [None] * len(refs)
        assert tensor_bytes() <= before
        assert threading.active_count() <= threads


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Memory is measured in a process that no other test has used."""
    with answering("tests.support.long_session", ALLOCATOR) as ask:
        yield ask


def test_clicks_and_changes_of_metric_and_direction_keep_numbers_and_two_runs(
    attack: Attack, ask: Ask
) -> None:
    for rng in attack("memory: 24 clicks and 6 changes", 2):
        growth = ask(str(rng.getrandbits(32)))
        assert growth["tensors"] < growth["one_run"]
        # A run of each direction, from which clicks go on.
        assert growth["recordings"] == 2
        assert growth["sweeps"] <= 2
        assert growth["undefined"] == 0
        # A fifth of the 20 MiB that 500 clicks and 30 changes may take.
        assert growth["resident"] < 4 * MIB
