"""One display a picture: data first, drawing second.

The names of `__init__.pyi` are loaded on first use: a picture of a table needs nothing of runs and comparisons.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
