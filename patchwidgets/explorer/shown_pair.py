"""One pair of a dataset, or the mean over all, as a front end draws it (``docs/protocol.md``).

Numbers, next tokens and words are always those of the same pair. Over the mean stands no pair's word: a token that is
not the same in all pairs is None. Of prompts of unequal lengths only named positions and the last one are left.
Costs what the tokens as text cost, once for each pair.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np

from patchwidgets.experiment.baselines import Baselines
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.reading import Reading
from patchwidgets.explorer.edits import edit_of
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.models.top_tokens import TopToken
from patchwidgets.recovery import share
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.tasks import Pair
from patchwidgets.tokens import adds_bos, sequence_strings

Message = dict[str, Any]
N_TOP_TOKENS = 5
"""How many next tokens a run shows."""
LONGEST_PROMPT = 120
"""Characters of a prompt in the list of pairs, from its end."""
LAST = "-1"


def number_of(experiment: BaseExperiment, pair: ShownPair) -> int | None:
    """The pair whose words and numbers are shown; None for the mean over several."""
    return (0 if len(experiment.pairs) == 1 else None) if pair == "mean" else pair


_TASKS: "WeakKeyDictionary[Baselines, dict[ShownPair, Message]]" = WeakKeyDictionary()
"""What was written once: each click of a dataset sends it."""


def task(experiment: BaseExperiment, pair: ShownPair) -> Message:
    """The prompts of a pair as tokens; of the mean, what all pairs have in common."""
    known = _TASKS.setdefault(experiment.measurements.baselines, {})
    if pair not in known:
        known[pair] = _task(experiment, pair)
    return known[pair]


def _task(experiment: BaseExperiment, pair: ShownPair) -> Message:
    shown = number_of(experiment, pair)
    words = _of_mean(experiment) if shown is None else _of_pair(experiment, shown)
    lengths = [len(each) for each in experiment.pairs]
    return words | {
        "n_pairs": len(experiment.pairs),
        "lengths": [min(lengths), max(lengths)],
        "warnings": experiment.warnings,
    }


def prompts(experiment: BaseExperiment) -> list[Message]:
    """Of each pair of a dataset the end of its clean prompt, its answer and its foil, as text; of one pair, nothing."""
    if len(experiment.pairs) == 1:
        return []
    return [
        {
            "clean": _text(experiment, pair.clean)[-LONGEST_PROMPT:],
            "answer": _answers(experiment, pair.answers, pair.long_answers),
            "foil": _answers(experiment, pair.foils or (), pair.long_foils),
        }
        for pair in experiment.pairs
    ]


def runs(experiment: BaseExperiment, pair: ShownPair) -> dict[str, Message]:
    """The values and the most probable next tokens of both unpatched runs."""
    return {
        "clean": _run(experiment, "clean", pair),
        "corrupted": _run(experiment, "corrupted", pair),
    }


def of_pair(reading: Reading, experiment: BaseExperiment, pair: ShownPair) -> Reading:
    """The reading of one pair alone; the same for the mean."""
    shown = number_of(experiment, pair)
    return reading if shown is None else reading.of_pair(shown)


def over_pairs(reading: Reading) -> Message:
    """The numbers of every pair in a metric, and their mean with its interval; undefined ones are None."""
    each = reading.per_pair
    values = PairValues(
        reading.patched,
        each.effect,
        reading.clean,
        reading.corrupted,
        reading.noise_floor,
        reading.direction,
        reading.metric.median,
    )
    intervals = values.intervals()
    return {
        "mean": {
            "value": reading.value,
            "effect": reading.effect,
            "share": defined(reading.share),
            "recovery": defined(reading.recovery),
            "reason": reading.reason,
        },
        "low": defined(float(intervals["recovery_low"])),
        "high": defined(float(intervals["recovery_high"])),
        "no_interval": values.no_interval or None,
        **{
            name: [defined(number) for number in getattr(each, name).tolist()]
            for name in ("value", "effect", "share", "recovery")
        },
    }


def cell_values(values: PairValues, shown: int | None) -> dict[str, np.ndarray]:
    """Effect and share of the cells of a map: of one pair, or over all."""
    if shown is None:
        means = values.over_pairs()
        return {name: means[name] for name in ("share", "effect")}
    effect = values.effect[..., shown]
    ends = values.clean[shown], values.corrupted[shown]
    return {"share": share(effect, *ends, values.noise_floor, values.direction), "effect": effect}


def top(token: TopToken) -> Message:
    """A next token with its scores."""
    return {"token": token.token, "prob": token.prob, "logit": token.logit}


def defined(value: float) -> float | None:
    """A number in a message; None where it is not defined."""
    return None if math.isnan(value) else value


def _run(
    experiment: BaseExperiment, name: Literal["clean", "corrupted"], pair: ShownPair
) -> Message:
    run: MeasuredRun = experiment.clean if name == "clean" else experiment.corrupted
    shown = number_of(experiment, pair)
    if shown is None or len(experiment.pairs) == 1:
        values = run.values
    else:
        of_pairs = experiment.evaluation.values[name]
        values = {metric: float(of_pairs[metric][shown]) for metric in run.values}
    return {"values": values, "top": [top(token) for token in run.top_tokens(N_TOP_TOKENS, shown)]}


def _of_pair(experiment: BaseExperiment, shown: int) -> Message:
    pair, strings = experiment.pairs[shown], experiment.model.token_strings
    return {
        "clean": sequence_strings(experiment.model.tokenizer, pair.clean),
        "corrupted": sequence_strings(experiment.model.tokenizer, pair.corrupted),
        "differs": list(pair.differing()),
        "counterparts": [pair.counterparts.get(i) for i in range(len(pair))],
        "answer": strings(pair.answers) or _texts(experiment, pair.long_answers),
        "foil": strings(pair.foils or ()) or _texts(experiment, pair.long_foils),
        "positions": pair.positions,
        "text": asdict(edit_of(experiment.task, shown)),
        "bos": _bos(experiment, pair),
    }


def _of_mean(experiment: BaseExperiment) -> Message:
    pairs = experiment.pairs
    alike = len({(len(pair.clean), len(pair.corrupted), pair.columns) for pair in pairs}) == 1
    words = _by_index(experiment) if alike else _by_name(experiment)
    return words | {
        "answer": _common_texts(experiment, [pair.answers for pair in pairs]),
        "foil": _common_texts(experiment, [pair.foils or () for pair in pairs]),
        "bos": _bos(experiment, pairs[0]),
    }


def _by_index(experiment: BaseExperiment) -> Message:
    """The tokens at each index, where all pairs have the same one."""
    pairs = experiment.pairs
    names = pairs[0].positions.items()
    return {
        "clean": _common(experiment, [pair.clean for pair in pairs]),
        "corrupted": _common(experiment, [pair.corrupted for pair in pairs]),
        "differs": sorted({i for pair in pairs for i in pair.differing()}),
        "counterparts": [pairs[0].counterparts.get(i) for i in range(len(pairs[0]))],
        "positions": {
            name: i for name, i in names if all(pair.positions[name] == i for pair in pairs)
        },
    }


def _by_name(experiment: BaseExperiment) -> Message:
    """The tokens at named positions and at the last one: the only places that prompts of unequal lengths share."""
    pairs = experiment.pairs
    names = sorted(
        pairs[0].positions, key=lambda name: np.mean([pair.positions[name] for pair in pairs])
    )
    places = [[pair.positions[name] for pair in pairs] for name in names]
    last = [len(pair) - 1 for pair in pairs]
    if last not in places:
        names, places = [*names, LAST], [*places, last]
    columns = [list(zip(pairs, at, strict=True)) for at in places]
    matched = [all(i in pair.counterparts for pair, i in column) for column in columns]
    clean = [[pair.clean[i] for pair, i in column] for column in columns]
    corrupted = [
        [pair.corrupted[pair.counterparts[i]] for pair, i in column]
        for column, both in zip(columns, matched, strict=True)
        if both
    ]
    order = iter(range(len(corrupted)))
    return {
        "clean": _common(experiment, list(zip(*clean, strict=True))),
        "corrupted": _common(experiment, list(zip(*corrupted, strict=True))),
        "differs": [
            k
            for k, column in enumerate(columns)
            if any(i in pair.differing() for pair, i in column)
        ],
        "counterparts": [next(order) if both else None for both in matched],
        "positions": {name: k for k, name in enumerate(names) if name != LAST},
        "places": names,
    }


def _common(experiment: BaseExperiment, prompts: Sequence[Sequence[int]]) -> list[str | None]:
    """The tokens that all prompts of one length have in the same place."""
    if not prompts:
        return []
    first = sequence_strings(experiment.model.tokenizer, prompts[0])
    same = [len(set(ids)) == 1 for ids in zip(*prompts, strict=True)]
    return [token if alike else None for token, alike in zip(first, same, strict=True)]


def _common_texts(experiment: BaseExperiment, answers: Sequence[tuple[int, ...]]) -> list[str]:
    """The answers, if all pairs have the same ones."""
    return experiment.model.token_strings(answers[0]) if len(set(answers)) == 1 else []


def _bos(experiment: BaseExperiment, pair: Pair) -> str | None:
    tokenizer, bos = experiment.model.tokenizer, experiment.task.bos
    shown = pair.clean[0] == tokenizer.bos_token_id and (
        adds_bos(tokenizer) if bos is None else bos
    )
    return experiment.model.token_strings(pair.clean[:1])[0] if shown else None


def _answers(
    experiment: BaseExperiment, ids: Sequence[int], several: Sequence[Sequence[int]]
) -> str:
    """Alternatives in one text."""
    texts = experiment.model.token_strings(ids) or _texts(experiment, several)
    return "|".join(texts)[:LONGEST_PROMPT]


def _texts(experiment: BaseExperiment, answers: Sequence[Sequence[int]]) -> list[str]:
    """Answers of several tokens as text."""
    return [_text(experiment, ids) for ids in answers]


def _text(experiment: BaseExperiment, ids: Sequence[int]) -> str:
    return "".join(sequence_strings(experiment.model.tokenizer, ids))
