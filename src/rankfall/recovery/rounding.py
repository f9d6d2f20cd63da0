"""What counts as exact: the relative error up to which values of a precision are met, or equal."""

from rankfall.arrays import Array


def rounding_of(values: Array) -> float:
    """1e-11 in double precision, 1e-6 in single."""
    return 1e-11 if values.dtype.itemsize >= 8 else 1e-6
