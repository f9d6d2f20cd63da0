"""The devices that the laws of devices are tested on: PyTorch's CPU always, a GPU where there is one."""

import pytest


def _gpus() -> int:
    try:
        import torch
    except ImportError:
        return 0
    return torch.cuda.device_count()


GPU = pytest.param(
    "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(_gpus() == 0, reason="no GPU that PyTorch can use is here")]
)
on_devices = pytest.mark.parametrize("device", ["cpu", GPU])
