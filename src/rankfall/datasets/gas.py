"""Gas sensors: the regression on which depth was first seen to accelerate, 2565 samples of 128
strongly collinear features [arora2018].

Sixteen sensors answered to ethanol of known concentration over 36 months, in ten batches; the
features drift and their scales span five decades, so the loss is as badly conditioned as real data
get.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from rankfall.datasets.cache import fetch_folder
from rankfall.errors import InputError

ADDRESS = "https://archive.ics.uci.edu/static/public/270"
ARCHIVE = "gas+sensor+array+drift+dataset+at+different+concentrations.zip"
CHECKSUM = "sha256:98fe3a30981a222dd4518fbcc3dddd45d5c0ce9b03ef6dc6fe5cf7a04cfbff5e"
FEATURES = 128
ETHANOL = "1"
LOG_MEAN = 4.356463
"""Mean of log(1 + ppmv) that data.csv.gz subtracts from its target."""


@dataclass(frozen=True, eq=False)
class GasSensors:
    """Samples of a gas at known concentrations.

    Attributes
    ----------
    X
        features, each column centered but not scaled.
    y
        concentration in ppmv (parts per million by volume).
    batch
        1 … 10, the month group of the measurement; 0 where the source does not tell.
    column_mean
        what centering removed: X + column_mean are the sensors' own numbers. None
        where unknown.
    """

    X: Float[np.ndarray, "samples features"]
    y: Float[np.ndarray, " samples"]
    batch: Int[np.ndarray, " samples"]
    column_mean: Float[np.ndarray, " features"] | None


def gas_ethanol(
    data: str | Path | None = None, *, source: str | None = None, checksum: str | None = None
) -> GasSensors:
    """Ethanol in the "Gas Sensor Array Drift Dataset at Different Concentrations" of the UCI

    repository.

    For research only, not for commercial use; cite Vergara et al. 2012 (Sensors and Actuators B
    166–167) and Rodriguez-Lujan et al. 2014 (Chemometrics and Intelligent Laboratory Systems 130).
    Standardize before use: the columns' standard deviations run from 0.5 to 4e4.

    Parameters
    ----------
    data
        a folder with batch1.dat … batch10.dat (UCI), gas_ethanol.npz, or data.csv.gz (5
        significant digits, no batches). None downloads the archive once (10 MB) and keeps it,
        see `rankfall.datasets.cache`. The order of the samples differs between these sources.
    source
        another address to download from.
    checksum
        of the archive there, when it is not the original one.

    Returns
    -------
    GasSensors
        2565 samples of 128 features.

    Raises
    ------
    InputError
        when the folder has none of these files, a file is malformed, or the download
        fails.
    """
    if data is None:
        url = f"{(source or ADDRESS).rstrip('/')}/{ARCHIVE}"
        folder = fetch_folder("gas-sensors", url, checksum or CHECKSUM)
    else:
        folder = Path(data)
    if (folder / "gas_ethanol.npz").is_file():
        return _from_npz(folder / "gas_ethanol.npz")
    for table in (folder / "data.csv", folder / "data.csv.gz"):
        if table.is_file():
            return _from_csv(table)
    batches = {
        int(found[1]): path
        for path in sorted(folder.rglob("batch*.dat"))
        if (found := re.fullmatch(r"batch(\d+)\.dat", path.name))
    }
    if not batches:
        raise InputError(
            f"a gas sensor folder must hold batch1.dat …, gas_ethanol.npz or data.csv.gz, got {folder}; check the path"
        )
    return _from_batches(batches)


def _from_npz(path: Path) -> GasSensors:
    with np.load(path, allow_pickle=False) as arrays:
        if missing := {"X", "ppmv", "batch", "column_mean"}.difference(arrays.files):
            raise InputError(
                f"{path} must hold arrays X, ppmv, batch and column_mean, got none called "
                f"{', '.join(sorted(missing))}; use the batch files instead"
            )
        mean = arrays["column_mean"]
        return _centered(arrays["X"] + mean, arrays["ppmv"], arrays["batch"])


def _from_csv(path: Path) -> GasSensors:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        table = np.loadtxt(lines, delimiter=",", ndmin=2)
    if table.shape[1] != FEATURES + 1:
        raise InputError(f"{path} must have {FEATURES} features and the target, got {table.shape[1]} columns")
    # Concentrations are multiples of 0.5 ppmv; five digits of log(1 + ppmv) tell which.
    ppmv = np.rint(2.0 * np.expm1(table[:, -1] + LOG_MEAN)) / 2.0
    X = table[:, :-1] - table[:, :-1].mean(axis=0)
    return GasSensors(X, ppmv, np.zeros(len(X), dtype=np.int64), None)


def _from_batches(batches: dict[int, Path]) -> GasSensors:
    samples, ppmv, batch = [], [], []
    for number, path in sorted(batches.items()):
        for place, line in enumerate(path.read_text(encoding="ascii").splitlines(), start=1):
            if line.partition(";")[0] != ETHANOL:
                continue
            concentration, features = _parse(line, f"{path.name}, line {place}")
            samples.append(features)
            ppmv.append(concentration)
            batch.append(number)
    if not samples:
        raise InputError(f"the batches must hold ethanol (gas 1), got none in {len(batches)} files")
    return _centered(np.array(samples), np.array(ppmv), np.array(batch))


def _parse(line: str, where: str) -> tuple[float, list[float]]:
    """One measurement "gas;concentration 1:v1 … 128:v128"."""
    head, *pairs = line.split()
    try:
        numbers, values = zip(*(pair.split(":") for pair in pairs), strict=True)
        if [int(number) for number in numbers] != list(range(1, FEATURES + 1)):
            raise ValueError
        return float(head.partition(";")[2]), [float(value) for value in values]
    except ValueError:
        raise InputError(
            f"a measurement must read 'gas;concentration 1:v … {FEATURES}:v', got {line[:60]!r} in {where}"
        ) from None


def _centered(raw: np.ndarray, ppmv: np.ndarray, batch: np.ndarray) -> GasSensors:
    mean = raw.mean(axis=0)
    return GasSensors(raw - mean, ppmv.astype(np.float64), batch.astype(np.int64), mean)
