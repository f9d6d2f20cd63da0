"""Results on disk by content: a part that was computed once is not computed again.

The key of a part is a digest of its function's name and source, of the experiments' functions and constants it uses,
its parameters, and the package's version: what an experiment could change of the numbers changes the key. A result is
an npz beside others, written whole or not at all, so that a run that was stopped goes on where it was.
"""

import hashlib
import inspect
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from rankfall.experiments.experiment import Arrays, Part
from rankfall.tables import replacing

_ROOM = "rankfall.experiments."
# Damaged files make NumPy and zipfile raise nearly anything; a part is then computed again.
_DAMAGE = Exception


def key_of(part: Part) -> str:
    """The digest that names a part's result."""
    from rankfall import __version__

    named = {
        "rankfall": __version__,
        "function": f"{part.function.__module__}.{part.function.__qualname__}",
        "sources": _sources(part.function),
        "parameters": part.parameters,
    }
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:24]


@cache
def _sources(function: Callable[..., Any]) -> dict[str, str]:
    """Name → source of a function and of those it calls in its room, and the constants that all of them read.

    Read once, before anything runs: a file edited meanwhile is not the code whose result is kept.
    """
    found: dict[str, str] = {}
    waiting = [function]
    while waiting:
        each = waiting.pop()
        name = f"{each.__module__}.{each.__qualname__}"
        if name in found:
            continue
        found[name] = inspect.getsource(each)
        for used in _names(each.__code__):
            value = each.__globals__.get(used)
            if inspect.isfunction(value) and value.__module__.startswith((_ROOM, function.__module__)):
                waiting.append(value)
            elif isinstance(value, (bool, int, float, str, tuple)):
                found[f"{each.__module__}.{used}"] = repr(value)
    return found


def _names(code: CodeType) -> set[str]:
    """The names that a function looks up, those of functions inside it too."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*(_names(each) for each in inner))


class Store:
    """A folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, part: Part) -> Arrays | None:
        """The arrays of a part, or None where it was not computed yet, or what is there cannot be read any more."""
        path = self._path(part)
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                return dict(arrays)
        except _DAMAGE:
            return None

    def put(self, part: Part, arrays: Arrays) -> None:
        """Keep the arrays of a part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path(part)) as temporary:
            np.savez_compressed(temporary, **arrays)  # pyright: ignore[reportArgumentType]

    def _path(self, part: Part) -> Path:
        return self.folder / f"{key_of(part)}.npz"
