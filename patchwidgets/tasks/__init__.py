"""Tasks: pairs of prompts with their answers, their token ids, and generators of well-known tasks."""

from typing import TYPE_CHECKING

from patchwidgets.guesses.answering import module_answering
from patchwidgets.guesses.names import TASKS
from patchwidgets.tasks.arithmetic import (
    addition,
    division,
    modular,
    multiplication,
    subtraction,
)
from patchwidgets.tasks.docstrings import docstring
from patchwidgets.tasks.facts import antonym, capital, colour, hypernym
from patchwidgets.tasks.grammar import agreement, pronoun
from patchwidgets.tasks.pairs import Pair, encode_pairs
from patchwidgets.tasks.proposal import propose_alignment
from patchwidgets.tasks.repeats import induction
from patchwidgets.tasks.sentences import greater_than, ioi
from patchwidgets.tasks.task import Task

__all__ = [
    "Pair",
    "Task",
    "addition",
    "agreement",
    "antonym",
    "capital",
    "colour",
    "division",
    "docstring",
    "encode_pairs",
    "greater_than",
    "hypernym",
    "induction",
    "ioi",
    "modular",
    "multiplication",
    "pronoun",
    "propose_alignment",
    "subtraction",
]

if not TYPE_CHECKING:  # a type checker has to find a misspelt name
    __getattr__ = module_answering("pw.tasks", __all__, TASKS)
