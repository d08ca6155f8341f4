"""Any right form of an answer is read, and what cannot be read is told how to be written."""

import numpy as np
import pytest

from patchwidgets.course.answers import (
    UnreadableAnswer,
    as_component,
    as_head,
    as_heads,
    as_number,
    as_receiver,
    as_some_of,
    as_word,
    is_missing,
)
from patchwidgets.course.verdict import judge
from patchwidgets.sites import Site

HEADS = [
    "L9.H6", "l9.h6", " L9.H6 ", "L9H6", "L9 H6", "9.6", "9, 6", "(9, 6)", "layer 9 head 6", "layer 9, head 6", "a9.h6",
    (9, 6), [9, 6], np.array([9, 6]), ("9", "6"), ("L9", "H6"), ["L9.H6"], "L9.H6@-1", 9.6, Site.parse("L9.H6"),
]  # fmt: skip


@pytest.mark.parametrize("answer", HEADS, ids=repr)
def test_a_head_in_any_form(answer: object) -> None:
    assert as_head(answer) == (9, 6)


@pytest.mark.parametrize(
    "answer",
    [["L1.H2", "L1.H0"], ("L1.H0", "L1.H2"), {(1, 0), (1, 2)}, [(1, 0), "1.2"], "L1.H0, L1.H2", "L1.H0 L1.H2",
     "l1h2+l1h0", "(1, 0), (1, 2)", "[(1, 0), (1, 2)]", ["L1.H0", "L1.H0", "L1.H2"]], ids=repr
)  # fmt: skip
def test_heads_in_any_form(answer: object) -> None:
    assert as_heads(answer) == ((1, 0), (1, 2))


@pytest.mark.parametrize("answer", ["L1.H2", (1, 2), ["L1.H2"], [(1, 2)], [1, 2]], ids=repr)
def test_one_head_is_a_set_too(answer: object) -> None:
    assert as_heads(answer) == ((1, 2),)


@pytest.mark.parametrize("answer", [3, "three", ["L1", "L2"], [], {"a": 1}], ids=repr)
def test_what_is_no_set_of_heads_is_told_how_to_write_one(answer: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r"Write the heads as a list"):
        as_heads(answer)


@pytest.mark.parametrize(
    "answer", ["L9", "L20", "20", "nine", "L9.mlp_out", (9,), (9, 6, 1), 9, {"a": 1}], ids=repr
)
def test_what_is_no_head_is_told_how_to_write_one(answer: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r'Write a head as "L9\.H6" or \(9, 6\)'):
        as_head(answer)


@pytest.mark.parametrize(
    ("answer", "component"),
    [("L3.mlp_out", "L3.mlp_out"), ("l3 mlp", "L3.mlp_out"), ("MLP 3", "L3.mlp_out"), ("m3", "L3.mlp_out"),
     ("L2.attn", "L2.attn_out"), ("embedding", "embed"), ((9, 6), "L9.H6"), ("L9.H6@S2", "L9.H6")],
)  # fmt: skip
def test_a_component_in_any_form(answer: object, component: str) -> None:
    assert as_component(answer) == component


@pytest.mark.parametrize(
    "answer", [0.58, "0.58", ".58", "58%", " 58 % ", "0,58", np.float32(0.58), "+0.58"], ids=repr
)
def test_a_number_in_any_form(answer: object) -> None:
    assert as_number(answer) == pytest.approx(0.58)


@pytest.mark.parametrize("answer", ["a lot", True, "1.2.3", [0.5], "0.5 of it"], ids=repr)
def test_what_is_no_number_is_told_so(answer: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r"Write a number, such as 0\.58"):
        as_number(answer)


@pytest.mark.parametrize(
    ("answer", "reads"),
    [
        ("L9.H6.q", "L9.H6.q"), (" l9h6 query", "L9.H6.q"), ("L2.H1 -> L9.H6.q", "L9.H6.q"), ((9, 6, "k"), "L9.H6.k"),
        ([9, 6], "L9.H6"), ("L9.KV2.values", "L9.KV2.v"), ("l3.mlp", "L3.mlp_in"), ("L3.mlp_out", "L3.mlp_in"),
        ("Logits", "logits"), ("L9.H6.q@-1", "L9.H6.q"),
    ],
)  # fmt: skip
def test_what_reads_in_any_form(answer: object, reads: str) -> None:
    assert as_receiver(answer) == reads


@pytest.mark.parametrize("answer", ["the name", "L9", "H6.q", 9, (9, 6, "q", 1)], ids=repr)
def test_what_reads_nothing_is_told_so(answer: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r'Write what reads as "L9\.H6\.q"'):
        as_receiver(answer)


def test_some_of_several_names() -> None:
    read = as_some_of("L2.H1->logits", "L3.H0->logits")
    assert read(["L3.H0 -> logits"]) == {"L3.H0->logits"}
    assert read("l2.h1->logits; L3.H0->LOGITS") == {"L2.H1->logits", "L3.H0->logits"}
    assert read([]) == set()
    with pytest.raises(
        UnreadableAnswer, match=r"Choose among L2\.H1->logits, .*got 'L4\.H0->logits'"
    ):
        read(["L2.H1->logits", "L4.H0->logits"])
    with pytest.raises(UnreadableAnswer, match=r"write a list of them; got 7"):
        read(7)


def test_a_word_in_any_case() -> None:
    read = as_word("AND", "OR", "neither")
    assert [read(answer) for answer in ("and", " Or ", "'NEITHER'")] == ["AND", "OR", "neither"]
    with pytest.raises(UnreadableAnswer, match="one of: AND, OR, neither; got 'xor'"):
        read("xor")


@pytest.mark.parametrize("answer", [..., None, "", "  "])
def test_no_answer_yet(answer: object) -> None:
    assert is_missing(answer)
    verdict = judge(answer, as_head, lambda _: True, praise="", foreseen=[], otherwise="")
    assert not verdict
    assert repr(verdict).startswith("Not yet. There is no answer yet")


def test_an_array_is_an_answer() -> None:
    assert not is_missing(np.array([9, 6]))
