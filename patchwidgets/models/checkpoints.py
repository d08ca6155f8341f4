"""Reading a model and its tokenizer with transformers, from a folder or from the hub. Whatever fails is a `LoadError`.

Runs no code that comes with a model, unless asked to, and reads weights only from safetensors. A checkpoint with
missing tensors is refused. Costs one request to the hub, and the download the first time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but not declared
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils.hub import cached_file

from patchwidgets.errors import LoadError, PatchwidgetsError, in_one_line
from patchwidgets.models.hub import hub_problem
from patchwidgets.models.weights import (
    refuse_impossible_counts,
    refuse_incomplete,
    refuse_missing_experts,
    refuse_other_dtypes,
)
from patchwidgets.tokens import Tokenizer

_OFFLINE = "pw.load() and pw.load('smollm2') work offline."


@dataclass(frozen=True)
class Options:
    """How to read a model; the attributes are the arguments of `load`."""

    dtype: torch.dtype
    device_map: Any = None
    revision: str | None = None
    trust_remote_code: bool = False


class Source:
    """A folder, or a name on the hub, with what to ask transformers for.

    Parameters
    ----------
    name
        The folder or the name.
    options
        How to read it.

    Attributes
    ----------
    problem
        Why the hub gives nothing, in words; None for a folder, or if the hub answers.
    """

    def __init__(self, name: str, options: Options) -> None:
        self.name, self.options = name, options
        self.is_folder = bool(name) and Path(name).is_dir()
        self.problem: str | None = None
        if not self.is_folder:
            self._check_name()
            self.problem = hub_problem(name, options.revision)
        self.arguments: dict[str, Any] = {
            "revision": options.revision,
            "local_files_only": self.is_folder or self.problem is not None,
        }

    def file(self, name: str) -> Path | None:
        """Return where one of its files is, after a download if there must be one; None if it has no such file."""
        with self.own_errors():
            path = cached_file(
                self.name, name, **self.arguments, _raise_exceptions_for_missing_entries=False
            )
        return None if path is None else Path(path)

    def check_config(self) -> None:
        """Read the config alone, so that an error there is not taken for one of the tokenizer or the weights.

        Raises
        ------
        LoadError
            It is missing, cannot be read, or asks for more layers, heads or experts than the checkpoint can hold; or
            an expert is missing there.
        """
        with self.own_errors("Its config.json is missing or broken; save the model there again."):
            config = AutoConfig.from_pretrained(
                self.name, trust_remote_code=self.options.trust_remote_code, **self.arguments
            )
            if self.is_folder:
                refuse_impossible_counts(self.name, Path(self.name), config)
                refuse_missing_experts(self.name, Path(self.name))

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer.

        Raises
        ------
        LoadError
            It cannot be read.
        """
        with self.own_errors(
            "Its tokenizer cannot be read; save it there again with its save_pretrained."
        ):
            tokenizer = AutoTokenizer.from_pretrained(
                self.name, trust_remote_code=self.options.trust_remote_code, **self.arguments
            )
            tokenizer("a")  # a broken one fails only here
        return tokenizer

    def model(self) -> Any:
        """Return the model of transformers, in eval mode.

        Raises
        ------
        LoadError
            It cannot be read, or its tensors are not those that its config asks for.
        """
        with self.own_errors():
            # The stub does not know that a report comes with the model.
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                self.name,
                dtype=self.options.dtype,
                device_map=self.options.device_map,
                trust_remote_code=self.options.trust_remote_code,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                **self.arguments,
            )
            hf_model, info = loaded
            refuse_incomplete(self.name, info)
            if (config := self.file("config.json")) is not None:
                if not self.is_folder:  # a folder was checked before
                    refuse_missing_experts(self.name, config.parent)
                refuse_other_dtypes(self.name, config.parent, hf_model, info["unexpected_keys"])
        return hf_model.eval()

    @contextmanager
    def own_errors(self, hint: str | None = None) -> Iterator[None]:
        """Turn whatever is raised inside the ``with`` block into a `LoadError` that says what to do."""
        try:
            yield
        except PatchwidgetsError:
            raise
        except Exception as error:  # transformers raises whatever its parsers meet in a broken file
            raise LoadError(self._not_loaded(error, hint)) from error

    def _check_name(self) -> None:
        try:
            validate_repo_id(self.name)
        except HFValidationError as error:
            raise LoadError(
                f"There is no folder {self.name!r}, and it is no name on the hub either, such as 'gpt2' or "
                "'owner/name'. Check the path: it must be the folder that save_pretrained wrote."
            ) from error

    def _not_loaded(self, error: Exception, hint: str | None) -> str:
        reason = in_one_line(error)
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            return f"{self.name!r} does not fit into the memory ({reason}). Try dtype='bfloat16' or device_map='auto'."
        of_kind = _hint(error, reason)
        if self.is_folder:
            hint = of_kind or hint
            return (
                f"The folder {self.name!r} holds no causal language model that transformers can read ({reason}). "
                f"{hint or 'Name a folder that save_pretrained wrote, with its tokenizer.'}"
            )
        if self.problem is not None:
            return (
                f"No model {self.name!r}: it is not a folder here, it was not downloaded before, and {self.problem}. "
                f"Check the name and the connection; {_OFFLINE}"
            )
        return (
            f"No model {self.name!r}: it is not a folder here, and the hub did not provide it ({reason}). "
            f"{of_kind or f'Check the name and the connection, and whether you have access; {_OFFLINE}'}"
        )


def _hint(error: Exception, reason: str) -> str | None:
    if "for this kind of AutoModel" in reason:
        return (
            "patchwidgets reads next-token logits: use a decoder, such as GPT-2 or Llama, not an encoder such as BERT "
            "or an encoder-decoder such as T5."
        )
    if "contains custom code" in reason:
        return "Read the code that comes with it; if you trust it, pw.load(..., trust_remote_code=True) runs it."
    if isinstance(error, ImportError):
        return "Install what is named there, or load a checkpoint of the same model that is not quantised."
    if "no file named model.safetensors" in reason:
        return "Weights are read only from safetensors; save the model again with save_pretrained."
    return None
