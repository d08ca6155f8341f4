"""Operands are read right, or refused with the reason."""

import pytest

from patchwidgets import helix
from patchwidgets.errors import TaskError
from patchwidgets.tasks import Task, addition, division, modular, multiplication, subtraction


def read(prompt: str) -> list[int]:
    return helix.operands(Task(prompt, f"{prompt}?", "x")).tolist()[0]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("12+34=", [12, 34]),
        ("12 + 34 =", [12, 34]),
        ("12-34=", [12, 34]),
        ("12 -34=", [12, 34]),
        ("12 \N{MINUS SIGN} 34 =", [12, 34]),
        ("12*34=", [12, 34]),
        ("12\N{MULTIPLICATION SIGN}34=", [12, 34]),
        ("84/7=", [84, 7]),
        ("1+1=2 12+34=", [12, 34]),
        ("1+1=2\n2+5=7\n12+34=", [12, 34]),
        ("Output ONLY a number. 12+34=", [12, 34]),
        ("In 2024, 12+34=", [12, 34]),
        ("On 2024-05-01: 12+34=", [12, 34]),
        ("GPT2 says 12+34=", [12, 34]),
        ("Q1: 12+34=", [12, 34]),
        ("12+34 mod 10=", [12, 34]),
        ("-5+3=", [-5, 3]),
        ("5+-3=", [5, -3]),
        ("5 + (-3) =", [5, -3]),
        ("5--3=", [5, -3]),
        ("(12)+(34)=", [12, 34]),
        ("What is -12 plus 34?", [-12, 34]),
        ("1 plus 1 is 2, 12 plus 34 is", [12, 34]),
        ("84 divided by 7 is", [84, 7]),
        ("The sum of 12 and 34 is", [12, 34]),
        ("007+08=", [7, 8]),
    ],
)
def test_operands_are_read(prompt, expected):
    assert read(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("12=", "it has 1 and no sign"),
        ("nothing here", "it has 0 and no sign"),
        ("1 2 3", "it has 3 and no sign"),
        ("The sum of 1 and 1 is 2. The sum of 12 and 34 is", "it has 5 and no sign"),
        ("12=34", "an = stands between its numbers"),
        ("12+34=46", "the number 46 follows its last expression"),
        ("12+34= or 5", "the number 5 follows"),
        ("1+2+3=", "its last expression has 3 numbers"),
        ("1+1=2 12+34+56=", "its last expression has 3 numbers"),
        ("3*(12+34)=", "its last expression has 3 numbers"),
        ("(12+34)*2=", "its last expression has 3 numbers"),
        ("12+34 mod 10 mod 3=", "the number 10 follows"),
        ("1.5+2=", r"1\.5 is no whole number"),
        ("1,000+2=", "1,000 is no whole number"),
        ("2x+3=", "2x is no whole number"),
        ("12 and 3rd", "3rd is no whole number"),
    ],
)
def test_what_could_be_misread_is_refused(prompt, says):
    with pytest.raises(TaskError, match=f"Expected two numbers in each prompt.*{says}") as error:
        read(prompt)
    assert repr(prompt) in str(error.value)


@pytest.mark.parametrize("make", [addition, subtraction, multiplication, division, modular])
def test_operands_of_every_task(make):
    task = make(20)
    signs = {subtraction: "-", multiplication: "*", division: "/"}
    sign = signs.get(make, "+")
    expected = [
        [int(x) for x in prompt.split(" ")[0].rstrip("=").split(sign)] for prompt in task.clean
    ]
    assert helix.operands(task).tolist() == expected
