"""What any host may do with the explorer, VS Code and Colab among them: `docs/hosts.md` says what is tested where.

On the bare page, which the test dresses as the host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from patchwidgets.facade import Experiment
from tests.browser.axe import serious
from tests.browser.bare import BUNDLE, BarePage, serving
from tests.browser.bare.kernel import BareKernel, answering
from tests.browser.explorer import ROOT, Explorer
from tests.browser.notebook import Notices
from tests.browser.stories import teaching_experiment

SITE = "L0.H1"
MAPS = ".map-note:has-text('Exact: ')"
WIDTH = 1200

# ---- what the page is given -------------------------------------------------------------------

SAYS_ABSOLUTE = re.compile(r"""(?:https?|wss?|file):/{2}[^"'`\s)]*|sourceMappingURL[^\n]*""")


def test_the_bundle_is_one_module_that_names_no_place() -> None:
    for name in ("widget.js", "page.js"):
        code = (BUNDLE.parent / name).read_text(encoding="utf-8")
        assert set(SAYS_ABSOLUTE.findall(code)) == {"http://www.w3.org/2000/svg"}, name
        assert str(Path.home()) not in code
        assert not re.search(r"\bimport\s*[({\"']|\brequire\s*\(|\beval\s*\(|new Function\b", code)
    said = re.findall(r"\bexport\s*(?:\{[^}]*\}|default\b|\*)", BUNDLE.read_text(encoding="utf-8"))
    assert len(said) == 1
    assert re.fullmatch(r"export\{[\w$]+ as default\}", said[0])


# Everything of a page that a widget could change: a class that a site styles, a global, a method that others use.
PAGE = """() => {
  const names = (each) => Reflect.ownKeys(each).map(String).sort();
  const attributes = (each) => [...each.attributes].map(({ name, value }) => `${name}=${value}`);
  const built = ["Array", "Object", "String", "Promise", "Map", "Node", "Element", "HTMLElement", "Event"];
  return {
    globals: names(globalThis).filter((name) => !/^\\d+$/.test(name)),
    prototypes: built.map((name) => names(globalThis[name].prototype)),
    html: attributes(document.documentElement),
    body: attributes(document.body),
    head: document.head.innerHTML,
    around: [...document.body.children].map((each) => each.cloneNode().outerHTML),
    sheets: document.adoptedStyleSheets.length,
    address: location.href,
    history: history.length,
    stored: [localStorage.length, sessionStorage.length, document.cookie],
  };
}"""
EXPORTS = """async () => {
  const module = await import("./widget.js");
  const { default: widget } = module;
  return [Object.keys(module), Object.entries(widget).map(([name, value]) => [name, typeof value]).sort()];
}"""


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return teaching_experiment()


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def page(browser: Browser, notices: Notices) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": 1000})
    page = context.new_page()
    notices.listen(page)
    yield page
    assert notices.errors == []
    assert notices.outside == []
    context.close()


@pytest.fixture
def bare(page: Page) -> Iterator[BarePage]:
    with serving() as address:
        bare = BarePage.open(page, address)
        yield bare
        assert bare.violations() == []


@pytest.fixture
def show(bare: BarePage, exp: Experiment) -> Iterator[Callable[[], BareKernel]]:
    """Show the explorer; returns its kernel, which has answered everything that a new view asks."""
    with answering(bare, exp) as kernel:

        def shown() -> BareKernel:
            bare.show()
            kernel.answer_until(MAPS)
            kernel.settle()
            return kernel

        yield shown


def patch(kernel: BareKernel, site: str = SITE) -> None:
    Explorer(kernel.bare.page).click(site)
    kernel.answer_until(f"[data-result][data-site='{site}']")
    kernel.settle()


def test_the_module_has_one_default_export_with_what_anywidget_calls(bare: BarePage) -> None:
    exports = bare.page.evaluate(EXPORTS)
    assert exports == [["default"], [["initialize", "function"], ["render", "function"]]]


def test_nothing_of_the_page_is_changed(
    bare: BarePage, show: Callable[[], BareKernel], exp: Experiment
) -> None:
    before = bare.page.evaluate(PAGE)
    empty = bare.page.context.new_page()
    empty.goto(f"{bare.page.url}driver.js")  # the text of it, on a page that runs nothing
    without = empty.evaluate(PAGE)
    empty.close()
    assert set(before["globals"]) - set(without["globals"]) == {"bare", "executed"}, "the test's"
    assert before["prototypes"] == without["prototypes"]
    kernel = show()
    patch(kernel)
    explorer = Explorer(bare.page)
    assert explorer.reading().effect == pytest.approx(exp.patch(SITE).effect, rel=1e-5)
    explorer.type_site("L1.H2")
    kernel.answer_until("[data-result][data-site='L1.H2']")
    explorer.root.locator(".swap").click()
    kernel.answer_until("select.host[data-host='clean']")
    kernel.settle()
    assert bare.page.evaluate(PAGE) == before


# ---- how it looks there -----------------------------------------------------------------------

LAB_NAMES = {
    "--jp-layout-color1": "#fffffe",
    "--jp-ui-font-color0": "#010101",
    "--jp-ui-font-color1": "#020202",
}
"""As the style sheet of ipywidgets gives them to every page: the light theme of JupyterLab."""
COLAB_NAMES = LAB_NAMES | {"--jp-ui-font-color1": "#fefefe"}
"""Colab sets the colour of letters alone."""
CODE_NAMES = {
    "--vscode-editor-background": "#002b36",
    "--vscode-editor-foreground": "#93a1a1",
    "--vscode-font-family": "serif",
}
HIGH_CONTRAST = {
    "--vscode-editor-background": "#000000",
    "--vscode-editor-foreground": "#ffffff",
    "--vscode-contrastBorder": "#6fc3df",
}
HIGH_CONTRAST_LIGHT = {
    "--vscode-editor-background": "#ffffff",
    "--vscode-editor-foreground": "#292929",
    "--vscode-contrastBorder": "#0f4a85",
}
LIGHT = ("rgb(255, 255, 255)", "rgb(36, 39, 44)", "rgb(217, 220, 225)")
DARK = ("rgb(22, 24, 27)", "rgb(223, 226, 230)", "rgb(58, 63, 70)")
"""The explorer's own surface, letters and lines."""
IN_LAB = ("rgb(255, 255, 254)", "rgb(2, 2, 2)", LIGHT[2])
IN_CODE = ("rgb(0, 43, 54)", DARK[1], DARK[2])
IN_CONTRAST = ("rgb(0, 0, 0)", DARK[1], "rgb(111, 195, 223)")
IN_CONTRAST_LIGHT = (LIGHT[0], LIGHT[1], "rgb(15, 74, 133)")

Attributes = dict[str, str]
HOSTS: dict[str, tuple[Attributes, Attributes, dict[str, str], bool, tuple[str, str, str]]] = {
    # attributes of html, of body, variables; whether it is dark; surface, letters, lines
    "lab-light": ({}, {"data-jp-theme-light": "true"}, LAB_NAMES, False, IN_LAB),
    "lab-dark-without-names": ({}, {"data-jp-theme-light": "false"}, {}, True, DARK),
    "vscode-light": ({}, {"class": "vscode-light"}, LAB_NAMES, False, LIGHT),
    "vscode-dark": ({}, {"class": "vscode-dark"}, LAB_NAMES | CODE_NAMES, True, IN_CODE),
    "vscode-high-contrast": (
        {},
        {"class": "vscode-high-contrast"},
        LAB_NAMES | HIGH_CONTRAST,
        True,
        IN_CONTRAST,
    ),
    "vscode-high-contrast-light": (
        {},
        {"class": "vscode-high-contrast vscode-high-contrast-light"},
        LAB_NAMES | HIGH_CONTRAST_LIGHT,
        False,
        IN_CONTRAST_LIGHT,
    ),
    "colab-light": ({"theme": "light"}, {}, LAB_NAMES, False, LIGHT),
    "colab-dark": ({"theme": "dark"}, {}, COLAB_NAMES, True, DARK),
    "marimo-light": ({}, {"class": "light light-theme", "data-theme": "light"}, {}, False, LIGHT),
    "marimo-dark": ({}, {"class": "dark dark-theme", "data-theme": "dark"}, {}, True, DARK),
}
DRESS = """([html, body, names]) => {
  for (const [element, wanted] of [[document.documentElement, html], [document.body, body]]) {
    for (const name of ["class", "theme", "data-theme", "data-jp-theme-light"]) element.removeAttribute(name);
    for (const [name, value] of Object.entries(wanted)) element.setAttribute(name, value);
  }
  const { style } = document.documentElement;
  style.cssText = "";
  for (const [name, value] of Object.entries(names)) style.setProperty(name, value);
}"""
WORN = """(root) => {
  const { backgroundColor, color } = getComputedStyle(root);
  const line = getComputedStyle(root.querySelector(".toolbar select")).borderTopColor;
  return [root.classList.contains("pw-dark"), [backgroundColor, color, line]];
}"""


def dress(page: Page, host: str) -> None:
    html, body, names, *_ = HOSTS[host]
    page.evaluate(DRESS, [html, body, names])


@pytest.mark.parametrize("preferred", ["light", "dark"])
def test_it_wears_the_theme_of_its_host_and_follows_it(
    page: Page,
    show: Callable[[], BareKernel],
    shoot: Callable[[str, str], Path],
    preferred: Literal["light", "dark"],
) -> None:
    """Also where the system prefers the other one; nothing of it is serious to axe."""
    page.emulate_media(color_scheme=preferred, reduced_motion="reduce")
    patch(show())
    root = page.locator(ROOT).first
    worn = {}
    for host in HOSTS:
        dress(page, host)
        page.wait_for_function(
            "([root, dark]) => root.classList.contains('pw-dark') === dark",
            arg=[root.element_handle(), HOSTS[host][3]],
        )
        worn[host] = root.evaluate(WORN)
        if preferred == "light":
            shoot(ROOT, f"host-{host}")
            assert serious(root) == [], host
    assert worn == {host: [dark, list(looks)] for host, (*_, dark, looks) in HOSTS.items()}


def test_where_the_page_says_nothing_the_system_decides(
    page: Page, show: Callable[[], BareKernel]
) -> None:
    preferred: Literal["dark", "light"]
    page.evaluate(DRESS, [{}, {"class": "lm-something"}, LAB_NAMES])
    show()
    root = page.locator(ROOT).first
    for preferred in ("dark", "light"):
        page.emulate_media(color_scheme=preferred)
        page.wait_for_function(
            "([root, dark]) => root.classList.contains('pw-dark') === dark",
            arg=[root.element_handle(), preferred == "dark"],
        )
        looks = DARK if preferred == "dark" else LIGHT
        assert root.evaluate(WORN) == [preferred == "dark", list(looks)]


# ---- hidden and shown -------------------------------------------------------------------------

DISPLAY = "(shown) => { document.getElementById('here').style.display = shown ? '' : 'none'; }"
# The view as it is drawn, without the number of the view in its ids, and without the class of an answer that is new: it
# only says what moves, and nothing does.
DRAWN = r"""(root) => [
  root.outerHTML.replaceAll(/pw\d+-\d+|lit\$\d+\$/g, "pw").replace(" pw-fresh", ""),
  ...[...root.querySelectorAll("canvas")].map((each) => `${each.width} ${each.height} ${each.toDataURL()}`),
  JSON.stringify([...root.querySelectorAll("*")].map((each) => {
    const { x, y, width, height } = each.getBoundingClientRect();
    return [x, y, width, height].map((side) => Math.round(4 * side));
  })),
]"""
LAID_OUT = """(root) => Math.floor(root.getBoundingClientRect().width) > 0
  && root.querySelector("[data-run='patched'] svg") !== null"""


def drawn(page: Page) -> list[str]:
    root = page.locator(ROOT).first
    page.mouse.move(0, 0)
    page.wait_for_function(LAID_OUT, arg=root.element_handle())
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    drawn: list[str] = root.evaluate(DRAWN)
    return drawn


def test_a_view_that_was_hidden_is_drawn_as_one_that_was_not(
    bare: BarePage, show: Callable[[], BareKernel]
) -> None:
    """A tab behind another one, a cell that is folded, a slide that comes later: `display: none`."""
    page = bare.page
    page.emulate_media(reduced_motion="reduce")
    patch(show())
    kernel = show()  # a second view, as the hidden one is the third
    expected = drawn(page)

    page.evaluate(DISPLAY, False)
    bare.show()
    kernel.settle()
    expect(page.locator(ROOT).first).to_be_hidden()
    page.evaluate(DISPLAY, True)
    kernel.answer_until(MAPS)
    kernel.settle()
    assert drawn(page) == expected


def test_what_changes_while_it_is_hidden_is_there_when_it_is_shown(
    bare: BarePage, show: Callable[[], BareKernel]
) -> None:
    page = bare.page
    page.emulate_media(reduced_motion="reduce")
    kernel = show()
    patch(kernel)
    patch(kernel, "L1.H2")
    page.set_viewport_size({"width": 700, "height": 1000})
    dress(page, "colab-dark")
    kernel.settle()
    expected = drawn(page)
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    dress(page, "colab-light")
    kernel.settle()

    page.evaluate(DISPLAY, False)
    page.set_viewport_size({"width": 700, "height": 1000})
    dress(page, "colab-dark")
    kernel.settle()
    page.evaluate(DISPLAY, True)
    kernel.settle()
    assert drawn(page) == expected


def test_two_copies_of_the_bundle_on_a_page_do_not_meet(bare: BarePage, exp: Experiment) -> None:
    """Two kernels with two versions, or two notebooks in one page."""
    script = """async () => {
      const { default: again } = await import("./widget.js?again");
      const views = [bare.widget, again].map((widget) => {
        const el = document.createElement("div");
        document.getElementById("here").append(el);
        const model = new bare.model.constructor();
        return { el, dispose: widget.render({ model, el }) };
      });
      views[0].dispose();
      return [again === bare.widget, ...views.map(({ el }) => el.childElementCount)];
    }"""
    assert bare.page.evaluate(script) == [False, 0, 1]
