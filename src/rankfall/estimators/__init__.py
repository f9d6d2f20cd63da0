"""The scikit-learn face: tables in, completed tables out.

The names of `__init__.pyi` are loaded on first use: a table needs nothing of tensors.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
