"""The tokenizer of the teaching model: a word, a number, or two digits of a year are one token each."""

from string import Formatter

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from patchwidgets.tasks import words

SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
OPERATORS = ("+", "-", "=", "mod")
PUNCTUATION = (",", ".")


def spaced_words() -> list[str]:
    """List every token that includes its leading space."""
    templates = (*words.NAME_TEMPLATES, words.YEAR_TEMPLATE)
    literal = " ".join(text for t in templates for text, *_ in Formatter().parse(t))
    grammar = sorted({word.strip(",") for word in literal.split()} - {""})
    content = (words.NAMES, words.PLACES, words.OBJECTS, words.VERBS, words.EVENTS)
    return [*map(str, range(200)), *OPERATORS, *grammar, *(w for group in content for w in group)]


def vocabulary() -> dict[str, int]:
    """Map each token to its id: special tokens, words with their space (as ``▁``), punctuation, two digits of years."""
    years = [f"{year:02d}" for year in range(100)]
    tokens = [*SPECIAL, *(f"▁{word}" for word in spaced_words()), *PUNCTUATION, *years]
    return {token: i for i, token in enumerate(tokens)}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build a tokenizer that loads without our code, and to which ``12+34=46`` and ``12 + 34 = 46`` are the same."""
    tokenizer = Tokenizer(models.WordLevel(vocabulary(), unk_token="<unk>"))
    operators = [normalizers.Replace(Regex(rf" *\{op} *"), f" {op} ") for op in "+-="]
    tokenizer.normalizer = normalizers.Sequence([*operators, normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="always"),
            pre_tokenizers.Split(Regex("[,.]"), "isolated"),
            pre_tokenizers.Split(Regex(r"(?<=▁\d\d)\d\d$"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", SPECIAL.index("<bos>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<eos>",
        model_max_length=64,
        clean_up_tokenization_spaces=False,
    )
