"""Records of architectures and metrics of other packages, by entry points; `tests/example_package` is one."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import ExtensionError, ExtensionWarning, MetricError, ModelError
from patchwidgets.explorer.code import metric_written
from patchwidgets.models.architectures import ARCHITECTURES, find_record
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

EXAMPLE = Path(__file__).with_name("example_package")
TASK = pw.Task(clean="w3 w4 w5", corrupted="w3 w7 w5", answer=" w8", foil=" w9")
Install = Callable[..., None]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example package is installed by pip."""
    folder = tmp_path_factory.mktemp("packages")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "pelican")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target")
    command = [sys.executable, "-m", "pip", "install", *options, str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def pelican(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A random model of the family that the example package adds."""
    monkeypatch.syspath_prepend(str(installed))
    model = importlib.import_module("patchwidgets_pelican.model")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = model.PelicanConfig(vocab_size=VOCABULARY, **sizes, **heads)
    return model.PelicanForCausalLM(config).eval()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a package that adds something, as pip would install it."""

    def add(package: str, group: str, entry: str, code: str = "") -> None:
        (tmp_path / f"{package}.py").write_text(code)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[patchwidgets.{group}]\n{entry}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    yield add
    for package in tmp_path.glob("*.py"):
        sys.modules.pop(package.stem, None)


def test_a_family_that_a_package_adds_is_patched_exactly(pelican: Any) -> None:
    model = Model(pelican, toy_tokenizer(VOCABULARY))
    assert model.checks.passed
    assert model.layout.architecture.z == "self_attn.mixing"
    exp = pw.Experiment(model, TASK)
    clean, corrupted = exp.clean["L1.H2"], exp.corrupted["L1.H2"]

    def replace(_module: Any, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        z = given[0].clone()
        assert torch.equal(z[..., 16:24], corrupted.to(z))
        z[..., 16:24] = clean
        return (z,)

    hook = pelican.model.layers[1].self_attn.mixing.register_forward_pre_hook(replace)
    with hook, torch.no_grad():
        logits = pelican(torch.tensor([exp.pairs[0].corrupted])).logits[:, -1]
    assert torch.allclose(exp.patch("L1.H2").logits, logits, atol=1e-5)


def test_without_the_package_the_family_is_unknown(
    pelican: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "path", [each for each in sys.path if "packages" not in Path(each).name]
    )
    with pytest.raises(ModelError, match="No output projection in LlamaDecoderLayer"):
        Model(pelican, toy_tokenizer(VOCABULARY))


def test_a_metric_that_a_package_adds_has_its_name(pelican: Any) -> None:
    exp = pw.Experiment(Model(pelican, toy_tokenizer(VOCABULARY)), TASK, ["margin", "margin@-2"])
    best = exp.clean.logits[0].sort().values
    assert exp.clean.value == pytest.approx(float(best[-1] - best[-2]), abs=1e-6)
    assert list(exp.metrics) == ["margin", "margin@-2"]
    assert [metric_written(each) for each in exp.metrics.values()] == ["'margin'", "'margin@-2'"]
    with pytest.raises(MetricError, match=r"Did you mean 'margin'\? Expected one of .*kl, margin,"):
        pw.metrics.find_metric("margins")


def test_what_is_not_asked_for_is_not_imported(install: Install) -> None:
    install("lazy_birds", "metrics", "plumage = lazy_birds:plumage", "raise SystemError('early')")
    assert pw.metrics.find_metric("kl").name == "kl"
    with pytest.raises(MetricError, match="kl, plumage, perhaps"):
        pw.metrics.find_metric("no such")
    assert "lazy_birds" not in sys.modules
    with pytest.raises(
        ExtensionError,
        match=r"The metric 'plumage' of the package 'lazy_birds' \(lazy_birds:plumage\) cannot be imported: "
        r"SystemError: early\. Update or uninstall 'lazy_birds', or tell its authors\.",
    ):
        pw.metrics.find_metric("plumage")


def test_a_broken_record_concerns_its_own_family_alone(install: Install) -> None:
    install("broken_birds", "architectures", "heron = broken_birds:HERON")
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY))
    assert model.layout.architecture is ARCHITECTURES["llama"]
    hf_model = random_model("llama")
    hf_model.config.model_type = "heron"
    with pytest.raises(
        ExtensionError, match=r"The record of an architecture 'heron' of the package 'broken_birds'"
    ):
        Model(hf_model, toy_tokenizer(VOCABULARY))


@pytest.mark.parametrize(
    ("group", "entry", "code", "says"),
    [
        ("architectures", "odd = odd_birds:ODD", "ODD = 3", "is an int; expected pw.Architecture"),
        ("metrics", "odd = odd_birds:ODD", "ODD = 3", "is an int; expected a function or Metric"),
        (
            "metrics",
            "odd = odd_birds:ODD",
            "import patchwidgets as pw\nODD = pw.metrics.METRICS['kl'].at(-2)",
            "has the name 'kl@-2'; expected 'odd', without a position",
        ),
    ],
)
def test_what_is_of_another_kind_is_refused(
    group: str, entry: str, code: str, says: str, install: Install
) -> None:
    install("odd_birds", group, entry, code)
    hf_config = random_model("llama").config
    hf_config.model_type = "odd"
    find = {
        "architectures": lambda: find_record(hf_config),
        "metrics": lambda: pw.metrics.find_metric("odd"),
    }
    with pytest.raises(ExtensionError, match=f"of the package 'odd_birds' .*{says}|{says}"):
        find[group]()


def test_names_that_are_there_already_are_refused(install: Install) -> None:
    install("rude_birds", "architectures", "llama = rude_birds:MINE", "raise SystemError")
    config = random_model("llama").config
    says = (
        r"The package 'rude_birds' adds a record of an architecture named 'llama', which patchwidgets has itself; that "
        r"one stays\."
    )
    with pytest.warns(ExtensionWarning, match=says):
        assert find_record(config) is ARCHITECTURES["llama"]


def test_two_packages_with_one_name_are_refused_both(install: Install) -> None:
    for package in ("first_birds", "other_birds"):
        install(package, "metrics", f"wings = {package}:wings", "wings = len")
    with pytest.raises(
        ExtensionError,
        match=r"The metric 'wings' is added by 'first_birds' and 'other_birds'\. Uninstall all of them but one\.",
    ):
        pw.metrics.find_metric("wings")


def test_a_metric_may_say_more_than_a_function(install: Install) -> None:
    code = (
        "from patchwidgets import metrics\n"
        "spread = metrics.Metric('spread', lambda r: r.logits.std(-1), 'spread of logits', 'logits')\n"
    )
    install("exact_birds", "metrics", "spread = exact_birds:spread", code)
    found = pw.metrics.find_metric("spread@-2")
    assert (found.name, found.unit, found.pos) == ("spread@-2", "logits", -2)
