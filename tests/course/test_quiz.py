"""The quiz page: answers are computed from an experiment, and a question that makes no sense is refused."""

import base64
import gzip
import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.course.questions import QuizError
from patchwidgets.course.teaching_quiz import teaching_quiz


def question(**changes: Any) -> pw.course.Question:
    return pw.course.Question(
        **(
            {
                "text": "Which head?",
                "kind": "head",
                "right": lambda exp: "L0.H1",
                "praise": "It is.",
                "otherwise": "It is not.",
            }
            | changes
        )
    )


@pytest.fixture(scope="module")
def exp() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.addition(2, varies="both"))


@pytest.fixture(scope="module")
def of_course() -> pw.course.Quiz:
    return teaching_quiz()


def test_the_answers_of_the_course(of_course: pw.course.Quiz) -> None:
    head, recovery, said, enough, gate, needed, sign, position, layer, pair = of_course.key
    assert (head, said, gate, sign, position) == (
        ("L0.H1",),
        (84,),
        ("AND",),
        ("L0.H1",),
        (3,),
    )
    assert (layer, pair) == (("layer 2",), (8,))
    assert [round(number[0], 3) for number in (recovery, enough, needed)] == [0.368, 0, 0.671]


def test_what_is_asked_is_not_answered_by_the_page_as_it_opens(of_course: pw.course.Quiz) -> None:
    """It opens in denoise, by the logit difference, with its maps filled."""
    head, enough, position = (of_course.answered[at] for at in (0, 3, 7))
    assert head["foreseen"][0]["answers"] == ["L0.H0"]
    assert position["foreseen"][2]["answers"] == [4]
    of_noise = enough["foreseen"][1]["answers"]
    assert [round(answer, 3) for answer in of_noise] == [0.739, 0.261]


def test_words_of_the_course(of_course: pw.course.Quiz) -> None:
    page = of_course._html()
    (intro,) = re.findall('<p class="intro">(.*)</p>', page)
    assert "mean of the eight" in intro
    assert "the corrupted prompt has two different numbers" in intro
    assert "⇄ (N)" in intro
    assert "under ⋯" in intro
    assert "L9.H6" not in page
    assert page.count('placeholder="L2.H1"') == 2
    said = json.dumps(of_course.answered)
    assert "is left at this token" not in said
    assert "nothing later reads it" in said
    assert not [
        text for text in re.findall("[Pp]ress [NM][^.]*", said + page) if " or " not in text
    ]


def test_no_foreseen_answer_is_right(of_course: pw.course.Quiz) -> None:
    for answered in of_course.answered:
        assert len(answered["foreseen"]) >= 3
        for foreseen in answered["foreseen"]:
            for wrong, right in product(foreseen["answers"], answered["right"]):
                off = abs(wrong - right) if isinstance(right, float) else float(wrong != right)
                assert off > answered["tolerance"], foreseen


def test_answers_are_brought_into_one_form(exp: pw.Experiment) -> None:
    def keys(kind: str, *answers: Any, **changes: Any) -> list[Any]:
        made = question(kind=kind, right=lambda _: list(answers), **changes)
        return list(made.answered(exp)["right"])

    assert keys("head", (1, 2), " l1h2", "1.2") == ["L1.H2"] * 3
    assert keys("component", "L3.MLP", (1, 2)) == ["L3.mlp_out", "L1.H2"]
    assert keys("position", "a", 1, "-1", "end") == [1, 1, 4, 4]
    assert keys("number", "58%", 0.58) == [0.58, 0.58]
    assert keys("choice", "AND", choices=("AND", "OR")) == ["AND"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"kind": "layer"},
            "one of the kinds head, component, position, number, choice; got 'layer'",
        ),
        ({"right": "L0.H1"}, r"right=lambda exp: \.\.\.; got 'L0.H1'"),
        ({"kind": "choice"}, "kind 'choice' with 0 choices"),
        ({"choices": ("a", "b")}, "kind 'head' with 2 choices"),
    ],
)
def test_questions_that_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(QuizError, match=says):
        question(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"right": lambda _: "L0.mlp_out"}, "'Which head.': an answer is not of the kind 'head'"),
        ({"foreseen": [("no head", "…")]}, "not of the kind 'head'. Write a head as"),
        (
            {"kind": "position", "right": lambda _: 5},
            r"from 0 to 4, or a name of the task \(a, oper",
        ),
        (
            {"kind": "choice", "choices": ("AND",), "right": lambda _: "OR"},
            "The choices are AND; got 'OR'",
        ),
    ],
)
def test_answers_that_are_refused(exp: pw.Experiment, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(QuizError, match=says):
        pw.course.Quiz(exp, [question(**changes)])


def test_a_quiz_needs_a_question(exp: pw.Experiment) -> None:
    with pytest.raises(QuizError, match="needs a question"):
        pw.course.Quiz(exp, [])


def test_what_is_asked_is_text_and_answers_are_not_read_at_a_glance(
    exp: pw.Experiment, tmp_path: Path
) -> None:
    odd = question(text="<b>Which</b> {head}?", praise="</script>Yes, very")
    path = tmp_path / "quiz.html"
    page = pw.course.Quiz(exp, [odd], title="A <i>quiz</i>").to_html(path)
    assert path.read_text(encoding="utf-8") == page
    assert "&lt;b&gt;Which&lt;/b&gt; {head}?" in page
    assert "<h1>A &lt;i&gt;quiz&lt;/i&gt;</h1>" in page
    assert "Yes, very" not in page
    (packed,) = re.findall('id="questions">([^<]*)<', page)
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert data["questions"][0]["praise"] == "</script>Yes, very"
    assert data["positions"]["end"] == 4
    assert data["prompts"] == [
        ["<bos>", " 33", " +", " 62", " ="],
        ["<bos>", " 65", " +", " 51", " ="],
    ]
