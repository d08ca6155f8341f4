"""Tasks: pairs of prompts with their answers, and how they become tokens."""

from patchwidgets.tasks.pairs import Pair, encode_pairs
from patchwidgets.tasks.task import Task

__all__ = ["Pair", "Task", "encode_pairs"]
