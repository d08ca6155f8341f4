"""A quiz as a page: questions above an explorer that answers clicks, in one HTML file. Costs what a saved page costs.

The answers are in the page, compressed: they cannot be read at a glance, and whoever wants to can find them out. A head
is one of sixteen, so that no way of hiding would do more. It is a quiz to learn with, and no exam.
"""

import base64
import gzip
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from patchwidgets.course.questions import Question, QuizError
from patchwidgets.explorer.saved_page import Part
from patchwidgets.explorer.widget import page_of
from patchwidgets.facade.experiment import Experiment
from patchwidgets.models.model import Model
from patchwidgets.storage import write_file

_STYLE = (Path(__file__).parent / "quiz.css").read_text(encoding="utf-8")


class Quiz:
    """Questions about an experiment, and the page on which they are answered.

    Parameters
    ----------
    exp
        What the explorer of the page is about.
    questions
        In their order.
    title
        Of the page.
    intro
        What is said before the first question: plain text.
    joint
        Sites that are patched together in both directions before the page is made. A page computes nothing, so what a
        question needs beside single sites has to be there; it is in the page's history.

    Attributes
    ----------
    key
        The right answers, as computed, for whoever teaches.
    answered
        The questions with all their answers and sentences, as the page has them.

    Raises
    ------
    QuizError
        There are no questions, or an answer is not of its question's kind.

    Examples
    --------
    >>> question = pw.course.Question(
    ...     "How far does L0.H1 bring the answer back? Read the recovery.",
    ...     "number",
    ...     right=lambda exp: exp.patch("L0.H1").recovery,
    ...     praise="Nearly all the way: no other head does that.",
    ...     otherwise="Click L0.H1, and read the number beside the gauge.",
    ...     foreseen=[(lambda exp: exp.patch("L0.H1").effect, "This is the effect, in logits.")],
    ... )
    >>> quiz = pw.course.Quiz(exp, [question])
    >>> [round(answer, 2) for (answer,) in quiz.key]
    [0.99]
    >>> quiz.to_html()[:15]
    '<!doctype html>'
    """

    def __init__(
        self,
        exp: Experiment,
        questions: Sequence[Question],
        title: str = "Quiz: activation patching",
        intro: str = "",
        joint: Sequence[Sequence[str]] = (),
    ) -> None:
        if not questions:
            raise QuizError("A quiz needs a question: Quiz(exp, [pw.course.Question(...)]).")
        self._exp, self._questions, self._joint = exp, list(questions), list(joint)
        self._title, self._intro = title, intro
        self.answered = [question.answered(exp) for question in questions]
        self.key = [tuple(each["right"]) for each in self.answered]

    def to_html(self, path: str | Path | None = None) -> str:
        """The page as one HTML file, which needs neither Python nor the network.

        Parameters
        ----------
        path
            Where to write it; None writes nothing.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        explorer = self._exp.explore()
        try:
            for sites in self._joint:
                for direction in ("denoise", "noise"):
                    explorer.select(*sites, direction=direction)
                    assert explorer.result  # waits for it
            explorer.select(direction=self._exp.direction)
            page = page_of(explorer, Part(self._title, self._html(), _STYLE, "quiz.js"))
        finally:
            explorer.close()
        if path is not None:
            write_file(path, page.encode())
        return page

    def _data(self) -> dict[str, Any]:
        model, pair = self._exp.model, self._exp.pairs[0]
        return {
            "layers": model.n_layers,
            "heads": model.n_heads,
            "prompts": [model.token_strings(pair.clean), _counterparts(self._exp)],
            "positions": dict(pair.positions),
            "questions": self.answered,
        }

    def _html(self) -> str:
        packed = gzip.compress(json.dumps(self._data()).encode(), mtime=0)
        n = len(self._questions)
        buttons = "".join(
            f'<li><button type="button" aria-label="Question {i}">{i}</button></li>'
            for i in range(1, n + 1)
        )
        examples = _examples(self._exp.model)
        forms = "\n".join(
            _form(i, question, n, examples) for i, question in enumerate(self._questions, 1)
        )
        intro = f'<p class="intro">{escape(self._intro)}</p>\n' if self._intro else ""
        return (
            f'{intro}<section id="quiz" aria-label="Quiz">\n'
            f'<nav aria-label="Questions"><ol>{buttons}</ol><p id="score" role="status"></p>'
            '<button type="button" id="fold" aria-expanded="true">Hide the question</button></nav>\n'
            f"{forms}\n</section>\n"
            f'<script type="text/plain" id="questions">{base64.b64encode(packed).decode()}</script>\n'
        )


def _counterparts(exp: Experiment) -> list[str]:
    """The corrupted prompt of the first pair, in the positions of the clean one; nothing where it has no token."""
    pair = exp.pairs[0]
    texts = exp.model.token_strings(pair.corrupted)
    places = (pair.counterparts.get(at) for at in range(len(pair)))
    return ["" if place is None else texts[place] for place in places]


def _examples(model: Model) -> dict[str, str]:
    """What is written in a field before there is an answer, of each kind that is typed: heads that the model has."""
    last = model.n_layers - 1
    return {
        "head": f"L{min(2, last)}.H{min(1, model.n_heads - 1)}",
        "component": f"L{min(3, last)}.mlp_out",
        "position": "0",
        "number": "0.58",
    }


def _form(i: int, question: Question, n: int, examples: dict[str, str]) -> str:
    following = "" if i == n else '<button type="button" class="next">Next question</button>'
    return (
        f'<form autocomplete="off">\n'
        f'<p class="text" id="text-{i}" tabindex="-1"><b>{i}.</b> {escape(question.text)}</p>\n'
        f'<div class="row">{_field(i, question, examples)}<button>Check</button>{following}</div>\n'
        f'<p class="said" role="status"></p></form>'
    )


def _field(i: int, question: Question, examples: dict[str, str]) -> str:
    if question.kind == "choice":
        choices = "".join(
            f'<label><input type="radio" name="answer" value="{escape(choice)}"> {escape(choice)}</label>'
            for choice in question.choices
        )
        return f'<div role="radiogroup" aria-labelledby="text-{i}">{choices}</div>'
    return (
        f'<label>Your answer <input name="answer" aria-describedby="text-{i}" placeholder="{examples[question.kind]}" '
        'autocapitalize="off" spellcheck="false"></label>'
    )
