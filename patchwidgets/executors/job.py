"""What other processes are asked to compute, as plain data that JSON can hold, and how that is told from other work.

Costs the fingerprint of the weights: 20 ms for SmolLM2.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

from patchwidgets.errors import ExecutorError, MetricError, PatchError, SiteError, shown, type_named
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.files.envelope import Stamp
from patchwidgets.metrics import METRICS, Metric, find_metric
from patchwidgets.models.model import Model
from patchwidgets.models.stamp import stamp_of
from patchwidgets.sites import Patch
from patchwidgets.sources.files import to_data
from patchwidgets.storage import parse_json
from patchwidgets.sweep.dataset import PACKAGES
from patchwidgets.tasks import Pair

Kind = Literal["sweep", "edges", "circuits"]
THREADS = "Or use a thread pool, which computes in this process."


@dataclass(frozen=True)
class Job:
    """One computation, for a worker that knows nothing of it.

    Attributes
    ----------
    kind
        What is computed.
    name, weights, dtype
        The model's stamp.
    task, pairs
        The task as JSON, and a checksum of its token ids.
    metrics, direction
        Of the experiment.
    what
        The patches, paths or circuits.
    options
        How they are packed into passes, and how many threads compute: with more or fewer, the last bits are others.
    versions
        Of the packages that compute.
    origin
        Where to load the model from; None where no other process has to.
    """

    kind: Kind
    name: str
    weights: str
    dtype: str
    task: str
    pairs: str
    metrics: list[str]
    direction: str
    what: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    origin: dict[str, Any] | None = None

    @property
    def stamp(self) -> Stamp:
        """Of which model it is."""
        return Stamp(self.name, self.weights, self.dtype)

    def described(self) -> dict[str, str]:
        """What makes it this computation, in short texts by name; two that agree in all are the same."""
        data: dict[str, Any] = {
            "computation": self.kind,
            "model": self.name,
            "weights": self.weights,
            "dtype": self.dtype,
            "task": _short(self.task),
            "tokens": self.pairs,
            "sites": _short(self.what),
            "metrics": self.metrics,
            "direction": self.direction,
            **self.options,
            **self.versions,
        }
        return {
            name: each if isinstance(each, str) else json.dumps(each) for name, each in data.items()
        }

    def packed(self) -> bytes:
        """The job as compressed JSON."""
        return zlib.compress(json.dumps(asdict(self)).encode())

    @classmethod
    def unpacked(cls, packed: bytes) -> "Job":
        """The job that `packed` packed."""
        return cls(**parse_json(zlib.decompress(packed)))


def make_job(
    kind: Kind,
    experiment: BaseExperiment,
    what: dict[str, Any],
    options: dict[str, Any],
) -> Job:
    """Describe a computation.

    Raises
    ------
    ExecutorError
        The model or a metric is not known outside of this process.
    """
    model = experiment.model
    stamp = stamp_of(model)
    if model.dictionaries:
        raise ExecutorError(
            f"The dictionaries of {model.name!r} are functions of yours, which are no data. {THREADS}"
        )
    if not stamp.weights:
        raise ExecutorError(
            f"Weights of {model.name!r} are offloaded or quantised, so that nothing says whether another process has "
            f"the same. Load it without device_map and quantisation. {THREADS}"
        )
    return Job(
        kind=kind,
        name=stamp.name,
        weights=stamp.weights,
        dtype=stamp.dtype,
        task=experiment.task.json_text(),
        pairs=tokens_checksum(experiment.pairs),
        metrics=[_metric_name(metric) for metric in experiment.metrics.values()],
        direction=experiment.direction,
        what=what,
        options=options,
        versions={name: version(name) for name in PACKAGES},
        origin=None if model.origin is None else asdict(model.origin),
    )


def check_origin(model: Model) -> None:
    """Check that another process can load a model.

    Raises
    ------
    ExecutorError
        It was made in this process.
    """
    if model.origin is None:
        raise ExecutorError(
            f"{model.name!r} was made in this process, and others cannot load it. Save it, as in "
            "hf_model.save_pretrained(folder) and tokenizer.save_pretrained(folder), and make the experiment with "
            f"pw.load(folder); the folder must be where all workers see it. {THREADS}"
        )


def tokens_checksum(pairs: Sequence[Pair]) -> str:
    """Return the same for the same token ids, counterparts and answers."""
    return _short("\n".join(map(repr, pairs)))


def patches_data(cells: Iterable[Iterable[Patch]]) -> dict[str, Any]:
    """Return joint patches as data: of each cell its sites, each with the number of its source.

    Raises
    ------
    ExecutorError
        A patch with a function or a tensor.
    """
    numbers: dict[str, int] = {}
    listed = [
        [[str(patch.site), numbers.setdefault(_source_text(patch), len(numbers))] for patch in cell]
        for cell in cells
    ]
    return {"cells": listed, "sources": [json.loads(text) for text in numbers]}


def source_data(source: object) -> Any:
    """Return a source as data.

    Raises
    ------
    ExecutorError
        A tensor or a `Run`.
    """
    try:
        return to_data(source)
    except PatchError:
        raise ExecutorError(
            f"{type_named(source).capitalize()} is written, and other processes get data alone: expected one of the "
            f"runs, as in 'clean', or one of pw.sources that holds no tensor. {THREADS}"
        ) from None


def _source_text(patch: Patch) -> str:
    if patch.fn is not None:
        raise ExecutorError(
            f"The patch at {patch.site} has a function of yours, and other processes get data alone. Use one of "
            f"pw.sources. {THREADS}"
        )
    return json.dumps(source_data(patch.source))


def _metric_name(metric: Metric) -> str:
    try:
        if find_metric(metric.name) == metric:
            return metric.name
    except (MetricError, SiteError):
        pass
    raise ExecutorError(
        f"The metric {shown(metric.name)} is a function of yours, and other processes get data alone. Measure "
        f"{', '.join(METRICS)}. {THREADS}"
    )


def differences(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """What differs between two descriptions, as a text; empty if nothing does."""
    names = [name for name in dict.fromkeys([*mine, *theirs]) if mine.get(name) != theirs.get(name)]
    return "; ".join(
        f"{name}: {_cut(theirs.get(name))} there, {_cut(mine.get(name))} here" for name in names
    )


def _cut(text: str | None, most: int = 80) -> str:
    text = text or "none"
    return text if len(text) <= most else f"{text[:most]}…"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
