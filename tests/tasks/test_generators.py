"""The generators: symmetric replacements, right answers, positions that point at what they name."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patchwidgets as pw
from patchwidgets import tasks
from patchwidgets.errors import TaskError
from patchwidgets.tasks import Task, encode_pairs
from patchwidgets.tasks.split import part_of
from tools.teaching.vocabulary import build_tokenizer

TOKENIZER = build_tokenizer()
SEEDS = st.integers(0, 10_000)
MAKERS = {
    "addition": tasks.addition,
    "subtraction": tasks.subtraction,
    "modular": tasks.modular,
    "ioi": tasks.ioi,
    "greater_than": tasks.greater_than,
    "induction": tasks.induction,
}


def tokens_at(task: Task, name: str) -> list[str]:
    pairs = encode_pairs(task, TOKENIZER)
    return [TOKENIZER.decode([pair.clean[pair.positions[name]]]) for pair in pairs]


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_prompts_are_equally_long_and_known_words(maker, seed):
    task = maker(n=3, seed=seed)
    assert maker(n=3, seed=seed) == task
    for pair in encode_pairs(task, TOKENIZER):
        assert len(pair.clean) == len(pair.corrupted)
        assert TOKENIZER.unk_token_id not in (
            *pair.clean,
            *pair.corrupted,
            *pair.answers,
            *pair.foils,
        )
        assert not set(pair.answers) & set(pair.foils)


@pytest.mark.parametrize(
    ("maker", "replaced"),
    [
        ("addition", 1),
        ("subtraction", 1),
        ("modular", 1),
        ("ioi", 1),
        ("greater_than", 1),
        ("induction", 2),
    ],
)
def test_the_corruption_replaces_few_tokens(maker, replaced):
    pairs = encode_pairs(MAKERS[maker](n=50, seed=1), TOKENIZER)
    assert {len(pair.differing()) for pair in pairs} == {replaced}


@pytest.mark.parametrize(
    ("maker", "operation"),
    [
        (tasks.addition, lambda a, b: a + b),
        (tasks.subtraction, lambda a, b: a - b),
        (tasks.modular, lambda a, b: (a + b) % 10),
    ],
)
def test_arithmetic_is_right(maker, operation):
    task = maker(n=100, seed=3)
    for prompts, answers in ((task.clean, task.answer), (task.corrupted, task.foil)):
        numbers = [[int(x) for x in re.findall(r"\d+", prompt)[:2]] for prompt in prompts]
        assert [str(operation(*pair)) for pair in numbers] == answers
    assert tokens_at(task, "a") == [re.findall(r"\d+", prompt)[0] for prompt in task.clean]
    assert tokens_at(task, "b") == [re.findall(r"\d+", prompt)[1] for prompt in task.clean]
    assert set(tokens_at(task, "end")) == {"="}


def test_which_number_varies():
    expected = {"a": (1,), "b": (3,), "both": (1, 3)}
    for varies, differs in expected.items():
        pairs = encode_pairs(tasks.addition(n=30, varies=varies), TOKENIZER)
        assert {pair.differing() for pair in pairs} == {differs}


def test_ioi_answers_with_the_name_that_is_said_once():
    task = tasks.ioi(n=40, seed=5)
    for prompt, answer, foil in zip(task.clean, task.answer, task.foil, strict=True):
        assert (prompt.count(answer), prompt.count(foil)) == (1, 2)
    for prompt, answer, foil in zip(task.corrupted, task.answer, task.foil, strict=True):
        assert (prompt.count(answer), prompt.count(foil)) == (2, 1)


def test_ioi_orders_alternate_and_templates_are_all_used():
    task = tasks.ioi(n=60, seed=0)
    giver_first = [
        p.index(f) < p.index(a) for p, a, f in zip(task.clean, task.answer, task.foil, strict=True)
    ]
    assert giver_first == [False, True] * 30
    openings = {prompt.split()[0] for prompt in task.clean}
    assert openings == {"When", "While", "After", "At", "In"}
    assert {len(pair.clean) for pair in encode_pairs(task, TOKENIZER)} == {15}


def test_ioi_positions():
    task = tasks.ioi(n=24, seed=2)
    pairs = encode_pairs(task, TOKENIZER)
    assert [pair.positions["S2"] for pair in pairs] == [pair.differing()[0] for pair in pairs]
    assert all(pair.positions["S1"] < pair.positions["S2"] for pair in pairs)
    assert tokens_at(task, "IO") == [name.strip() for name in task.answer]
    assert tokens_at(task, "S1") == tokens_at(task, "S2") == [name.strip() for name in task.foil]
    assert set(tokens_at(task, "end")) == {"to"}


def test_greater_than_with_two_digits():
    task = tasks.greater_than(n=30, seed=1)
    years = [int(re.search(r"\d\d(\d\d) to", prompt)[1]) for prompt in task.clean]
    assert [len(answers) for answers in task.answer] == [99 - year for year in years]
    assert [len(foils) for foils in task.foil] == [year + 1 for year in years]
    assert tokens_at(task, "YY") == [f"{year:02d}" for year in years]
    assert all("01 to" in prompt for prompt in task.corrupted)


def test_greater_than_digit_by_digit():
    task = tasks.greater_than(n=30, seed=1, digits=1)
    for prompt, answers, foils in zip(task.clean, task.answer, task.foil, strict=True):
        tens = re.search(r"\d\d(\d)\d to", prompt)[1]
        assert "".join(foils) + tens + "".join(answers) == "0123456789"
        assert answers
        assert foils


def test_a_model_says_how_many_digits_of_a_year_are_a_token(smollm2):
    assert tasks.greater_than(3, model=smollm2) == tasks.greater_than(3, digits=1)
    teaching = SimpleNamespace(tokenizer=TOKENIZER)
    assert tasks.greater_than(3, model=teaching) == tasks.greater_than(3, digits=2)


def test_places_of_a_sum_modulo_a_number_are_found_in_any_tokenizer():
    found = tasks.modular(4, modulus=5, model=SimpleNamespace(tokenizer=TOKENIZER))
    pairs = encode_pairs(found, TOKENIZER)
    fixed = encode_pairs(tasks.modular(4, modulus=5), TOKENIZER)
    assert [pair.positions for pair in pairs] == [pair.positions for pair in fixed]


def test_induction_repeats_and_swaps_the_cue():
    task = tasks.induction(n=20, seed=4)
    for clean, corrupted, answer, foil in zip(
        task.clean, task.corrupted, task.answer, task.foil, strict=True
    ):
        words, cue = clean.split(), clean.split()[-1]
        assert words[words.index(cue) + 1] == answer.strip()
        assert words[8:] == words[:5]
        changed = corrupted.split()
        assert changed[changed.index(cue) + 1] == foil.strip()
        assert sorted(changed) == sorted(words)
    assert tokens_at(task, "cue") == tokens_at(task, "end")
    assert tokens_at(task, "next") == [answer.strip() for answer in task.answer]


def test_induction_changes_one_of_three_words():
    cue, after, end = (tasks.induction(20, seed=4, change=c) for c in ("cue", "next", "end"))
    for other in (after, end):
        assert (other.clean, other.answer, other.foil) == (cue.clean, cue.answer, cue.foil)
        assert other.positions == cue.positions
    for i in range(20):
        words, answer, foil = after.clean[i].split(), after.answer[i].strip(), after.foil[i].strip()
        swapped, ended = after.corrupted[i].split(), end.corrupted[i].split()
        at, there = words.index(answer), words.index(foil)
        assert (swapped[at], swapped[there]) == (foil, answer)
        assert [w for w in swapped if w not in (answer, foil)] == [
            w for w in words if w not in (answer, foil)
        ]
        assert (ended[:-1], ended[-1]) == (words[:-1], words[there - 1])


def test_induction_needs_room():
    with pytest.raises(ValueError, match="from 6 to 112"):
        tasks.induction(length=5)


@given(a=st.integers(0, 99), b=st.integers(0, 99))
def test_the_split_does_not_see_the_order(a, b):
    assert part_of(a, b) == part_of(b, a)


def test_the_split_is_about_eight_to_one_to_one():
    parts = [part_of(a, b) for a in range(100) for b in range(a, 100)]
    assert [parts.count(part) for part in ("train", "validation", "test")] == [3993, 524, 533]


@pytest.mark.parametrize("maker", [tasks.addition, tasks.subtraction, tasks.modular])
def test_a_part_is_respected_by_both_prompts(maker):
    task = maker(n=40, part="test")
    for prompt in (*task.clean, *task.corrupted):
        assert part_of(*re.findall(r"\d+", prompt)[:2]) == "test"


def test_names_of_a_part():
    task = tasks.ioi(n=40, part="validation")
    assert {part_of(a.strip(), f.strip()) for a, f in zip(task.answer, task.foil, strict=True)} == {
        "validation"
    }


def test_an_answer_of_several_tokens_is_kept_whole():
    pair = encode_pairs(Task("12+34=", "13+34=", "46 47", "47"), TOKENIZER)[0]
    assert [len(ids) for ids in pair.long_answers + pair.long_foils] == [2, 1]


def test_the_prompt_may_be_written_with_or_without_spaces():
    spaced, tight = (TOKENIZER(text)["input_ids"] for text in ("12 + 34 = 46", "12+34=46"))
    assert spaced == tight
    assert TOKENIZER.decode(tight, skip_special_tokens=True) == "12 + 34 = 46"


@pytest.mark.parametrize(
    ("task", "metric", "replaced"),
    [
        (tasks.ioi(12), "logit_diff", 1),
        (tasks.greater_than(12, digits=1), "prob_diff", 1),
        (tasks.induction(12), "logit_diff", 2),
    ],
    ids=["ioi", "greater_than", "induction"],
)
def test_a_real_model_does_them_too(smollm2, task, metric, replaced):
    exp = pw.Experiment(smollm2, task, metric)
    assert exp.clean.value > 0.4
    assert exp.corrupted.value < -0.4
    assert {len(pair.differing()) for pair in exp.pairs} == {replaced}


@pytest.mark.parametrize(
    ("task", "n_tokens"),
    [(tasks.addition(3), 3), (tasks.greater_than(3), 2)],
    ids=["addition", "years"],
)
def test_a_tokenizer_without_such_numbers_takes_several_tokens(smollm2, task, n_tokens):
    pair = encode_pairs(task, smollm2.tokenizer)[0]
    assert pair.answers == ()
    assert {len(ids) for ids in pair.long_answers} == {n_tokens}


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: tasks.addition(1, part="tset"), "Unknown part 'tset'; expected 'train'"),
        (lambda: tasks.ioi(1, part="tset"), "Unknown part 'tset'"),
        (lambda: tasks.greater_than(1, part="tset"), "Unknown part 'tset'"),
        (lambda: tasks.modular(1, modulus=1), "A modulus of 1 leaves no two different results"),
        (lambda: tasks.subtraction(1, varies="c"), "Unknown varies 'c'; expected 'a', 'b'"),
        (lambda: tasks.greater_than(1, digits=3), "1 or 2 digits per token; got digits=3"),
        (lambda: tasks.induction(1, length=5), "a length from 6 to 112; got 5"),
        (
            lambda: tasks.induction(1, change="answer"),
            "change is 'answer'; expected one of cue, next, end",
        ),
        (lambda: tasks.induction(1, length=113), "a length from 6 to 112; got 113"),
    ],
)
def test_arguments_that_no_generator_takes(make, says):
    with pytest.raises(TaskError, match=says):
        make()
