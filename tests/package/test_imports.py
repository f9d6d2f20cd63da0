"""Imports run one way, and importing rankfall loads next to nothing."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import rankfall

ROOT = Path(rankfall.__file__).parent

# A room may import from those of a lower level, and from itself.
LEVELS = {
    "errors": 0, "arrays": 1, "files": 1, "devices": 2, "kernels": 3, "low_rank": 4, "problems": 5, "models": 6,
    "integrators": 7, "trajectory": 8, "theory": 9, "recovery": 10, "baselines": 11, "estimators": 12, "cluster": 13,
    "comparison": 14, "experiments": 14, "pictures": 15, "report": 16, "playground": 16, "cli": 17,
}  # fmt: skip
# These stand beside, and take no more than a user would hand them.
BESIDE = {"tables", "datasets"}
# Up to the baselines, nothing else is needed but these (and the standard library); xarray only to store a run.
# llvmlite is a part of Numba. PyTorch only where a device is named. opt_einsum orders the contractions of tensors.
SCIENTIFIC = {"numpy", "scipy", "numba", "llvmlite", "array_api_compat", "jaxtyping", "threadpoolctl", "opt_einsum"}
EXTRA = {"trajectory": {"xarray"}, "devices": {"torch"}}
HEAVY = {
    "scipy",
    "numba",
    "sklearn",
    "pandas",
    "polars",
    "xarray",
    "matplotlib",
    "plotly",
    "typer",
    "torch",
    "zarr",
    "dask",
}


def files() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem in LEVELS)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Full names of all modules imported anywhere in a file, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module)
            if node.module == "rankfall":
                names |= {f"rankfall.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_down(path):
    room = room_of(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "rankfall" or len(parts) == 1 or parts[1] == room or parts[1].startswith("__"):
            continue
        other = parts[1]
        if room in BESIDE:
            assert other in {"errors", "arrays", "files"}, f"{room} imports {name}"
        elif other in BESIDE:
            assert LEVELS[room] > LEVELS["baselines"], f"{room} imports {name}"
        else:
            assert other in LEVELS, f"{name} has no place in the order"
            assert LEVELS[other] < LEVELS[room], f"{room} imports {name}, an arrow upward"


@pytest.mark.parametrize("room", [room for room, level in LEVELS.items() if level <= LEVELS["baselines"]])
def test_the_core_needs_little(room):
    for path in files():
        if room_of(path) != room:
            continue
        allowed = SCIENTIFIC | {"rankfall"} | EXTRA.get(room, set())
        foreign = {name.split(".")[0] for name in imported(path)} - allowed - set(sys.stdlib_module_names)
        assert not foreign, f"{path.name} imports {foreign}"


def test_importing_rankfall_loads_nothing_heavy():
    code = f"import sys, rankfall; print(sorted({HEAVY} & set(sys.modules)))"
    path = str(ROOT.parent)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(set(rankfall.__all__) - {"__version__"}))
def test_public_names_load_and_are_documented(name):
    member = getattr(rankfall, name)
    assert (member.__doc__ or "").strip()
    assert name in dir(rankfall)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = rankfall.nothing


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_opens_with_its_idea(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("room", sorted(set(LEVELS) & {path.name for path in ROOT.iterdir() if path.is_dir()}))
def test_what_a_room_exports_is_there(room):
    if not (ROOT / room / "__init__.py").exists():
        pytest.skip("no such room yet")
    module = importlib.import_module(f"rankfall.{room}")
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name)
