"""Which inputs are tensors, and how a command reads them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.tables.tensors import TensorFile

Index: TypeAlias = Annotated[
    str | None,
    typer.Option("--index", help="INPUT is a long table of a tensor: its columns of indices, as station,day,slot."),
]
Value: TypeAlias = Annotated[str | None, typer.Option("--value", help="With --index: the column of values.")]


def is_tensor(path: Path, index: str | None, value: str | None) -> bool:
    """Whether an input is a tensor: a long table with --index, a labelled array, or an array of three or more axes.

    Raises InputError for --value without --index.
    """
    if index is None and value is not None:
        raise InputError(f"--value goes with --index, the columns of indices, got --value={value} alone")
    if index is not None:
        return True
    if path.suffix.lower() not in (".npy", ".npz", ".nc", ".zarr"):
        return False
    from rankfall.tables.tensors import holds_tensor

    return holds_tensor(path)


def tensor_of(path: Path, index: str | None, value: str | None, duplicates: str) -> "TensorFile":
    """The tensor in a file, or the one that a long table lists. Raises InputError for --index without --value."""
    from rankfall.tables.tensors import read_long_table, read_tensor

    if index is None:
        return read_tensor(path)
    if value is None:
        raise InputError(f"--index needs --value, the column of the values, got --index={index} alone")
    return read_long_table(path, [name.strip() for name in index.split(",")], value, duplicates)


def refuse(rule: str, got: str, **options: object) -> None:
    """Raise InputError for the first option that is given, by the name of its parameter."""
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name.replace('_', '-')} {rule}, {got}")
