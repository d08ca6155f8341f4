"""What leaves the page as a file, in a real browser: a picture that stands alone, pixels, a table of all digits."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from playwright.sync_api import Browser, Page

import patchwidgets as pw
from tests.browser.axe import serious
from tests.browser.bare.kernel import BareKernel, showing
from tests.browser.conftest import SCREENSHOTS
from tests.browser.notebook import Notices

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def page(browser: Browser, notices: Notices) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    notices.listen(page)
    yield page
    page.close()


@pytest.fixture
def kernel(page: Page, experiment: pw.Experiment) -> Iterator[BareKernel]:
    """The page, under a strict policy, with L0.H1 patched."""
    with showing(page, experiment) as kernel:
        kernel.answer_until(".chart.heads .map-note:has-text('Exact: 16')")
        kernel.answer_until(".chart.positions .map-note:has-text('Exact: ')")
        page.locator("[data-run='patched'] [data-site='L0.H1']").first.click()
        kernel.answer_until("[data-result][data-site='L0.H1']")
        yield kernel


def exported(kernel: BareKernel, form: str, folder: Path) -> Path:
    """Choose a form in the menu, and return the file that was downloaded."""
    page = kernel.bare.page
    if page.locator(f"[data-export='{form}']").count() == 0:
        if page.locator("[data-panel='export']").count() == 0:
            page.locator("[data-panel='menu']").click()
        page.locator("[data-panel='export']").click()
    kernel.answer_until(".export pre:has-text('exp.patch')")
    with page.expect_download() as download:
        page.locator(f"[data-export='{form}']").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def set_theme(page: Page, theme: str) -> None:
    page.evaluate(
        "(light) => document.body.setAttribute('data-jp-theme-light', light)",
        str(theme == "light").lower(),
    )


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(png))[..., :3] * 255, dtype=int)


@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 480), ("dark", 900)]
)
def test_the_svg_stands_alone_and_looks_like_the_view(
    kernel: BareKernel, page: Page, browser: Browser, tmp_path: Path, theme: str, width: int
) -> None:
    set_theme(page, theme)
    page.set_viewport_size({"width": width, "height": 1000})
    page.mouse.move(0, 0)
    seen = page.locator(".patchwidgets").screenshot(animations="disabled")
    path = exported(kernel, "svg", tmp_path)
    assert path.name == "L0.H1-denoise.svg"
    text = path.read_text(encoding="utf-8")
    tree = ET.fromstring(text)
    words = "".join(each.text or "" for each in tree.iter(f"{SVG}text"))
    finding = page.locator(".finding").text_content() or ""
    assert finding.split()[0] in words
    assert all(word in words for word in ("Patched", "Corrupted", "layer"))
    assert "<foreignObject" not in text
    links = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', text)
    assert all(a.startswith("data:image/png") or b.startswith("#") for a, b in links)
    box = page.locator(".patchwidgets").bounding_box()
    assert box is not None
    assert int(tree.attrib["width"]) == width - round(box["x"]) * 2
    # Nothing lies beside the picture.
    assert int(tree.attrib["height"]) >= box["height"] - 1

    alone = browser.new_page(viewport={"width": width, "height": 1200})
    alone.goto(path.as_uri())
    drawn = alone.locator("svg").first.screenshot(animations="disabled")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (SCREENSHOTS / f"export-{theme}-{width}.png").write_bytes(drawn)
    alone.close()
    a, b = pixels(seen), pixels(drawn)
    rows = min(len(a), len(b))
    # Fonts are set a fraction of a pixel apart.
    unlike = (np.abs(a[:rows, : b.shape[1]] - b[:rows, : a.shape[1]]).max(axis=2) > 60).mean()
    assert unlike < 0.04


def test_the_png_has_twice_the_size_and_is_not_blank(
    kernel: BareKernel, page: Page, tmp_path: Path, notices: Notices
) -> None:
    path = exported(kernel, "png", tmp_path)
    assert path.name == "L0.H1-denoise.png"
    box = page.locator(".patchwidgets").bounding_box()
    assert box is not None
    shown = pixels(path.read_bytes())
    assert shown.shape[1] == 2 * round(box["width"])
    assert shown.shape[0] >= 2 * round(box["height"]) - 60
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 200
    # The lower right corner is the border of a chart: nothing was cut off.
    assert (shown[-200:, -200:].min(axis=2) < 240).any()
    assert kernel.bare.violations() == []
    assert notices.errors == []
    assert notices.outside == []


def test_the_csv_is_the_sweep_with_all_its_digits(
    kernel: BareKernel, tmp_path: Path, experiment: pw.Experiment
) -> None:
    path = exported(kernel, "csv", tmp_path)
    table = pd.read_csv(path)
    heads = table[table["map"] == "heads"]
    positions = table[table["map"] == "positions"]
    expected = experiment.sweep("z").to_xarray()
    for name in ("effect", "share"):
        shown = heads.pivot(index="layer", columns="head", values=name).to_numpy()
        exact = expected[name].mean("pair").squeeze().to_numpy()
        np.testing.assert_allclose(shown, exact, atol=1e-5)
    over = experiment.sweep("resid_pre", over=("layer", "pos")).to_xarray()
    shown = positions.pivot(index="layer", columns="position", values="effect").to_numpy()
    np.testing.assert_allclose(shown, over["effect"].mean("pair").squeeze().to_numpy(), atol=1e-5)
    assert set(table["known"]) == {"exact"}
    tokens = positions[positions["layer"] == 0].sort_values("position")["token"].tolist()
    written = path.read_text(encoding="utf-8")
    assert len(tokens) == len(experiment.pairs[0])
    assert not re.search(r"(?:^|,)\"?\s*[=+@]", written)


def test_a_map_of_direct_effects_is_direct_effects(
    kernel: BareKernel, page: Page, tmp_path: Path, experiment: pw.Experiment
) -> None:
    page.locator(".chart.heads").get_by_label("what the cells say").select_option("direct")
    kernel.answer_until(".chart.heads:has([data-field='direct']) .map-note:has-text('Exact: 16')")
    table = pd.read_csv(exported(kernel, "csv", tmp_path))
    heads = table[table["map"] == "heads"]
    assert set(heads["field"]) == {"direct"}
    shown = heads.pivot(index="layer", columns="head", values="effect").to_numpy()
    expected = experiment.direct_effects("z", progress=False).effect.values
    np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_what_python_writes_is_downloaded_as_it_was_written(
    kernel: BareKernel, page: Page, tmp_path: Path, experiment: pw.Experiment
) -> None:
    page.locator("[data-panel='export']").click()
    with page.expect_download() as download:
        page.locator("[data-export='mermaid']").click()
        kernel.answer_until(".status:has-text('is downloaded')")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "L0.H1-denoise.mmd"
    assert path.read_text(encoding="utf-8") == experiment.patch("L0.H1").to_mermaid()


def test_the_menu_is_reached_from_the_keyboard_and_axe_finds_nothing_serious(
    kernel: BareKernel, page: Page, tmp_path: Path
) -> None:
    page.locator("[data-panel='export']").focus()
    page.keyboard.press("Enter")
    kernel.answer_until(".export pre:has-text('exp.patch')")
    assert serious(page.locator(".patchwidgets")) == []
    page.locator("[data-export='svg']").focus()
    with page.expect_download():
        page.keyboard.press("Enter")
    assert page.locator("[data-panel='export']").evaluate(
        "(button) => button.getRootNode().activeElement === button"
    )
