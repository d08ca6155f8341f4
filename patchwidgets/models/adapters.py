"""Loading a fine-tuned model that is saved as an adapter of PEFT: the base model, and the adapter in its layers.

Costs what the base model costs. PEFT is imported only here, and only for an adapter.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from patchwidgets.errors import LoadError
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.models.checkpoints import Options, Source
from patchwidgets.models.weights import first_of, refuse_other_dtypes
from patchwidgets.models.wrappers import refuse_adapter
from patchwidgets.tokens import Tokenizer

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def read_model(name: str, options: Options) -> tuple[Any, Tokenizer]:
    """Return the model and the tokenizer under a name; for an adapter, PEFT's model around the base model.

    The tokenizer of an adapter is its own if one is saved with it, otherwise that of the base model.

    Raises
    ------
    LoadError
        Something is missing, or cannot be read.
    """
    source = Source(name, options)
    config = source.file(_CONFIG)
    if config is None:
        source.check_config()
        tokenizer = source.tokenizer()
        return source.model(), tokenizer
    base = Source(_base_name(source, config), Options(options.dtype, options.device_map))
    base.check_config()
    has_own = source.file("tokenizer_config.json") is not None
    tokenizer = (source if has_own else base).tokenizer()
    return _with_adapter(base.model(), source, config.parent), tokenizer


def _base_name(source: Source, config: Path) -> str:
    with source.own_errors():
        settings = json.loads(config.read_text("utf-8"))
    name = settings.get("base_model_name_or_path") if isinstance(settings, dict) else None
    if not isinstance(name, str) or not name:
        raise LoadError(
            f"The adapter {source.name!r} does not say which model it belongs to; write the folder or the name of "
            f"that model into its {_CONFIG}, as base_model_name_or_path."
        )
    return name


def _with_adapter(hf_model: Any, source: Source, folder: Path) -> Any:
    try:
        with Uninterrupted():
            from peft import PeftConfig, PeftModel, get_peft_model_state_dict
    except ImportError as error:
        raise LoadError(
            f"{source.name!r} is an adapter, which the library peft reads: pip install peft"
        ) from error
    if source.file(_WEIGHTS) is None:
        raise LoadError(
            f"The adapter {source.name!r} has no {_WEIGHTS}. Weights are read only from safetensors; save the adapter "
            "again with save_pretrained."
        )
    with source.own_errors("Save the adapter again with the save_pretrained of its PEFT model."):
        refuse_other_dtypes(source.name, folder, hf_model)
        refuse_adapter(PeftConfig.from_pretrained(str(folder)))  # before it reads anything else
        peft_model = PeftModel.from_pretrained(hf_model, folder)
        # An embedding is saved with some adapters and not with others.
        own, with_embeddings = (
            get_peft_model_state_dict(peft_model, save_embedding_layers=each).keys()
            for each in (False, True)
        )
        with safe_open(folder / _WEIGHTS, "pt") as file:
            stored = set(file.keys())
    again = "Save it again with the save_pretrained of its PEFT model."
    if missing := own - stored:
        raise LoadError(
            f"The adapter {source.name!r} lacks tensors that its config asks for: {first_of(missing)}. "
            f"PEFT would leave them as they begin. {again}"
        )
    if unused := stored - with_embeddings:
        raise LoadError(
            f"The adapter {source.name!r} has tensors that have no place in the model: {first_of(unused)}. PEFT would "
            f"leave them out. Check its adapter_config.json and its base model. {again}"
        )
    return peft_model.eval()
