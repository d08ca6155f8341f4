"""`pw.open`: any file that patchwidgets saved, with or without a model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import FileError, ModelError, shown, type_named
from patchwidgets.facade.experiment import Experiment
from patchwidgets.files.envelope import KINDS, MIB, Opened, Stamp, read
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_result import CircuitResult
from patchwidgets.methods.circuits.curve_result import FaithfulnessCurve
from patchwidgets.metrics import MetricSpec
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.lenses.lens_file import MAX_BYTES as LENS_BYTES
from patchwidgets.models.model import Model
from patchwidgets.models.stamp import check_stamp
from patchwidgets.storage import read_start
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from patchwidgets.tasks.json_file import task_fields
from patchwidgets.tokens import Tokenizer

if TYPE_CHECKING:
    from patchwidgets.explorer.saved_explorer import SavedExplorer
    from patchwidgets.explorer.widget import PatchExplorer

SWEEP_BYTES = 2**32
_HDF = b"\x89HDF"
_LENGTH = b"\0\0\0\0{"
"""The upper half of the length of its header, and the header's first byte: so a safetensors file goes on at byte 4."""


def open(  # noqa: A001 - pw.open, as PIL.Image.open
    path: str | Path,
    model: Any = None,
    *,
    tokenizer: Tokenizer | None = None,
    metrics: Mapping[str, MetricSpec] | None = None,
    other_weights: bool = False,
    max_bytes: int | None = None,
) -> Any:
    """Open a file that patchwidgets saved: a task, a sweep, edges, a circuit, a curve, a lens, a history, an explorer.

    Nothing in a file is run, and no file is trusted: what is not as it should be is refused in words.

    Parameters
    ----------
    path
        The file.
    model
        The model that it is about. With it, an explorer comes back live, as it was left. It is compared with the
        fingerprint of the weights in the file. A task is about no model.
    tokenizer
        Needed with a model of transformers, which has none; not with one from `load` or `wrap`.
    metrics
        For an explorer that measures functions of yours, these functions by the names of their metrics.
    other_weights
        Go on although the model has other weights than those that the file is about. Of an explorer, everything is
        patched again then; all else keeps the numbers of the file.
    max_bytes
        The size up to which a file is read; by default as `SweepResult.load`, `JacobianLens.load` and, for JSON, 64
        MiB.

    Returns
    -------
    Task, SweepResult, Circuit, CircuitResult, FaithfulnessCurve, JacobianLens, HistoryList or PatchExplorer
        What was saved. An explorer without a model is a `SavedExplorer`, which has the history and all its numbers.

    Raises
    ------
    FileError
        The file cannot be read, is too large, is damaged, is none of patchwidgets, or of a later version.
    WeightsChangedError, LensError
        The model has other weights.
    MetricError
        An explorer measures functions that are not given.
    ModelError
        Not a model, or one without a tokenizer.
    SiteError, PatchError, TaskError, AnswerError
        With `other_weights`: the model or its tokenizer does not have what was patched.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     exp.sweep("z", progress=False).save(f"{folder}/heads.nc")
    ...     exp.explore("L0.H1").save(f"{folder}/session.json")
    ...     pw.open(f"{folder}/heads.nc"), pw.open(f"{folder}/session.json")
    (SweepResult(z of 'teaching model': ...), SavedExplorer('teaching model', L0.H1, ...; 1 patch in the history))
    """
    owner = None if model is None else _model(model, tokenizer)
    start = read_start(path, 16)
    if start.startswith(_HDF):
        sweep = SweepResult.load(path, SWEEP_BYTES if max_bytes is None else max_bytes)
        _check(sweep.stamp, owner, path, other_weights)
        return sweep
    if start[4:].startswith(_LENGTH):
        lens = JacobianLens.load(path, LENS_BYTES if max_bytes is None else max_bytes)
        if owner is not None and not other_weights:
            lens.check(owner.layout)
        return lens
    opened = read(path, max_bytes=max_bytes)
    if opened.kind == "explorer":
        return _explorer(opened, owner, metrics, other_weights)
    _check(opened.stamp, owner, path, other_weights)
    if opened.kind == MIB:
        return Circuit.from_json(path, model=owner)
    if opened.kind in ("job", "part"):
        raise FileError(
            f"{shown(str(path))} is {KINDS[opened.kind].words}, not a result. Go on with the call that wrote it, as in "
            "exp.sweep('z', resume='the folder'), which returns the result."
        )
    return _MAKE[opened.kind](opened)


def _model(model: Any, tokenizer: Tokenizer | None) -> Model:
    if isinstance(model, Model):
        return model
    if not hasattr(model, "named_modules"):
        raise ModelError(
            f"Expected a model, as in pw.open(path, pw.load()); got {type_named(model)}."
        )
    if tokenizer is None:
        raise ModelError(
            "A model of transformers has no tokenizer; pass it, as in pw.open(path, hf_model, tokenizer=tokenizer), or "
            "give pw.wrap(hf_model, tokenizer)."
        )
    return Model(model, tokenizer)


def _check(stamp: Stamp | None, model: Model | None, path: str | Path, other_weights: bool) -> None:
    if model is not None and stamp is not None:
        go_on = "the numbers stay those of the file"
        check_stamp(stamp, model, str(path), None if other_weights else go_on)


def _explorer(
    opened: Opened,
    model: Model | None,
    metrics: Mapping[str, MetricSpec] | None,
    other_weights: bool,
) -> "SavedExplorer | PatchExplorer":
    with Uninterrupted():
        from patchwidgets.explorer.saved_explorer import SavedExplorer

    saved = SavedExplorer(opened, metrics)
    if model is None:
        return saved
    specs = saved.metric_specs()
    go_on = None if other_weights else "everything is patched again then"
    same = check_stamp(saved.stamp, model, opened.path, go_on)
    with Uninterrupted():
        from patchwidgets.explorer.widget import PatchExplorer

    explorer = PatchExplorer(Experiment(model, saved.task, specs, saved.direction))
    try:
        explorer.restore(saved, again=not same)
    except BaseException:
        explorer.close()
        raise
    return explorer


def _history(opened: Opened) -> Any:
    with Uninterrupted():
        from patchwidgets.explorer.history_list import HistoryList

    return HistoryList.of_file(opened)


_MAKE: dict[str, Callable[[Opened], Any]] = {
    "task": lambda opened: Task(**task_fields(opened)),
    "circuit": Circuit.of_file,
    "circuit result": CircuitResult.of_file,
    "faithfulness curve": FaithfulnessCurve.of_file,
    "history": _history,
}
