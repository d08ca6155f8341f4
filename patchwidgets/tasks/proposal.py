"""Which tokens of prompts with unequal counts are counterparts: proposed from the tokens that they have in common."""

from patchwidgets.tasks.alignment import Alignment, ProposedAlignment, propose_columns
from patchwidgets.tasks.task import Task
from patchwidgets.tokens import HasTokenizer, Tokenizer, encode, token_strings


def propose_alignment(model: HasTokenizer, task: Task) -> ProposedAlignment:
    """Propose which tokens of prompts with unequal counts are counterparts, from the tokens they have in common.

    Parameters
    ----------
    model
        A `Model`, or anything else with a `tokenizer`.
    task
        One pair of prompts or a dataset; a map that it has already is not looked at.

    Returns
    -------
    ProposedAlignment
        Printing it shows both tokenisations column by column. ``task.aligned(proposal)`` is the task with it.

    Notes
    -----
    Prompts of equal counts are left as they are: each position is its own counterpart. Otherwise the last tokens are
    counterparts, since the metric is read there; of the others, those that both prompts have in the same order; and of
    what stands between these, where it is equally long in both, token by token, else only its last token: of a name
    in several tokens the last one carries it, and which of the others belong together is not guessed.
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
