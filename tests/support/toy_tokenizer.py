"""A word tokenizer for models whose vocabulary has no words: ``w0 w1 …`` are the ids themselves."""

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast


def toy_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """`size` words; a word with its leading space is one token."""
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(size)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words)
