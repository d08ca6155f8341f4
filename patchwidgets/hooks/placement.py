"""Where accelerate runs a module: it moves what a module gets to that device, after PyTorch's hooks have seen it."""

from typing import Any

import torch
from torch import Tensor, nn


def execution_device(module: nn.Module) -> torch.device | None:
    """Return the device on which accelerate's hook runs a module; None without such a hook."""
    hook: Any = getattr(module, "_hf_hook", None)
    devices = (getattr(each, "execution_device", None) for each in getattr(hook, "hooks", [hook]))
    device = next((each for each in devices if each is not None), None)
    return None if device is None else torch.device(device)


def brought(tensor: Tensor, module: nn.Module) -> Tensor:
    """Return the input of a module where it is going to be: the first layer of a device gets it from another one."""
    device = execution_device(module)
    return tensor if device is None or device.type == "meta" else tensor.to(device)
