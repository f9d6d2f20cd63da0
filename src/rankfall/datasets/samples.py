"""Small real examples that are already installed: photographs and tables of scikit-learn.

They need no network and no permission, and have what planted matrices lack: spectra that decay
without ending.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from sklearn.utils import Bunch

from rankfall.errors import InputError

PHOTOGRAPHS = ("china", "flower")


@dataclass(frozen=True, eq=False)
class Sample:
    """A complete numeric table and the names of its columns."""

    values: Float[np.ndarray, "rows columns"]
    columns: tuple[str, ...]


def photograph(name: str = "china", gray: bool = True, height: int | None = None) -> Float[np.ndarray, "..."]:
    """A photograph as intensities in [0, 255].

    Gray is the luminance 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Parameters
    ----------
    name
        "china" (a temple) or "flower", both 427 × 640.
    gray
        one intensity a pixel, or three colors.
    height
        rows to shrink it to, proportions kept; None leaves it as it is.

    Returns
    -------
    Float[np.ndarray, '...']
        (height, width) or, in color, (height, width, 3), float64.

    Raises
    ------
    InputError
        on another name or a height that is not between 1 and 427.
    ImportError
        when Pillow is not installed.
    """
    if name not in PHOTOGRAPHS:
        raise InputError(f"photograph must be one of {', '.join(PHOTOGRAPHS)}, got {name!r}")
    from PIL import Image
    from sklearn.datasets import load_sample_image

    image = np.asarray(load_sample_image(f"{name}.jpg"), dtype=np.float64)
    if gray:
        image = image @ np.array([0.299, 0.587, 0.114])
    if height is None:
        return image
    if not 1 <= height <= image.shape[0]:
        raise InputError(f"height must lie between 1 and {image.shape[0]}, got {height}; None keeps all rows")
    size = max(1, round(image.shape[1] * height / image.shape[0])), height
    bands = [
        np.asarray(Image.fromarray(band.astype(np.float32)).resize(size, Image.Resampling.LANCZOS))
        for band in np.atleast_3d(image).transpose(2, 0, 1)
    ]
    shrunk = np.stack(bands, axis=-1).astype(np.float64).clip(0.0, 255.0)
    return shrunk[:, :, 0] if gray else shrunk


def digits() -> Sample:
    """1797 handwritten digits of 8 × 8 = 64 pixels, intensities 0 to 16."""
    from sklearn.datasets import load_digits

    return _sample(load_digits())


def diabetes() -> Sample:
    """442 patients: age, sex, body mass index, blood pressure, six serum measurements in their own

    units, and as the eleventh column the disease's progression a year later.
    """
    from sklearn.datasets import load_diabetes

    return _sample(load_diabetes(scaled=False), target="progression")


def wine() -> Sample:
    """178 wines of three cultivars: 13 chemical measurements whose scales span four decades."""
    from sklearn.datasets import load_wine

    return _sample(load_wine())


def hide(X: npt.ArrayLike, fraction: float | int = 0.7, seed: int = 0) -> Float[np.ndarray, "..."]:
    """A copy with that fraction of its known entries replaced by NaN, chosen uniformly.

    Parameters
    ----------
    X
        array or nested list of any number of dimensions; NaN in it stays and is not counted.
    fraction
        of the known entries to hide, in [0, 1); the number is rounded.
    seed
        of `numpy.random.default_rng`.

    Raises
    ------
    InputError
        when the fraction is out of range.
    """
    if not 0 <= fraction < 1:
        raise InputError(f"fraction must be at least 0 and below 1, got {fraction}; 0.7 leaves 30 % known")
    table = np.array(X)
    hidden = table if np.issubdtype(table.dtype, np.floating) else table.astype(np.float64)
    known = np.flatnonzero(~np.isnan(hidden))
    chosen = np.random.default_rng(seed).choice(known, round(fraction * known.size), replace=False, shuffle=False)
    hidden.flat[chosen] = np.nan
    return hidden


def _sample(bunch: object, target: str | None = None) -> Sample:
    assert isinstance(bunch, Bunch)
    values = np.asarray(bunch.data, dtype=np.float64)
    columns = tuple(str(name) for name in bunch.feature_names)
    if target is not None:
        values, columns = np.column_stack([values, bunch.target]), (*columns, target)
    return Sample(values, columns)
