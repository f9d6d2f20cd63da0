"""Results on disk by content: a part that was computed once is not computed again.

The key of a part is a digest of its function's name and source, its parameters, and the package's version: whatever
would change the numbers changes the key. A result is an npz beside others, written whole or not at all, so that a run
that was stopped goes on where it was.
"""

import hashlib
import inspect
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.experiments.experiment import Arrays, Part
from rankfall.tables import replacing


def key_of(part: Part) -> str:
    """The digest that names a part's result."""
    from rankfall import __version__

    named = {
        "rankfall": __version__,
        "function": f"{part.function.__module__}.{part.function.__qualname__}",
        "source": _source(part.function),
        "parameters": part.parameters,
    }
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:24]


@cache
def _source(function: Callable[..., Any]) -> str:
    # once, before anything runs: a file edited meanwhile is not the code whose result is kept
    return inspect.getsource(function)


class Store:
    """A folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, part: Part) -> Arrays | None:
        """The arrays of a part, or None where it was not computed yet."""
        path = self._path(part)
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)

    def put(self, part: Part, arrays: Arrays) -> None:
        """Keep the arrays of a part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path(part)) as temporary:
            np.savez_compressed(temporary, **arrays)  # pyright: ignore[reportArgumentType]

    def _path(self, part: Part) -> Path:
        return self.folder / f"{key_of(part)}.npz"
