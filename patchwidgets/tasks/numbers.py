"""Which numbers are one token of the tokenizer at hand. Costs about two calls of the tokenizer per number."""

from collections.abc import Iterable, Sequence

from patchwidgets.errors import AnswerError, TaskError, listed, shown
from patchwidgets.tasks.templates import Template
from patchwidgets.tasks.text_positions import last_token_of
from patchwidgets.tokens import (
    HasTokenizer,
    Tokenizer,
    answer_ids,
    encode,
    token_string,
    unknown_words,
)


def is_one_token(tokenizer: Tokenizer, template: Template, number: int) -> bool:
    """Whether a number is one token at every place of a template."""
    numbers = dict.fromkeys(template.names, number)
    prompt = template.fill(**numbers)
    ids = encode(tokenizer, prompt)
    places = (
        last_token_of(template.up_to(name, **numbers), prompt, tokenizer, len(ids))
        for name in template.names
    )
    return all(token_string(tokenizer, ids[place]).strip() == str(number) for place in places)


def is_one_token_answer(tokenizer: Tokenizer, template: Template, number: int) -> bool:
    """Whether a number that follows a prompt of a template is one token."""
    prompt = template.fill(**dict.fromkeys(template.names, 1))
    try:
        ids = answer_ids(tokenizer, prompt, template.answer(number), bos=None, chat=False)
    except AnswerError:
        return False
    return len(ids) == 1 and token_string(tokenizer, ids[0]).strip() == str(number)


def check_operands(model: HasTokenizer, template: Template, numbers: Sequence[int]) -> None:
    """Check that a model can read the prompts of a template: its words, and each number as one token.

    Raises
    ------
    TaskError
        The object has no tokenizer, words of the template are unknown to it, or a number is no single token.
    """
    if not hasattr(model, "tokenizer"):
        raise TaskError(
            f"model is {shown(model)}; expected a model from pw.load(...) or pw.wrap(hf_model, tokenizer)."
        )
    prompt = template.fill(**dict.fromkeys(template.names, numbers[0]))
    if unknown := unknown_words(model.tokenizer, prompt):
        raise TaskError(
            f"The tokenizer does not know {listed(list(map(shown, unknown)), by=', ')} of the prompt {shown(prompt)}: "
            "the model cannot read this task. Use another model, or another template=."
        )
    several = [n for n in numbers if not is_one_token(model.tokenizer, template, n)]
    if several:
        raise TaskError(
            f"{len(several)} of the {len(numbers)} numbers are not one token each in {shown(template.text)}: "
            f"{listed(list(map(str, several)), most=5, by=', ')}. A fit or a patch at a number needs one token. Use a "
            "model whose numbers are single tokens, such as pw.load(), or other numbers, as in numbers=range(10)."
        )


def one_token_answers(
    model: HasTokenizer | None, template: Template, results: Iterable[int], largest: int
) -> set[int]:
    """The results that are one token after a prompt; without a model those up to `largest`."""
    if model is None:
        return {result for result in results if result <= largest}
    return {each for each in results if is_one_token_answer(model.tokenizer, template, each)}
