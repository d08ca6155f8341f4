"""Memory under use: explorers that come and go, clicks without end. What is closed is freed, what is kept is small."""

import contextlib
import ctypes
import gc
import threading
import weakref
from typing import Any

import psutil
import pytest
import torch

from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.passes import Recording
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, LONG, MLP
from tests.support.toy_tokenizer import toy_tokenizer

MIB = 2**20
METRICS = ["logit_diff", "kl", "answer_prob", "rank", "answer_logprob"]


def rss() -> int:
    """Resident bytes, after everything that can be given back was given back."""
    gc.collect()
    with contextlib.suppress(OSError):  # glibc alone can do it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def tensor_bytes() -> int:
    """Bytes of all tensors that Python can reach; each storage counts once."""
    gc.collect()
    tensors = [each for each in gc.get_objects() if type(each) is torch.Tensor]
    storages = []
    for each in tensors:
        # torch.vmap's wrappers, which an earlier test may have left, have no storage of their own.
        with contextlib.suppress(NotImplementedError):
            storages.append(each.untyped_storage())
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


def n_alive(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


def large_vocabulary() -> Experiment:
    """Eight pairs on a model whose logits are most of its memory: 8 × 20,000 numbers a run."""
    hf_model = random_model("llama", vocab_size=20_000)
    task = Task(
        [f"w3 w14 w{15 + i} w9 w26" for i in range(8)],
        [f"w3 w14 w{42 + i} w9 w26" for i in range(8)],
        " w8",
        " w9",
    )
    return Experiment(Model(hf_model, toy_tokenizer(VOCABULARY), "toy"), task)


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


def sweep_message(metric: str, direction: str, *maps: dict[str, Any]) -> dict[str, Any]:
    asked = {"maps": list(maps), "direction": direction, "metric": metric}
    return {"v": 1, "kind": "sweep", "id": 1} | asked


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_clicks_and_changes_of_metric_and_direction_keep_numbers_alone(attack: Attack) -> None:
    experiment = large_vocabulary()
    one_run = experiment.host.logits.nbytes
    session = PatchSession(experiment, lambda *_: None)
    click(session, "L0.H0", "logit_diff", "denoise")
    session.handle(sweep_message("logit_diff", "denoise", HEADS, MLP))
    assert session.wait(LONG)
    click(session, "L0.H1", "logit_diff", "noise")
    assert session.wait(LONG)
    tensors, resident = tensor_bytes(), rss()
    for rng in attack("memory: 24 clicks and 6 changes", 2):
        for i in range(24):
            direction, metric = rng.choice(["denoise", "noise"]), rng.choice(METRICS)
            click(session, f"L{rng.randrange(3)}.H{rng.randrange(4)}", metric, direction)
            if i % 4 == 0:
                session.handle(sweep_message(metric, direction, HEADS, MLP))
            if rng.random() < 0.7:
                session.wait_for_patches(LONG)
        click(session, "L0.H1", "logit_diff", "noise")
        assert session.wait(LONG)
        assert tensor_bytes() - tensors < one_run
        assert n_alive(Recording) == 0
        assert n_alive(Sweep) <= 2
    assert rss() - resident < 20 * MIB
    assert all(result.effect == result.effect for result in session.history)


def click(session: PatchSession, site: str, metric: str, direction: str) -> None:
    asked = {"patches": [{"site": site}], "direction": direction, "metric": metric}
    session.handle({"v": 1, "kind": "patch", "id": 2} | asked)
