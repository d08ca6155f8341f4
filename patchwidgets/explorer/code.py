"""The view of the explorer as lines of Python that give the same numbers. Costs nothing."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pprint import pformat
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.edges import Path
from patchwidgets.errors import ExtensionError
from patchwidgets.metrics import Metric
from patchwidgets.metrics.named import find_named
from patchwidgets.models.smollm2 import SMOLLM2_NAME
from patchwidgets.sites import Patch, print_pos
from patchwidgets.sources.moved import Steer, SteerDifference
from patchwidgets.sources.source import SourceData
from patchwidgets.tasks import Task

LINE = 88
"""A call that is longer has one argument on each line."""

LOADED = {"teaching model": "", SMOLLM2_NAME: repr("smollm2")}
"""What loads the models that come in packages, by their names."""

VARIABLES = frozenset({"pw", "model", "task", "exp", "r"})
"""Names that the lines use themselves: a metric of such a name is given another one."""


def code_of(
    task: Task,
    metric: Metric,
    direction: Direction,
    asked: Sequence[Patch] | Path,
    pair: int | None = None,
) -> str:
    """The lines that make an experiment, patch it or follow a path, and read the numbers of one pair or over all.

    They use the variable ``model``. What cannot be written as code is a variable too, and a comment says which: a
    metric that is a function, a source that is or holds a `Run` or a tensor, the `fn` of a patch.
    """
    arguments: list[str] = []
    notes: list[str] = []
    if isinstance(asked, Path):
        method, arguments = "path", [repr(str(part)) for part in (asked.sender, *asked.receivers)]
    else:
        method = "patch"
        for i, patch in enumerate(asked):
            argument, of_patch = _patch(patch, "" if len(asked) == 1 else f"_{i + 1}", task)
            arguments.append(argument)
            notes += of_patch
    lines = [_call(f"r = exp.{method}", arguments), _numbers(pair)]
    return _with_experiment(task, metric, direction, notes, lines)


def with_model(code: str, name: str) -> str:
    """Lines of `code_of` for somebody who has no ``model`` yet: one more loads it, or says which it was."""
    arguments = LOADED.get(name, repr(name) if "/" in name else None)
    load = (
        f"# model: {name!r}, from pw.load or pw.wrap."
        if arguments is None
        else f"model = pw.load({arguments})"
    )
    return code.replace(
        "import patchwidgets as pw\n\n", f"import patchwidgets as pw\n\n{load}\n", 1
    )


def code_of_circuit(
    task: Task,
    metric: Metric,
    direction: Direction,
    members: Sequence[str],
    ablation: str | SourceData,
) -> str:
    """The lines that make an experiment with one metric and run a circuit alone; as `code_of`."""
    notes: list[str] = []
    arguments = ["circuit"]
    if isinstance(ablation, SourceData):
        written, notes = _source(ablation, "", task)
        arguments.append(f"ablation={written}")
    elif ablation != "corrupted":
        arguments.append(f"ablation={ablation!r}")
    sites = _literal(list(members), column=len("circuit = pw.Circuit("))
    lines = [
        f"circuit = pw.Circuit({sites})",
        _call("r = exp.evaluate", arguments),
        "r.value, r.faithfulness, r.completeness",
    ]
    return _with_experiment(task, metric, direction, notes, lines)


def _with_experiment(
    task: Task, metric: Metric, direction: Direction, notes: Sequence[str], lines: Sequence[str]
) -> str:
    """Lines after those that make the experiment, and comments before them."""
    written_metric, of_metric = _metric(metric)
    experiment = ["model", "task", f"metric={written_metric}", f"direction={direction!r}"]
    return "\n".join(
        [
            "import patchwidgets as pw",
            "",
            *of_metric,
            *notes,
            _call("task = pw.Task", _task_arguments(task)),
            _call("exp = pw.Experiment", experiment),
            *lines,
        ]
    )


def _numbers(pair: int | None) -> str:
    names = ("value", "effect", "share", "recovery")
    return ", ".join(
        f"r.{name}" if pair is None else f"r.per_pair.{name}[{pair}]" for name in names
    )


def _task_arguments(task: Task) -> list[str]:
    """The fields of a task that differ from their defaults, as keyword arguments."""
    given = {field.name: getattr(task, field.name) for field in fields(task)}
    by_default = asdict(Task(task.clean, task.corrupted, task.answer))
    required = ("clean", "corrupted", "answer")
    return [
        f"{name}={_literal(value, column=len(f'    {name}='))}"
        for name, value in given.items()
        if name in required or value != by_default[name]
    ]


def _literal(value: Any, column: int) -> str:
    """Texts, numbers and containers of them as Python, long ones over several lines that begin at this column."""
    lines = pformat(value, width=LINE - column, sort_dicts=False).split("\n")
    return ("\n" + " " * column).join(lines)


def metric_written(metric: Metric) -> str:
    """A metric as an argument of ``exp.measuring``: its name, or where ``exp`` has it."""
    return repr(metric.name) if _is_named(metric) else f"exp.metrics[{metric.name!r}]"


def _is_named(metric: Metric) -> bool:
    name, at, _ = metric.name.partition("@")
    try:
        named = find_named(name)
    except ExtensionError:  # a function of the user's that is called as what some package adds
        return False
    return named is not None and metric == (named.at(metric.pos) if at else named)


def _metric(metric: Metric) -> tuple[str, list[str]]:
    """What ``metric=`` is given, and comments on what cannot be written."""
    name, at, _ = metric.name.partition("@")
    if _is_named(metric):
        return repr(metric.name), []
    variable = name if name.isidentifier() and name not in VARIABLES else "metric"
    note = f"# {variable}: your own metric. It is a function, which cannot be written here."
    written = f"pw.At({variable}, {print_pos(metric.pos)!r})" if at else variable
    return written, [note]


def _patch(patch: Patch, number: str, task: Task) -> tuple[str, list[str]]:
    """One argument of ``exp.patch``, with lines before it: other tasks, and comments on what cannot be written."""
    site, notes, options = repr(str(patch.site)), list[str](), list[str]()
    if isinstance(patch.source, SourceData):
        written, notes = _source(patch.source, number, task)
        options.append(f"source={written}")
    elif not isinstance(patch.source, str):
        kind = type(patch.source).__name__
        notes.append(
            f"# source{number}: the {kind} that was patched in, which cannot be written here."
        )
        options.append(f"source=source{number}")
    elif patch.source != "source":
        options.append(f"source={patch.source!r}")
    if patch.fn is not None:
        notes.append(f"# fn{number}: the function of the patch, which cannot be written here.")
        options.append(f"fn=fn{number}")
    return (_call("pw.Patch", [site, *options]) if options else site), notes


def _source(source: SourceData, number: str, task: Task) -> tuple[str, list[str]]:
    """A source of `patchwidgets.sources` as a call, with lines before it as in `_patch`."""
    plain, named = source.arguments()
    names = ["vector" if isinstance(source, Steer | SteerDifference) else "site"] * len(
        plain
    ) + list(named)
    arguments: list[str] = []
    notes: list[str] = []
    for i, (name, value) in enumerate(zip(names, [*plain, *named.values()], strict=True)):
        variable = f"{name}{number}"
        if value is None or isinstance(value, str | int | float):
            variable = repr(value)
        elif value == task:
            variable = "task"
        elif isinstance(value, Task):
            notes.append(_call(f"{variable} = pw.Task", _task_arguments(value)))
        else:
            kind = type(value).__name__
            notes.append(f"# {variable}: the {kind} of the source, which cannot be written here.")
        arguments.append(variable if i < len(plain) else f"{name}={variable}")
    return _call(f"pw.sources.{source.kind}", arguments), notes


def _call(function: str, arguments: Sequence[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if (len(line) <= LINE and "\n" not in line) or not arguments:
        return line
    return "\n".join([f"{function}(", *(f"    {argument}," for argument in arguments), ")"])
