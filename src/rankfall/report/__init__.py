"""The report: a fit or a run as one self-contained HTML page, and the numbers behind it as plain data.

The names of `__init__.pyi` are loaded on first use: a summary in words needs nothing of pages.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
