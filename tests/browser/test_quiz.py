"""The quiz page, from a file with the network off: what answers hear, the keyboard, paper, and both browsers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from patchwidgets.course.quiz import Quiz
from patchwidgets.course.teaching_quiz import teaching_quiz
from tests.browser.axe import serious
from tests.browser.firefox import opened as opened_in_firefox
from tests.browser.saved_page import opened

RIGHT: list[list[str]] = [
    ["L0.H1", "(0, 1)", " l0h1"],
    ["0.368", "37%", ".37"],
    ["84", " 84 ", "84.0"],
    ["0", "0.000", "0 %", "<0.001", "< 0.1 %"],
    ["AND"],
    ["0.671", "67 %", "0,67"],
    ["L0.H1", "0.1", "layer 0, head 1"],
    ["b", "3", "-2", "62"],
    ["layer 2"],
    ["8", "8.", " 8", "pair 8", "#8"],
]
"""How people write the right answers; a choice has one form."""
UNREADABLE = {
    "head": [("L7.H1", "layers 0 to 3, with the heads 0 to 3"), ("mlp", 'Write a head as "L2.H1"')],
    "position": [("9", "positions 0 to 4"), ("S2", "as a name of the task (a, operator, b, end)")],
    "number": [("much", "Write a number")],
}


@pytest.fixture(scope="module")
def quiz() -> Quiz:
    return teaching_quiz()


@pytest.fixture(scope="module")
def path(quiz: Quiz, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quiz") / "quiz.html"
    quiz.to_html(path)
    return path


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Page]:
    with opened(browser, path) as saved:
        saved.page.wait_for_selector("html[data-quiz-ready]", state="attached")
        yield saved.page
        assert saved.notices.errors == []
        assert saved.notices.outside == []


def answer(page: Page, text: str) -> str:
    """Answer the question that is shown, by the keyboard; return what is said."""
    form = page.locator("form:not([hidden])")
    choice = form.get_by_label(text, exact=True)
    if form.get_by_role("radio").count():
        choice.check()
        choice.press("Enter")
    else:
        form.get_by_role("textbox").fill(text)
        form.get_by_role("textbox").press("Enter")
    return form.get_by_role("status").inner_text()


def shown(answer: Any) -> str:
    """An answer as the page shows numbers, with three figures at most and a real minus sign."""
    if isinstance(answer, str) or float(answer).is_integer():
        return str(answer)
    size = abs(answer)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{answer:+.{digits}f}".replace("-", "−")


def test_right_and_wrong_answers_hear_their_sentences(page: Page, quiz: Quiz) -> None:
    for number, (question, right) in enumerate(zip(quiz.answered, RIGHT, strict=True), 1):
        page.get_by_role("button", name=f"Question {number}", exact=True).click()
        if question["kind"] != "choice":
            assert answer(page, "") == "Not yet. There is no answer yet."
        heard: list[Any] = []
        for foreseen in question["foreseen"]:
            new = [each for each in foreseen["answers"] if each not in heard]
            heard += new
            for wrong in new:
                said = f"Not yet. {foreseen['says']}"
                assert answer(page, str(wrong)) == said, (number, wrong)
                assert answer(page, shown(wrong)) == said, (number, wrong)
        for odd, says in UNREADABLE.get(question["kind"], []):
            assert says in answer(page, odd)
        for form in right:
            assert answer(page, form) == f"Right. {question['praise']}", (number, form)
        expect(page.locator("#score")).to_have_text(f"{number} of 10 right")


def test_other_answers_are_led_on(page: Page, quiz: Quiz) -> None:
    assert answer(page, "L1.H0") == f"Not yet. {quiz.answered[0]['otherwise']}"


def test_the_answer_is_in_the_explorer(page: Page, quiz: Quiz) -> None:
    page.locator("[data-run='patched'] [data-site='L0.H1']").first.click()
    shown = page.locator("[data-result][data-site='L0.H1']")
    shown.wait_for(state="attached")
    recovery = float(shown.get_attribute("data-recovery") or "nan")
    assert recovery == pytest.approx(quiz.key[1][0], abs=1e-4)


def test_both_numbers_are_in_the_history(page: Page) -> None:
    page.locator("[data-run='patched'] [data-site='L0.H1']").first.click()
    page.locator(".tabs").get_by_text("History", exact=True).click()
    both = page.locator(".hrow", has_text="L0.resid_pre@a and")
    both.filter(has_not_text="noise").click()
    shown = page.locator("[data-result][data-site='L0.resid_pre@a + L0.resid_pre@b']")
    shown.wait_for(state="attached")
    assert float(shown.get_attribute("data-recovery") or "nan") == pytest.approx(1, abs=1e-3)
    names = page.locator(".hrow .mono")
    cut = names.evaluate_all("all => all.filter((el) => el.scrollWidth > el.clientWidth).length")
    heights = names.evaluate_all(
        "all => all.map((el) => el.closest('.hrow').offsetHeight - el.offsetHeight)"
    )
    assert cut == 0
    assert min(heights) >= 0


def test_the_page_names_no_head_before_it_is_found(page: Page) -> None:
    expect(page.locator(".map-note", has_text="Exact: 16 of 16")).to_have_count(1)
    expect(page.locator("[data-first-step]")).to_have_count(0)


def test_keys_work_before_a_click_into_the_explorer(page: Page) -> None:
    host = page.locator("[data-host]")
    expect(host).to_have_attribute("data-host", "corrupted")
    page.get_by_role("textbox").press("n")
    expect(host).to_have_attribute("data-host", "corrupted")
    page.get_by_role("button", name="Check").first.click()
    page.keyboard.press("n")
    expect(host).to_have_attribute("data-host", "clean")
    page.locator(".swap").click()
    expect(host).to_have_attribute("data-host", "corrupted")
    page.keyboard.press("n")
    expect(host).to_have_attribute("data-host", "clean")
    page.keyboard.press(".")
    expect(page.locator(".stepper")).to_have_attribute("data-pair", "0")
    page.keyboard.press("/")
    expect(page.locator(".site-box input")).to_be_focused()


def test_what_is_needed_before_layer_1_is_in_the_explorer(page: Page) -> None:
    page.keyboard.press("n")
    page.locator(".metric-select").select_option("answer_prob")
    page.locator("[data-map='positions'] [data-site='L1.resid_pre@3']").click()
    result = page.locator("[data-result][data-site='L1.resid_pre@3'][data-metric='answer_prob']")
    result.wait_for(state="attached")
    assert float(result.get_attribute("data-recovery") or "nan") == pytest.approx(0.12, abs=5e-3)


def test_the_question_gives_its_room_to_the_explorer(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    fold = page.get_by_role("button", name="Hide the question")
    fold.click()
    expect(page.locator("#text-1")).to_be_hidden()
    assert page.locator("#quiz").evaluate("(quiz) => quiz.offsetHeight") < 140
    page.get_by_role("button", name="Show the question").click()
    expect(page.locator("#text-1")).to_be_visible()


def test_by_the_keyboard_alone(page: Page) -> None:
    page.get_by_role("textbox").focus()
    page.keyboard.type("L0.H1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Question 1, right")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#text-2")).to_be_focused()
    expect(page.locator("[aria-current='step']")).to_have_text("2")
    expect(page.locator("#text-1")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_from_using_it(
    page: Page, scheme: Literal["light", "dark"], width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    answer(page, "L0.H1")
    assert serious(page.locator("html")) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("#quiz").evaluate("(quiz) => quiz.offsetHeight") < 844 / 2


def test_paper_has_all_questions(page: Page) -> None:
    page.emulate_media(media="print")
    for number in range(1, 11):
        expect(page.locator(f"#text-{number}")).to_be_visible()
    expect(page.get_by_role("button", name="Check").first).to_be_hidden()


def test_firefox(quiz: Quiz, path: Path) -> None:
    with opened_in_firefox() as firefox:
        firefox.open(path)
        firefox.find("html[data-quiz-ready]")
        for text, says in (("L0.H0", quiz.answered[0]["foreseen"][0]["says"]), ("0.1", "Right.")):
            field = firefox.find("form:not([hidden]) input")
            field.clear()
            field.send_keys(text)
            firefox.find("form:not([hidden]) button").click()
            assert says in firefox.find("form:not([hidden]) .said").text
        assert firefox.errors == []
