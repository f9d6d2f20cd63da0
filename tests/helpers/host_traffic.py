"""A count of what passes between the host and a PyTorch device, wherever the device is.

On PyTorch's CPU device nothing is copied; the calls that would copy or wait on a GPU are the same.
"""

from collections import Counter

import torch
from torch.overrides import TorchFunctionMode

READS = {"cpu", "numpy", "item", "tolist", "__bool__", "__float__", "__int__", "__array__", "nonzero", "unique"}
SENT = {"asarray", "as_tensor", "tensor", "from_numpy", "from_dlpack"}


class HostTraffic(TorchFunctionMode):
    """Inside the context `reads` counts numbers that come to the host, and `sent` arrays that go to the device."""

    def __init__(self):
        super().__init__()
        self.reads, self.sent = Counter(), Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = func.__name__
        if name in READS:
            self.reads[name] += 1
        elif name in SENT and not isinstance(args[0], torch.Tensor):
            self.sent[name] += 1
        return func(*args, **(kwargs or {}))

    @property
    def waits(self) -> int:
        """How often the host waits for the device: `.cpu()` is followed by `.numpy()`, which copies no more."""
        return self.reads.total() - self.reads["numpy"]
