"""What tests of attention share: its parts, and a task of one pair."""

from patchwidgets.tasks import Task

PARTS = ("q", "k", "v", "pattern")
TASK = Task("w3 w14 w15 w9 w26 w5 w35", "w3 w14 w42 w9 w26 w7 w35", " w8", " w9")
