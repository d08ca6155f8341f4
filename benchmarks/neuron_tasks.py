"""Tasks of unlike kinds on which the choice of neurons (`top=`) is measured."""

from typing import NamedTuple

import patchwidgets as pw
from patchwidgets.directions import Direction


class NeuronTask(NamedTuple):
    """A model, a task and how to measure it; patches act at all positions, or at the named one."""

    model: str | None
    task: pw.Task
    metric: str = "logit_diff"
    direction: Direction = "denoise"
    pos: str | None = None


_CONTEXT = (
    "The museum opened in the spring, and people came from every part of the country to see the old paintings, "
    "the maps and the ships that had been found near the coast, which nobody had shown to the public before. "
)
_VERB = pw.Task(
    "The keys that the man near the cabinet likes",
    "The key that the man near the cabinet likes",
    (" are", " were"),
    (" is", " was"),
    positions={"noun": 1, "end": -1},
)
_NAMES = pw.Task(
    "When Mary and John went to the store, John gave a drink to",
    "When Mary and John went to the store, Mary gave a drink to",
    " Mary",
    " John",
)
_OPPOSITES = pw.Task(
    ["The opposite of hot is", "The opposite of big is", "The opposite of up is"],
    ["The opposite of cold is", "The opposite of small is", "The opposite of down is"],
    [" cold", " small", " down"],
    [" hot", " big", " up"],
)


def neuron_tasks() -> dict[str, NeuronTask]:
    """The tasks by name."""
    return {
        "addition": NeuronTask(None, pw.tasks.addition(n=8, seed=0)),
        "facts": NeuronTask(
            "smollm2",
            pw.Task("The capital of France is", "The capital of Italy is", " Paris", " Rome"),
        ),
        "verb": NeuronTask("smollm2", _VERB),
        "verb, at the end": NeuronTask("smollm2", _VERB, pos="end"),
        "verb, at the noun": NeuronTask("smollm2", _VERB, direction="noise", pos="noun"),
        "gender": NeuronTask(
            "smollm2",
            pw.Task("The queen sat down because", "The king sat down because", " she", " he"),
            "answer_logprob",
        ),
        "names": NeuronTask("smollm2", _NAMES),
        "names, noise": NeuronTask("smollm2", _NAMES, direction="noise"),
        "opposites": NeuronTask("smollm2", _OPPOSITES, direction="noise"),
        "numbers": NeuronTask(
            "smollm2",
            pw.Task("two, three, four,", "six, seven, four,", " five", " eight"),
            direction="noise",
        ),
        "years": NeuronTask(
            "smollm2",
            pw.Task(
                "The war lasted from 1765 to 17",
                "The war lasted from 1725 to 17",
                ("7", "8", "9"),
                ("3", "4", "5"),
            ),
            "prob_diff",
        ),
        "long": NeuronTask(
            "smollm2",
            pw.Task(
                _CONTEXT + "When the queen spoke, everybody listened to",
                _CONTEXT + "When the king spoke, everybody listened to",
                " her",
                " him",
            ),
            direction="noise",
        ),
    }
