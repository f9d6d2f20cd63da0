"""Sphinx: Markdown pages through MyST, docstrings through autodoc. Builds without a network and without warnings."""

import sys
from pathlib import Path

from numpy.typing import ArrayLike
from sphinx.util.typing import stringify_annotation

import rankfall

sys.path.insert(0, str(Path(__file__).parent))

project = "rankfall"
author = "The rankfall developers"
copyright = "The rankfall developers"
version = release = rankfall.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx.ext.napoleon",
    "drawing",
    "running",
]
exclude_patterns = ["_build"]
default_role = "code"
nitpicky = False
# a parameter named like attributes of several classes is not a cross-reference
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"rankfall {version}"
html_show_copyright = False
html_show_sphinx = False

myst_enable_extensions = ["amsmath", "attrs_block", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True


def shorten_array_like(app, what, name, obj, options, signature, returned):
    """NumPy's `ArrayLike` by its name; autodoc writes the union that it stands for."""
    union = stringify_annotation(ArrayLike, mode="smart")
    return tuple(text and text.replace(union, "ArrayLike") for text in (signature, returned))


def setup(app):
    app.connect("autodoc-process-signature", shorten_array_like)
