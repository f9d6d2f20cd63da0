"""Loops with rows of lanes as plain Python: a pytest plugin, where Numba compiles nothing.

`pytest -p tests.mutation.plain_lanes` with NUMBA_DISABLE_JIT=1. Rows of lanes exist in compiled code alone; here they
are slices of arrays. Load it before the tests.
"""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
from numba import config

import rankfall.kernels.lanes as lanes

LANES = lanes.LANES


def _load(array: np.ndarray, offset: int, tag: tuple[int, ...]) -> np.ndarray:
    end = offset + LANES * len(tag)
    # compiled code would read what lies there
    assert 0 <= offset <= end <= array.size, "a row outside of its array"
    return array[offset:end].copy()


def _store(array: np.ndarray, offset: int, row: np.ndarray) -> None:
    assert 0 <= offset <= offset + row.size <= array.size, "a row outside of its array"
    array[offset : offset + row.size] = row


def _read(array: np.ndarray, offset: int) -> Any:
    assert offset >= 0, "a negative offset"
    return array[offset]


def _write(array: np.ndarray, offset: int, value: Any) -> None:
    assert offset >= 0, "a negative offset"
    array[offset] = value


PLAIN = {
    "zeros": lambda array, tag: np.zeros(LANES * len(tag), array.dtype),
    "load": _load,
    "store": _store,
    "read": _read,
    "write": _write,
    "add_multiple": lambda total, factor, row: total + row.dtype.type(factor) * row,
    "times": lambda row, other: row * other,
    "multiple": lambda factor, row: row.dtype.type(factor) * row,
    "add": lambda total, row: total + row,
    "add_times": lambda total, row, other: total + row * other,
    "dot": lambda row, other: (row * other).sum(),
    "sum_of_lanes": lambda row: row.sum(),
    "stay_apart": lambda: None,
}

if config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue]
    compiled = {name: getattr(lanes, name) for name in PLAIN}
    # loops that were imported with the package hold the names already
    for module in [module for name, module in sys.modules.items() if name.startswith("rankfall.kernels.")]:
        for name, function in compiled.items():
            if vars(module).get(name) is function:
                setattr(module, name, PLAIN[name])
    from rankfall.kernels import narrow_chain

    narrow_chain.config = SimpleNamespace(DISABLE_JIT=False)  # pyright: ignore[reportAttributeAccessIssue]
