"""An experiment that takes no time: what doubling a number gives, and a claim about it that may fail.

By a factor of 4 the failure is a finding.
"""

from dataclasses import dataclass

import numpy as np

from rankfall.experiments import Curve, Experiment, Finding, Panel, Part, number, ordering, series

COMPUTED: list[int] = []
BEFORE: list = []


@dataclass(frozen=True)
class Setup:
    count: int
    factor: float = 2.0


def scaled(value: int, factor: float):
    for hook in BEFORE:
        hook(value)
    COMPUTED.append(value)
    return {"scaled": np.asarray(factor * value)}


def with_data(value: int, data):
    return {"scaled": np.asarray(len(str(data)))}


def gather(setup, results):
    import xarray

    values = [float(result["scaled"]) for result in results]
    return xarray.Dataset({"scaled": ("value", values)}, coords={"value": np.arange(1, setup.count + 1)})


def claims(data):
    values = data.scaled.values
    one = float(values[0])
    known = Finding("it is twice two", one, 3.9, 4.1)
    return [
        number("twice one", 2.0, one, "P", within=0.01, note="of a toy", finding=known),
        ordering("doubles grow", {"first": float(values[0]), "last": float(values[-1])}, "F"),
        series("doubles", [2.0, 4.0], values.tolist(), "F"),
    ]


def panels(data):
    return [Panel("doubles", "value", "double", [Curve(data.value.values, data.scaled.values, "ours")])]


def toy(factor: float = 2.0, name: str = "toy2000-doubles") -> Experiment:
    """The experiment; with another factor its first claim fails."""
    return Experiment(
        name=name,
        title="Doubles",
        source="toy2000",
        quick=Setup(2, factor),
        full=Setup(4, factor),
        parts=lambda setup: [
            Part(scaled, {"value": value, "factor": setup.factor}) for value in range(1, setup.count + 1)
        ],
        gather=gather,
        claims=claims,
        panels=panels,
    )
