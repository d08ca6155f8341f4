"""Google Colab, as Python sees it: the explorer asks for the widgets of others, and nobody has to write a line for it.

anywidget does this; these tests hold that the explorer keeps it, and that what it adds takes nothing away.
"""

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import anywidget._util
import pytest

from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
VIEW = "application/vnd.jupyter.widget-view+json"
MANAGER = "https://colab.invalid/manager.js"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What Colab's module is asked for."""
    asked: list[str] = []
    output = ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: asked.append("manager")  # type: ignore[attr-defined]
    output._widgets = SimpleNamespace(_installed_url=MANAGER)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    once = anywidget._util.enable_custom_widget_manager_once
    once.cache_clear()
    yield asked
    once.cache_clear()


def made() -> PatchExplorer:
    return Experiment(Model(random_model("llama"), toy_tokenizer(VOCABULARY)), TASK).explore()


def test_colab_is_asked_once_for_widgets_that_are_not_its_own(asked: list[str]) -> None:
    first = made()
    assert asked == ["manager"]
    second = made()
    second._repr_mimebundle_()
    assert asked == ["manager"]
    first.close()
    second.close()


def test_what_is_shown_names_colabs_manager_beside_the_size_of_the_picture(
    asked: list[str],
) -> None:
    explorer = made()
    bundle = explorer._repr_mimebundle_()
    assert bundle is not None
    data, metadata = bundle
    assert data[VIEW]["model_id"] == explorer.model_id
    assert metadata[VIEW] == {"colab": {"custom_widget_manager": {"url": MANAGER}}}
    assert set(metadata["image/png"]) == {"width", "height"}
    explorer.close()


def test_nothing_of_colab_is_said_elsewhere() -> None:
    assert "google.colab.output" not in sys.modules
    explorer = made()
    bundle = explorer._repr_mimebundle_()
    assert bundle is not None
    assert VIEW not in bundle[1]
    explorer.close()
