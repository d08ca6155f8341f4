"""The reference has every public name, and every public docstring the sections that it needs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import patchwidgets as pw
from tests.docs.pages import DOCS

NAMED = re.compile(r"^\.\. auto(?:class|function|data|exception):: patchwidgets\.(\S+)", re.M)


def public() -> Iterator[tuple[str, Any]]:
    """Every name of the package and of its public modules, once, by the shortest way to it."""
    seen: list[Any] = []
    flat = [(name, getattr(pw, name)) for name in pw.__all__]
    inner = [
        (f"{name}.{each}", getattr(module, each))
        for name, module in flat
        if isinstance(module, ModuleType)
        for each in names_of(module)
    ]
    for name, value in [*flat, *inner]:
        if not isinstance(value, ModuleType) and not any(value is each for each in seen):
            seen.append(value)
            yield name, value


def names_of(module: ModuleType) -> list[str]:
    """What a module lists; of the errors, the classes that are defined there."""
    own = [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and name[0] != "_"
    ]
    return list(getattr(module, "__all__", own))


PUBLIC = dict(public())
DOCUMENTED = {
    name: value
    for name, value in PUBLIC.items()
    if inspect.isfunction(value)
    or (inspect.isclass(value) and value.__module__.startswith("patchwidgets"))
}
TYPES = {"metrics.MetricFunction", "metrics.MetricName", "metrics.MetricSpec", "metrics.Values"}
"""Names for types, which have no docstring that Python keeps."""


def test_every_public_name_is_in_the_reference() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    named = NAMED.findall(text)
    assert sorted(set(named)) == sorted(named)
    assert set(PUBLIC) - set(named) - TYPES == set()
    assert set(named) <= set(PUBLIC)


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_public_name_has_an_example(name: str) -> None:
    """Or says which function makes it, and that one has an example. Errors have that of their base class."""
    value = DOCUMENTED[name]
    doc = inspect.getdoc(value) or ""
    for base in (pw.errors.PatchwidgetsError, pw.errors.PatchwidgetsWarning):
        if inspect.isclass(value) and issubclass(value, base):
            doc = inspect.getdoc(base) or ""
    if ">>>" not in doc:
        makers = re.findall(r"(?:from|See) `(?:pw\.)?([\w.]+)`", doc)
        doc = "\n".join(inspect.getdoc(found(name, maker)) or "" for maker in makers)
    assert "Examples\n-----" in doc
    assert ">>>" in doc


def found(name: str, maker: str) -> Any:
    """What a docstring names: beside it, or in the package."""
    home: Any = getattr(pw, name.split(".")[0]) if "." in name else pw
    for place in (home, pw):
        value = place
        for part in maker.split("."):
            value = getattr(value, part, None)
        if value is not None:
            return value
    raise AssertionError(f"{name} names {maker}, which is not public")


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_public_name_says_what_it_is_and_what_it_takes(name: str) -> None:
    """Two arguments or more need a section, or a sentence that says whose they are."""
    value = DOCUMENTED[name]
    doc = inspect.getdoc(value) or ""
    assert doc.split("\n")[0].endswith((".", ":", ";"))
    if inspect.isfunction(value) and len(inspect.signature(value).parameters) > 1:
        assert "Parameters\n-----" in doc or re.search(r"parameters are those of `\w+`", doc)


@pytest.mark.parametrize(
    "name", sorted(name for name in DOCUMENTED if inspect.isclass(DOCUMENTED[name]))
)
def test_every_public_method_says_what_it_does(name: str) -> None:
    for member, value in inspect.getmembers_static(DOCUMENTED[name]):
        value = getattr(value, "fget", value)
        ours = inspect.isfunction(value) and value.__module__.startswith("patchwidgets")
        if ours and not member.startswith("_"):
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"
