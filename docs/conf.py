"""Sphinx: Markdown pages through MyST, docstrings through autodoc. Builds without a network and without warnings."""

import functools
import importlib
import inspect
import re
import sys
import types
from pathlib import Path

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
]
exclude_patterns = ["_build"]
default_role = "code"
nitpicky = False

html_theme = "furo"
html_title = f"rankfall {version}"
html_show_copyright = False
html_show_sphinx = False

myst_enable_extensions = ["amsmath", "attrs_block", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True

_SECTIONS = re.compile(r"(Args|Returns|Raises|Attributes|Yields|Examples?):$")
_NUMPYDOC_RULE = re.compile(r"-{3,}$")
_FIELD = re.compile(r"(\w+(?:, \w+)*): (.*)$")
_CODE = re.compile(r"(`+.+?`+)")


def teach_restructured_text(app, what, name, obj, options, lines) -> None:
    """Docstrings here are plain text: equations indented, fields one a line. Put that in reStructuredText's words.

    An indented block after a blank line is an equation, and becomes a literal block. Lines `name: text` that begin a
    paragraph become a list. Elsewhere `*`, `|` and a trailing `_` are themselves, not markup.
    """
    lines[:] = [line for block in _blocks(lines) for line in block]
    if what in ("property", "attribute"):
        lines[:0] = ["..", ""]  # or napoleon takes the words before a colon for a type


def _blocks(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        else:
            found.append([])
    blocks, in_section = [], False
    for block in found:
        first = block[0] if block else ""
        if len(block) > 1 and _NUMPYDOC_RULE.fullmatch(block[1]):
            in_section = first != "Attributes"
            if not in_section:
                # two blank lines end the section before
                block = ["", ".. rubric:: Attributes", "", *_listed([re.sub(" : ", ": ", line) for line in block[2:]])]
        elif first and not first.startswith(" "):
            in_section = bool(_SECTIONS.fullmatch(first))
            block = block if in_section else _listed(block)
        elif first and not in_section:
            block = ["::", "", *block]
        blocks.append([*(block if block[:1] == ["::"] else _plain(block)), ""])
    return blocks


def _listed(block: list[str]) -> list[str]:
    if not block or not _FIELD.match(block[0]) or block[0].startswith("Source:"):
        return block
    listed = []
    for line in block:
        field = _FIELD.match(line)
        if field and not field[1][0].isupper():
            listed.append(f"- ``{field[1]}``: {field[2]}")
        else:
            listed.append(f"  {line.strip()}")
    return listed


def _plain(block: list[str]) -> list[str]:
    prompt = next((place for place, line in enumerate(block) if line.lstrip().startswith(">>>")), len(block))
    return [*map(_escaped, block[:prompt]), *block[prompt:]]


def _escaped(line: str) -> str:
    if _NUMPYDOC_RULE.fullmatch(line) or re.match(r"\w+(, \w+)* : ", line):
        return line
    parts = _CODE.split(line)
    parts[::2] = [re.sub(r"([*|]|_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


_ROOM = re.compile(r"^<!-- public names of (rankfall\.\w+) -->$", re.M)
_DOCUMENTED = (types.FunctionType, classmethod, staticmethod, property, functools.cached_property)


def open_rooms(app, docname, source) -> None:
    """On the reference page, put the public names of a room in place of the comment that asks for them."""
    if docname == "api":
        source[0] = _ROOM.sub(lambda room: _directives(room[1]), source[0])


def _directives(room: str) -> str:
    names = [name for name in importlib.import_module(room).__all__ if name in rankfall.__all__]
    entries = []
    for name in names:
        thing = getattr(rankfall, name)
        kind = "class" if inspect.isclass(thing) else "function"
        members = _members(thing) if kind == "class" else []
        entries.append(f".. auto{kind}:: rankfall.{name}" + (f"\n   :members: {', '.join(members)}" if members else ""))
    return "\n".join(["```{eval-rst}", *entries, "```"])


def _members(thing: type) -> list[str]:
    """What a reader calls: nothing of integrators, stops, updates and starts, which `evolve` alone calls."""
    is_start = hasattr(thing, "layers") and not hasattr(thing, "product")
    if is_start or hasattr(thing, "begin") or hasattr(thing, "change"):
        return []
    own = [base for base in thing.__mro__ if base.__module__.startswith("rankfall")]
    found = {name: None for base in own for name, value in vars(base).items() if isinstance(value, _DOCUMENTED)}
    return [name for name in found if not name.startswith("_")]


def setup(app) -> None:
    app.connect("source-read", open_rooms)
    app.connect("autodoc-process-docstring", teach_restructured_text, priority=400)
