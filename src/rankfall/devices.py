"""PyTorch devices by name: where a run computes, and how arrays get there.

Only what is named is loaded: a run without a device never imports PyTorch.
"""

from typing import Any, TypeAlias

import numpy as np

from rankfall.arrays import Array, to_numpy
from rankfall.errors import InputError

# A torch.device; PyTorch need not be installed where this file is read.
Device: TypeAlias = Any


def load_torch() -> Any:
    """The module torch.

    Raises
    ------
    InputError
        Where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise InputError(
            'a device needs PyTorch, which is not installed; pip install "rankfall[gpu]", or leave the device out'
        ) from None
    return torch


def find_device(name: str | Device) -> Device:
    """The device of a name: "cpu", "cuda", "cuda:1", "mps", "xpu" ….

    Parameters
    ----------
    name : str or torch.device
        As PyTorch spells it.

    Raises
    ------
    InputError
        Where PyTorch is not installed, knows no such device, or finds none on this machine.
    """
    torch = load_torch()
    if not isinstance(name, (str, torch.device)):
        raise InputError(f"a device is a name such as 'cuda', got {name!r}; 'cuda:1' is the second GPU")
    try:
        found = torch.device(name)
    except RuntimeError:
        raise InputError(
            f"a device is one that PyTorch knows, got {name!r}; 'cuda' is the first NVIDIA or AMD GPU, 'cpu' is none"
        ) from None
    try:
        torch.zeros(1, device=found)
    except (AssertionError, RuntimeError, NotImplementedError) as error:
        count = torch.cuda.device_count() if found.type == "cuda" else 0
        there = f"PyTorch {torch.__version__} finds {count} such GPUs"
        raise InputError(
            f"the device must be on this machine, got {name!r} ({there if found.type == 'cuda' else _first(error)}); "
            "leave the device out, or use 'cpu'"
        ) from None
    return found


def place(array: Array, device: Device) -> Array:
    """The array as a tensor on a device, in its own precision.

    Parameters
    ----------
    array : array
        Of any library.
    device : torch.device
        Where to.

    Raises
    ------
    InputError
        Where the device has no numbers of that precision.
    """
    torch = load_torch()
    tensor = array if isinstance(array, torch.Tensor) else torch.from_numpy(_writable(to_numpy(array)))
    try:
        return tensor.to(device)
    except (TypeError, RuntimeError) as error:
        if tensor.dtype is torch.float64 and isinstance(error, TypeError):
            raise InputError(f"the device '{device}' holds float32, got float64; convert the values first") from None
        raise


def _writable(array: np.ndarray) -> np.ndarray:
    """PyTorch shares the memory of an array, and only of one that may be written to."""
    return array if array.flags.writeable and array.flags.c_contiguous else np.array(array)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
