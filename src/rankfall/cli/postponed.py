"""Modules that the libraries below import and most commands never use, loaded when one of their names is asked for.

scikit-learn's base imports all of `scipy.stats` and pandas, which together take as long as a small fit, and the array
API's NumPy a parser of Fortran. Only the shell postpones them: there nobody else's modules are at stake.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

RARELY_USED = frozenset({"numpy.f2py", "pandas", "scipy.stats"})


class PostponingFinder(MetaPathFinder):
    """Finds the modules of these names where they lie, and has them loaded lazily."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own spec with a lazy loader; None for all other modules, which other finders find."""
        if fullname not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def postpone(names: frozenset[str] = RARELY_USED) -> None:
    """Load the modules of these names, which nothing has imported yet, when they are needed."""
    sys.meta_path.insert(0, PostponingFinder(names))
