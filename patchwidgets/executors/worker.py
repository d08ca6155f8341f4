"""What runs on a worker: it loads the model once, plans the same work, and computes the pieces that it is asked for.

Costs a load, the fingerprint of the weights and both unpatched runs for the first piece of a computation; then nothing
beside the pieces.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol

import torch

from patchwidgets.directions import checked_direction
from patchwidgets.errors import ExecutorError, PatchwidgetsError
from patchwidgets.executors.job import Job, differences, tokens_checksum
from patchwidgets.executors.works import work_of
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.measurements import Measurements
from patchwidgets.hooks.cancellation import cancellable
from patchwidgets.models.loading import load
from patchwidgets.models.model import Model
from patchwidgets.models.origin import Origin
from patchwidgets.models.stamp import stamp_of
from patchwidgets.sweep.dataset import PACKAGES
from patchwidgets.sweep.pieces import Arrays, Piece
from patchwidgets.tasks import Task
from patchwidgets.tasks.json_file import fields_of_json

_LOG = logging.getLogger(__name__)


class Work(Protocol):
    """What can be computed in pieces: a sweep, edges, or passes of circuits."""

    def pieces(self) -> list[Piece]:
        """All of it, in pieces."""

    def check_of(self, piece: range) -> str:
        """The checksum of what a piece computes."""

    def compute_piece(self, piece: range) -> Arrays:
        """Compute a piece alone, and return its numbers."""

    def take_piece(self, piece: range, arrays: Arrays) -> None:
        """Take the numbers of a piece."""


Asked = tuple[int, int, str]
"""The first item of a piece, the one after its last, and its checksum."""


@dataclass(eq=False)
class Here:
    """A computation of this very process, for workers that are its threads.

    Attributes
    ----------
    make
        Makes the work once more, so that the caller's own stays its own.
    cancel
        Ends the passes.
    """

    make: Callable[[], Work]
    cancel: threading.Event


HERE: dict[bytes, Here] = {}
"""What callers in this process have asked for, by a name that no packed job has."""

_ONE_AT_A_TIME = threading.RLock()
"""Passes of threads would run one after another anyway."""
_models: dict[str, Model] = {}
_works: dict[bytes, Work] = {}
"""The last model and the last work: a worker goes from piece to piece of one computation."""


def compute(packed: bytes, threads: int, asked: Sequence[Asked]) -> list[Arrays]:
    """Compute some pieces of a job.

    Parameters
    ----------
    packed
        From `Job.packed`, or a key of `HERE`.
    threads
        How many threads compute.

    Raises
    ------
    ExecutorError
        This process has other weights, another version or another tokenizer than the caller, or plans otherwise.
    """
    with _ONE_AT_A_TIME, of_threads(threads), _cancellable(packed):
        work = _work(packed)
        return [_computed(work, *each) for each in asked]


@contextmanager
def of_threads(threads: int) -> Iterator[None]:
    """Compute with so many threads inside the block: products are summed in another order with more or fewer."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cancellable(packed: bytes) -> AbstractContextManager[None]:
    return cancellable(HERE[packed].cancel) if packed in HERE else nullcontext()


def _computed(work: Work, start: int, stop: int, check: str) -> Arrays:
    piece = range(start, stop)
    if work.check_of(piece) != check:
        raise ExecutorError(
            "This worker packs the work into other passes than the caller. Give the same version of patchwidgets and "
            "of its dependencies, and the same kind of device, to all workers."
        )
    return work.compute_piece(piece)


def _work(packed: bytes) -> Work:
    if packed not in _works:
        _works.clear()  # frees the memory before more is needed
        _works[packed] = HERE[packed].make() if packed in HERE else _unpacked(packed)
    return _works[packed]


def forget(packed: bytes) -> None:
    """Free what this process keeps of a computation."""
    HERE.pop(packed, None)
    _works.pop(packed, None)


def _unpacked(packed: bytes) -> Work:
    job = Job.unpacked(packed)
    check_versions(job.versions)
    model = _model(job)
    try:
        task = Task(**fields_of_json(job.task, "The task"))
        measurements = Measurements.of(model, task, job.metrics)
    except PatchwidgetsError as error:
        error.add_note("This happened on a worker, which made the experiment once more.")
        raise
    if tokens_checksum(measurements.pairs) != job.pairs:
        raise ExecutorError(
            f"The tokenizer of {model.name!r} on this worker makes other tokens of the task than that of the caller. "
            "Give all workers the same files, and for a model of the hub name its revision=."
        )
    direction = checked_direction(job.direction)
    experiment = BaseExperiment(model, task, direction=direction, measurements=measurements)
    return work_of(job, experiment)


def check_versions(expected: dict[str, str]) -> None:
    """Check that this process has the same versions of what computes.

    Raises
    ------
    ExecutorError
        It has others.
    """
    if unlike := differences(expected, {name: version(name) for name in PACKAGES}):
        raise ExecutorError(
            f"This worker has other packages than the caller ({unlike.replace('there', 'on the worker')}). Install "
            "the same versions for all workers."
        )


def _model(job: Job) -> Model:
    key = repr((job.origin, job.weights))
    if key not in _models:
        _models.clear()
        assert job.origin is not None
        _models[key] = _loaded(job)
    return _models[key]


def _loaded(job: Job) -> Model:
    assert job.origin is not None
    named = dict(job.origin)
    origin = Origin(**named)
    name = named.pop("name")
    _LOG.info("Loading %s for a computation of another process.", job.name)
    try:
        model = load(name, **named)
    except PatchwidgetsError as error:
        error.add_note(
            "This happened on a worker, which loads the model by the same name as the caller. A folder must be where "
            "every worker sees it."
        )
        raise
    found = stamp_of(model)
    if (found.weights, found.dtype) != (job.weights, job.dtype):
        where = origin.name or "the teaching model"
        raise ExecutorError(
            f"{where!r} has the weights {found.weights[:12]}… in {found.dtype} on this worker, and the caller's model "
            f"has {job.weights[:12]}… in {job.dtype}. If you changed the weights after loading, save them, as in "
            "hf_model.save_pretrained(folder), and make the experiment with pw.load(folder); for a model of the hub "
            "name its revision=."
        )
    return model
