"""Tasks: pairs of prompts with their answers, their token ids, and generators of well-known tasks."""

from patchwidgets.tasks.arithmetic import addition, modular, subtraction
from patchwidgets.tasks.pairs import Pair, encode_pairs
from patchwidgets.tasks.proposal import propose_alignment
from patchwidgets.tasks.repeats import induction
from patchwidgets.tasks.sentences import greater_than, ioi
from patchwidgets.tasks.task import Task

__all__ = [
    "Pair",
    "Task",
    "addition",
    "encode_pairs",
    "greater_than",
    "induction",
    "ioi",
    "modular",
    "propose_alignment",
    "subtraction",
]
