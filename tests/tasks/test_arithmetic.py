"""Tasks of numbers: templates, positions, one token per number, and what is refused."""

import re

import pytest

import patchwidgets as pw
from patchwidgets import tasks
from patchwidgets.errors import TaskError
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task, encode_pairs
from tests.support.number_families import number_tokenizer
from tools.teaching.vocabulary import build_tokenizer

TEACHING = build_tokenizer()
GPTJ_LIKE = number_tokenizer(50_400, last=520)


class Holder:
    """An object with a tokenizer."""

    def __init__(self, tokenizer: object) -> None:
        self.tokenizer = tokenizer


def named_tokens(task: Task, tokenizer) -> dict[str, list[str]]:
    pairs = encode_pairs(task, tokenizer)
    return {
        name: [tokenizer.decode([pair.clean[pair.positions[name]]]).strip() for pair in pairs]
        for name in task.positions
    }


@pytest.mark.parametrize(
    "template",
    ["{a}+{b}=", "1+1=2 {a}+{b}=", "{a} + {b} ="],
)
@pytest.mark.parametrize("tokenizer", [TEACHING, GPTJ_LIKE], ids=["teaching", "gptj"])
def test_positions_are_at_what_they_name(template, tokenizer):
    task = tasks.addition(20, varies="both", template=template)
    numbers = [re.findall(r"\d+", prompt)[-2:] for prompt in task.clean]
    named = named_tokens(task, tokenizer)
    assert named["a"] == [a for a, _ in numbers]
    assert named["b"] == [b for _, b in numbers]
    assert set(named["operator"]) == {"+"}
    assert set(named["end"]) == {"="}
    assert task.answer == [str(int(a) + int(b)) for a, b in numbers]


def test_equal_numbers_have_their_own_positions():
    """A text is found at its last place, so that 12 in 12+12= would be b."""
    task = tasks.addition(1, template="{a} + {b}=", numbers=[12, 13])
    assert encode_pairs(Task("12 + 12=", "13 + 12=", "24", "25", {"a": "12"}), TEACHING)[
        0
    ].positions == {"a": 3}
    pair = next(iter(encode_pairs(task, TEACHING)))
    assert (pair.positions["a"], pair.positions["b"]) == (1, 3)


def test_a_sign_is_where_it_stands_though_the_tokenizer_puts_spaces_beside_it():
    pair = encode_pairs(Task("12+34=", "13+34=", "46", "47", {"sign": "+"}), TEACHING)[0]
    assert TEACHING.decode([pair.clean[pair.positions["sign"]]]).strip() == "+"


def test_words_between_the_numbers_and_an_answer_after_a_word():
    task = tasks.addition(3, template="{a} plus {b} is")
    assert task.clean[0] == "49 plus 53 is"
    assert task.answer[0] == " 102"
    named = named_tokens(task, GPTJ_LIKE)
    assert set(named["operator"]) == {"plus"}
    assert named["b"] == ["53", "62", "45"]
    assert set(named["end"]) == {"is"}


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (7, r"template=7 is no text; expected a prompt with \{a\} and \{b\}, each once"),
        ("{a}+{c}=", r"has \{a\}, \{c\}; expected"),
        ("12+34=", "has no place; expected"),
        ("{b}+{a}=", r"has \{b\}, \{a\}; expected"),
        ("{a}+{b}={a}", r"has \{a\}, \{b\}, \{a\}; expected"),
        ("{a}{b}=", "has nothing between the numbers"),
        ("{a} {b}=", "has nothing between the numbers"),
        ("{a:02d}+{b}=", "formats a number"),
        ("{a!r}+{b}=", "formats a number"),
        ("1{a}+{b}=", "has a digit beside a place"),
        ("{a}+{b}0=", "has a digit beside a place"),
        ("{a}+{b}= ", "ends in a space, which belongs to the answer"),
        ("{a}+{b}={", "has a brace without its other half"),
        ("{{{a}+{b}}}=", "has other braces"),
    ],
)
def test_templates_are_checked(template, says):
    with pytest.raises(TaskError, match=says):
        tasks.addition(1, template=template)


@pytest.mark.parametrize(
    ("maker", "sign", "right"),
    [
        (tasks.multiplication, r"\*", lambda a, b: a * b),
        (tasks.division, "/", lambda a, b: a / b),
        (tasks.subtraction, "-", lambda a, b: a - b),
    ],
)
@pytest.mark.parametrize("varies", ["a", "b", "both"])
def test_products_quotients_and_differences_are_right(maker, sign, right, varies):
    task = maker(60, seed=3, varies=varies, model=Holder(GPTJ_LIKE))
    for prompts, answers in ((task.clean, task.answer), (task.corrupted, task.foil)):
        numbers = [[int(x) for x in re.split(sign, prompt[:-1])] for prompt in prompts]
        assert [right(a, b) for a, b in numbers] == [int(answer) for answer in answers]
    assert all(a != f for a, f in zip(task.answer, task.foil, strict=True))
    for pair in encode_pairs(task, GPTJ_LIKE):
        assert (len(pair.clean), len(pair.answers), len(pair.foils)) == (4, 1, 1)


def test_results_of_a_model_are_single_tokens_of_it():
    """GPT-J's numbers end at 520, so 23*23=529 is left out; without a model, 198 is the largest result."""
    with_model = tasks.multiplication(400, model=Holder(GPTJ_LIKE))
    results = [int(answer) for answer in with_model.answer]
    assert 400 < max(results) <= 520
    assert max(int(answer) for answer in tasks.multiplication(400).answer) <= 198


def test_larger_numbers():
    task = tasks.addition(50, numbers=range(200, 261), model=Holder(GPTJ_LIKE))
    assert min(map(int, task.answer)) >= 400
    assert max(map(int, task.answer)) <= 520
    with pytest.raises(TaskError, match=r"10 of the 30 numbers are not one token .* 521, 522"):
        tasks.addition(1, numbers=range(501, 531), model=Holder(GPTJ_LIKE))


def test_a_model_with_a_token_for_each_digit_is_refused_with_the_reason(smollm2: Model):
    with pytest.raises(
        TaskError, match=r"90 of the 100 numbers are not one token each in '\{a\}\+\{b\}=': 10, 11"
    ):
        tasks.addition(1, model=smollm2)
    digits = tasks.addition(5, numbers=range(10), model=smollm2)
    assert max(map(int, digits.answer)) <= 9


def test_what_else_is_refused():
    with pytest.raises(TaskError, match=r"does not know '0\*0' of the prompt '0\*0='"):
        tasks.multiplication(1, model=Holder(TEACHING))
    with pytest.raises(TaskError, match=r"model is 'gpt2'; expected a model from pw\.load"):
        tasks.addition(1, model="gpt2")
    for numbers in (range(1), [1.5, 2], "12", 7, [-1, 2]):
        with pytest.raises(TaskError, match="expected at least two whole numbers from 0"):
            tasks.addition(1, numbers=numbers)
    with pytest.raises(TaskError, match=r"tasks\.division finds no two prompts .*0 pairs are left"):
        tasks.division(1, numbers=[0, 1])
    with pytest.raises(TaskError, match=r"tasks\.multiplication finds no two prompts"):
        tasks.multiplication(1, numbers=[99, 100])


def test_accuracy_says_whether_a_model_does_the_task():
    model = pw.load()
    assert pw.Experiment(model, tasks.addition(20, part="test", model=model)).accuracy > 0.9
    assert pw.Experiment(model, tasks.subtraction(20, part="test", model=model)).accuracy > 0.9
