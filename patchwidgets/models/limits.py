"""How many tokens and positions a model knows. Reads sizes alone; a check costs the largest of the token ids."""

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

from jaxtyping import Int
from torch import Tensor

from patchwidgets.errors import ModelWarning, TaskError, warn

_TABLE, _MORE_ROWS = re.compile(r"wpe|pos"), 8


class Limits:
    """The sizes of a model's tables of tokens and positions.

    Parameters
    ----------
    hf_model
        A model of transformers.
    name
        Used in messages.

    Attributes
    ----------
    n_tokens
        The number of input embeddings.
    n_positions
        The length of the prompts that the model was made for, by its config; None if that says nothing.
    """

    def __init__(self, hf_model: Any, name: str) -> None:
        self._name = name
        self._warned = False
        self.n_tokens: int = hf_model.get_input_embeddings().weight.shape[0]
        config = hf_model.config.get_text_config()
        self.n_positions: int | None = getattr(config, "max_position_embeddings", None)
        tables = chain(hf_model.named_parameters(), hf_model.named_buffers())
        self._has_table = any(map(self._is_table, *zip(*tables, strict=True)))

    def check(self, ids: Int[Tensor, "row pos"]) -> None:
        """Refuse prompts that the model cannot read; log a warning for those that are longer than it was made for.

        Raises
        ------
        TaskError
            A token is not in the model's vocabulary, or the model has no positions for so many tokens.
        """
        largest, length = int(ids.max()), ids.shape[1]
        if largest >= self.n_tokens:
            raise TaskError(self.unknown_token(largest, self.n_tokens))
        if self.n_positions is None or length <= self.n_positions:
            return
        if self._has_table:
            raise TaskError(
                f"The prompt has {length} tokens, with the answer if it is longer than one, and {self._name} has "
                f"positions for {self.n_positions}. Shorten it, or use another model."
            )
        if not self._warned:
            self._warned = True
            for says in self.warnings([length]):
                warn(says, ModelWarning)

    def check_room(self, length: int, n_new: int) -> None:
        """Refuse to generate tokens for which a model has no positions.

        Parameters
        ----------
        length, n_new
            The tokens of the longest prompt, and how many are to follow. The last one of these is never read.

        Raises
        ------
        TaskError
            There is a table of positions, and it is too small.
        """
        if self.n_positions is None or not self._has_table:
            return
        room = self.n_positions - length + 1
        if n_new > room:
            raise TaskError(
                f"The longest prompt has {length} tokens and {self._name} positions for {self.n_positions}, so it can "
                f"write {room} more, not {n_new}. Ask for max_new_tokens={room}, or shorten the prompt."
            )

    def _is_table(self, path: str, tensor: Tensor) -> bool:
        """Return whether a tensor has one row for each position; some families have a few rows more."""
        if self.n_positions is None or tensor.ndim != 2 or not _TABLE.search(path):
            return False
        return self.n_positions <= tensor.shape[0] <= self.n_positions + _MORE_ROWS

    def warnings(self, lengths: Iterable[int]) -> list[str]:
        """Return a sentence about prompts that are longer than the model was made for, if some of these lengths are."""
        longest = max(lengths)
        if self.n_positions is None or longest <= self.n_positions:
            return []
        return [
            f"A prompt has {longest} tokens and {self._name} was made for {self.n_positions}: beyond them it may not "
            "do what it does elsewhere."
        ]

    def unknown_token(self, token_id: int, n_tokens: int) -> str:
        """Return the message for a token beyond the `n_tokens` that the model knows."""
        return (
            f"The token with id {token_id} is not among the {n_tokens} tokens of {self._name}: the tokenizer is larger "
            "than the model. Use the tokenizer that was saved with the model, or first call "
            "hf_model.resize_token_embeddings(len(tokenizer)) and train the new tokens."
        )
