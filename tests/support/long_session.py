"""A process with an explorer's session that is clicked for long, and tells by how much its memory grew.

``python -m tests.support.long_session`` reads seeds and answers each with a line of JSON: a `Growth` over 24 clicks
and 6 changes of maps in a session of its own. It wants ``MALLOC_MMAP_THRESHOLD_`` in its environment: without it glibc
keeps holes of freed tensors, whose size goes up and down by 30 MiB, whatever the session holds.
"""

import contextlib
import ctypes
import gc
import json
import random
import sys
from dataclasses import asdict, dataclass
from typing import Any

import psutil
import torch

from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.passes import Recording
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, LONG, MLP
from tests.support.toy_tokenizer import toy_tokenizer

METRICS = ["logit_diff", "kl", "answer_prob", "rank", "answer_logprob"]
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""The environment in which resident memory is what the program holds."""


@dataclass
class Growth:
    """What a session holds after its clicks, in comparison with before; memory in bytes.

    Attributes
    ----------
    one_run
        The logits of one run.
    undefined
        How many results of the history have no effect.
    """

    resident: int
    tensors: int
    one_run: int
    recordings: int
    sweeps: int
    undefined: int


def growth(seed: str) -> Growth:
    """Click 24 times and ask 6 times for other maps, waiting now and then."""
    rng = random.Random(seed)
    experiment = large_vocabulary()
    session = PatchSession(experiment, lambda *_: None)
    click(session, "L0.H0", "logit_diff", "denoise")
    session.handle(sweep_message("logit_diff", "denoise", HEADS, MLP))
    assert session.wait(LONG)
    click(session, "L0.H1", "logit_diff", "noise")
    assert session.wait(LONG)
    tensors, resident = tensor_bytes(), rss()
    for i in range(24):
        direction, metric = rng.choice(["denoise", "noise"]), rng.choice(METRICS)
        click(session, f"L{rng.randrange(3)}.H{rng.randrange(4)}", metric, direction)
        if i % 4 == 0:
            session.handle(sweep_message(metric, direction, HEADS, MLP))
        if rng.random() < 0.7:
            session.wait_for_patches(LONG)
    click(session, "L0.H1", "logit_diff", "noise")
    assert session.wait(LONG)
    return Growth(
        tensors=tensor_bytes() - tensors,
        resident=rss() - resident,
        one_run=experiment.host.logits.nbytes,
        recordings=n_alive(Recording),
        sweeps=n_alive(Sweep),
        undefined=sum(result.effect != result.effect for result in session.history),
    )


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


def click(session: PatchSession, site: str, metric: str, direction: str) -> None:
    asked = {"patches": [{"site": site}], "direction": direction, "metric": metric}
    session.handle({"v": 1, "kind": "patch", "id": 2} | asked)


def sweep_message(metric: str, direction: str, *maps: dict[str, Any]) -> dict[str, Any]:
    asked = {"maps": list(maps), "direction": direction, "metric": metric}
    return {"v": 1, "kind": "sweep", "id": 1} | asked


def rss() -> int:
    """Resident bytes, after everything that can be given back was given back."""
    gc.collect()
    with contextlib.suppress(OSError):  # glibc alone can do it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def tensor_bytes() -> int:
    """Bytes of all tensors that Python can reach; each storage counts once."""
    gc.collect()
    storages = []
    for each in gc.get_objects():
        # torch.vmap's wrappers, which an earlier test may have left, have no storage of their own.
        with contextlib.suppress(NotImplementedError):
            if type(each) is torch.Tensor:
                storages.append(each.untyped_storage())
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


def n_alive(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(growth(line.strip()))) + "\n")
        sys.stdout.flush()
