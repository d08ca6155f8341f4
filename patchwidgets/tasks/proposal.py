"""Proposals of which tokens are counterparts in prompts of unequal length. Costs some calls of the tokenizer."""

from patchwidgets.tasks.alignment import Alignment, ProposedAlignment, propose_columns
from patchwidgets.tasks.task import Task
from patchwidgets.tokens import HasTokenizer, Tokenizer, encode, token_strings


def propose_alignment(model: HasTokenizer, task: Task) -> ProposedAlignment:
    """Propose which tokens are counterparts in prompts with unequal token counts, from the tokens they have in common.

    Parameters
    ----------
    model
        A `Model`, or another object with a `tokenizer`.
    task
        One pair of prompts or a dataset. A map that it already has is ignored.

    Returns
    -------
    ProposedAlignment
        Printing it shows both tokenisations column by column. ``task.aligned(proposal)`` returns the task with it.

    Notes
    -----
    In prompts of equal token counts each position is its own counterpart. Otherwise three rules apply. The last tokens
    are counterparts, because the metric is read there. So are the tokens that both prompts share in the same order, as
    many as possible: what they begin with, what they end with, and the longest common subsequence between.
    Stretches between shared tokens are matched token by token if they are equally long; if not, only their last tokens
    are matched, because the last token of a name in several tokens represents it, and the others cannot be assigned.

    Examples
    --------
    >>> task = pw.Task("12+34=", "12+34 mod 10=", answer="46", foil="6")
    >>> pw.propose_alignment(model, task).align
    ((0, 0), (1, 1), (2, 2), (3, 3), (4, 6))
    """
    pairs = tuple(_proposed(task.pair(i), model.tokenizer) for i in range(len(task)))
    maps = [None if len(p.clean) == len(p.corrupted) else p.columns for p in pairs]
    single = isinstance(task.clean, str)
    return ProposedAlignment(pairs, maps[0] if single else maps if any(maps) else None)


def _proposed(task: Task, tokenizer: Tokenizer) -> Alignment:
    ids = [
        encode(tokenizer, str(text), task.bos, task.chat) for text in (task.clean, task.corrupted)
    ]
    clean, corrupted = (tuple(token_strings(tokenizer, each)) for each in ids)
    return Alignment(clean, corrupted, propose_columns(*ids))
