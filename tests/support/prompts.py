"""The prompts of the names task, which many tests share."""

CLEAN = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Mary gave a drink to"


def words(ids: list[int]) -> str:
    """A prompt of `toy_tokenizer` with these token ids."""
    return " ".join(f"w{i}" for i in ids)
