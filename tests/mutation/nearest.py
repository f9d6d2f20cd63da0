"""Which tests are nearest to a module: those that name most of what it defines, or of what is built on it."""

import ast
import re
from functools import cache
from pathlib import Path

_MOST, _FARTHEST = 6, 3


@cache
def nearest_tests(module: Path) -> list[str]:
    """At most six files of tests, the nearest first.

    The module's namesake, those that name what it defines, those that name what the modules define that import it, and
    so on; within a distance, those of the module's own room and those that name most.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(Path("tests").rglob("test_*.py"))}
    found = [path for path in texts if path.stem == f"test_{module.stem}"]
    ring = seen = {module}
    for _ in range(_FARTHEST):
        pattern = re.compile(r"\b(" + "|".join(sorted(set().union(*map(defined, ring)))) + r")\b")
        named = {path: pattern.findall(text) for path, text in texts.items()}
        rank = {
            path: (path.parent.name != module.parent.name, -len(set(names)), -len(names))
            for path, names in named.items()
            if names and path not in found
        }
        found += sorted(rank, key=lambda path: rank[path])
        ring = set().union(*map(importers, ring)) - seen
        seen = seen | ring
        if len(found) >= _MOST or not ring:
            break
    return [str(path) for path in found[:_MOST]]


@cache
def defined(module: Path) -> frozenset[str]:
    """Public functions and classes of a module, and its own name."""
    body = ast.parse(module.read_text(encoding="utf-8")).body
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return frozenset({re.escape(name) for name in names if not name.startswith("_")} | {re.escape(dotted(module))})


@cache
def importers(module: Path) -> frozenset[Path]:
    """The modules that import a module, or from it."""
    room, _, stem = dotted(module).rpartition(".")
    line = re.compile(rf"from {re.escape(dotted(module))} import|from {re.escape(room)} import .*\b{stem}\b")
    paths = Path("src").rglob("*.py")
    return frozenset(path for path in paths if path.stem != "__init__" and line.search(path.read_text("utf-8")))


def dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts[1:])
