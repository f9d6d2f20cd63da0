"""The smaller the start, the closer to the truth: error, nuclear norm and effective rank against the start's scale.

The completion problem of `arora2019-table` at Gaussian starts of scale 1e-6 to 1e-3, by depth, error bars over draws
of matrix, positions and start. With 2000 entries depth 2 needs a small start: as it grows, the end trades effective
rank for nuclear norm and drifts towards the convex optimum. Depths 3 and 4 recover the matrix from any of these. With
5000 entries all agree with the convex optimum.

As for the table, the published sweep is that of positions drawn with replacement; as many distinct ones are an easier
problem. On the drawn ones a row may have as few as seven entries, and some draws lead depths 3 and 4 astray, on the
true path and not for want of accuracy: the best fit of a rank below 5 to so few entries runs off to infinity, and the
path, greedy as it is, follows it before the next value leaves; most often at depth 4 from the smallest starts. The
published sweep is of one matrix on which it does not happen. Hence medians over draws are judged, and the share of
draws that recover is shown. The quick setup has the two ends of the sweep, and asks depth 4 on distinct entries alone.

[arora2019, Figures 1 and 2, and code]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.baselines import NuclearNorm, Solution
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import ordering, series, statement
from rankfall.experiments.standard_problem import error_of, run_to_loss, standard_problem
from rankfall.low_rank import effective_rank
from rankfall.models import Chain, Gaussian
from rankfall.problems.problem import Problem
from rankfall.theory.claim import Claim, Finding
from rankfall.trajectory import Trajectory

DEPTHS, OBSERVED, SCALES = (2, 3, 4), (2000, 5000), (1e-6, 1e-5, 1e-4, 1e-3)
SAMPLINGS = ("drawn", "distinct")
QUANTITIES = {"error": "reconstruction error", "nuclear_norm": "nuclear norm", "effective_rank": "effective rank"}
# violent escapes from tiny starts ask for more care the deeper the chain
CARE = {2: 1e-3, 3: 1e-3, 4: 1e-4}
# a run that loses its way crawls for tens of thousands of steps; one that does not takes a few hundred
STEPS = 600
# errors read off the figure at scales 1e-6 … 1e-3                               [arora2019, stored output: F]
PUBLISHED = {
    (2000, 2): (2.4e-2, 3.7e-2, 6.5e-2, 1.05e-1), (2000, 3): (2.8e-5, 3.0e-5, 2.9e-5, 4e-5),
    (2000, 4): (2.3e-5, 3e-5, 2.9e-5, 2e-5), (5000, 2): (5e-6, 6e-6, 1.8e-5, 9e-5),
    (5000, 3): (4e-6,) * 4, (5000, 4): (4e-6,) * 4,
}  # fmt: skip
NORMS, TRUE_NORM, RANKS = (217.2, 216.4, 215.7, 215.5), 219.4, (6.6, 7.2, 8.4, 10.1)


# the full setup measures an error of 91 and a nuclear norm 4.1 times too large; the ranges below are set from that run
LED_ASTRAY = ("drawn", 4)
ASTRAY = (
    "from scale 1e-6 three of five draws are led astray by rows with few entries: lower ranks fit them best at "
    "infinity, and the path follows; the published sweep is of one matrix"
)
FLAT = "it falls steeply up to scale 1e-4 and is flat beyond, by less than draws differ; the figure has 215.7 and 215.5"


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    draws : int
        Of matrix, positions and start.
    drawn, distinct : tuple[int, ...]
        The depths to run on such positions.
    """

    draws: int
    drawn: tuple[int, ...]
    distinct: tuple[int, ...] = DEPTHS
    scales: tuple[float, ...] = SCALES


def completion(depth: int, observed: int, sampling: str, scale: float, draw: int) -> Arrays:
    """What a run from one start ends at."""
    problem = standard_problem(observed, draw, repeats=sampling == "drawn")
    start = Gaussian(scale)
    run = run_to_loss(problem, Chain(depth), start, 1e-6, seed=2000 + draw, rtol=CARE[depth], steps=STEPS)
    return _described(run, problem)


def convex(observed: int, sampling: str, draw: int) -> Arrays:
    """What the least nuclear norm ends at, and what the truth is."""
    problem = standard_problem(observed, draw, repeats=sampling == "drawn")
    values = np.linalg.svd(np.asarray(problem.truth), compute_uv=False)
    truth = {"true_nuclear_norm": np.sum(values), "true_effective_rank": effective_rank(values)}
    return _described(NuclearNorm(slack=1e-3, gap=1e-5).solve(problem), problem) | truth


def _described(found: Trajectory | Solution, problem: Problem) -> Arrays:
    return {
        "error": np.asarray(error_of(found.product, problem)),
        "nuclear_norm": np.asarray(found.nuclear_norm),
        "effective_rank": np.asarray(found.effective_rank),
    }


def _places(setup: Setup) -> list[tuple[str, int, int]]:
    return [(way, count, draw) for way in SAMPLINGS for count in OBSERVED for draw in range(setup.draws)]


def parts(setup: Setup) -> list[Part]:
    runs, solved = [], []
    for way, count, draw in _places(setup):
        place = {"sampling": way, "observed": count, "draw": draw}
        depths = getattr(setup, way)
        runs += [Part(completion, {"depth": d, "scale": s, **place}) for d in depths for s in setup.scales]
        solved.append(Part(convex, place))
    return [*runs, *solved]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    places = {
        "sampling": list(SAMPLINGS), "observed": list(OBSERVED), "draw": list(range(setup.draws)),
        "depth": list(DEPTHS), "scale": list(setup.scales),
    }  # fmt: skip
    axes, every = ("sampling", "observed", "draw"), ("sampling", "observed", "draw", "depth", "scale")
    convex_names = [*(f"convex_{name}" for name in QUANTITIES), "true_nuclear_norm", "true_effective_rank"]
    empty = {name: (every, np.full([len(places[axis]) for axis in every], np.nan)) for name in QUANTITIES}
    empty |= {name: (axes, np.full([len(places[axis]) for axis in axes], np.nan)) for name in convex_names}
    data = xarray.Dataset(empty, coords=places)
    for part, arrays in zip(parts(setup), results, strict=True):
        prefix = "convex_" if part.function is convex else ""
        for name, value in arrays.items():
            data[name if name.startswith("true") else prefix + name].loc[part.parameters] = float(value)
    return data


def claims(data) -> list[Claim]:
    # matrices differ by more in nuclear norm than starts do on one of them: it is counted in that of the truth
    shares = {"norm_share": data.nuclear_norm / data.true_nuclear_norm}
    typical = data.assign(shares).median("draw", skipna=False)
    found = []
    for way in SAMPLINGS:
        found += _few(typical.sel(sampling=way, observed=2000), way)
        found += _many(typical.sel(sampling=way, observed=5000), way)
    drawn = typical.sel(sampling="drawn")
    for (count, depth), errors in PUBLISHED.items():
        found += _beside(
            f"{count} entries, drawn, depth {depth}: error", errors, drawn.sel(observed=count, depth=depth).error
        )
        recovered = (data.error.sel(sampling="drawn", observed=count, depth=depth) < 1e-3).mean("draw")
        if depth > 2 and not drawn.error.sel(observed=count, depth=depth).isnull().any():
            found += _beside(f"{count} entries, drawn, depth {depth}: share of draws recovered", (1.0,) * 4, recovered)
    two = drawn.sel(observed=2000, depth=2)
    shares = [norm / TRUE_NORM for norm in NORMS]
    found += _beside("2000 entries, drawn, depth 2: share of the truth's nuclear norm", shares, two.norm_share)
    found += _beside("2000 entries, drawn, depth 2: effective rank", RANKS, two.effective_rank)
    return found


def _beside(quantity: str, published: Sequence[float], here) -> list[Claim]:
    """What was read off a figure, shown beside ours, where there is any."""
    if here.isnull().any():
        return []
    expected = [value for scale, value in zip(SCALES, published, strict=True) if scale in here.scale]
    return [series(f"{quantity} by scale", expected, here.values.tolist(), "F")]


def _few(typical, way: str) -> list[Claim]:
    where, two = f"2000 entries, {way}", typical.sel(depth=2)
    depths = [depth for depth in DEPTHS if not typical.error.sel(depth=depth).isnull().any()]
    # the sweep was published for the drawn positions
    source = "F" if way == "drawn" else "NF"
    found = [
        ordering(f"{where}, depth 2: error by scale", _by_scale(two.error), source),
        ordering(
            f"{where}, depth 2: share of the truth's nuclear norm by scale",
            _by_scale(two.norm_share[::-1]),
            source,
            finding=Finding(FLAT, float(np.max(np.diff(two.norm_share.values))), 0.0, 0.005),
        ),
        ordering(f"{where}, depth 2: effective rank by scale", _by_scale(two.effective_rank), source),
    ]
    for scale in typical.scale.values.tolist():
        errors = typical.error.sel(scale=scale)
        for depth in depths[1:]:
            pair = {f"depth {deep}": float(errors.sel(depth=deep)) for deep in (depth, 2)}
            is_known = (way, depth, scale) == (*LED_ASTRAY, SCALES[0])
            finding = Finding(ASTRAY, pair[f"depth {depth}"], 30.0, 300.0) if is_known else None
            found.append(ordering(f"{where}, scale {scale:g}: error", pair, "F", by=10, finding=finding))
    small = typical.isel(scale=0)
    norms = {"least nuclear norm": float(small.convex_nuclear_norm)}
    ranks = {"least nuclear norm": float(small.convex_effective_rank)}
    for depth in (2, 3):
        norms[f"depth {depth}"] = float(small.nuclear_norm.sel(depth=depth))
        ranks[f"depth {depth}"] = float(small.effective_rank.sel(depth=depth))
    found.append(ordering(f"{where}: nuclear norm", norms, "P"))
    found.append(ordering(f"{where}: effective rank", dict(reversed(ranks.items())), "P"))
    for depth in depths[1:]:
        off = abs(typical.norm_share.sel(depth=depth) - 1)
        finding = Finding(ASTRAY, float(off.max()), 2.0, 8.0) if (way, depth) == LED_ASTRAY else None
        found.append(_within(f"{where}, depth {depth}: nuclear norm is the truth's", off, 0.01, "F", finding))
    return found


def _by_scale(values) -> dict[str, float]:
    return {f"{scale:g}": float(values.sel(scale=scale)) for scale in values.scale.values.tolist()}


def _many(typical, way: str) -> list[Claim]:
    where, small = f"5000 entries, {way}", typical.isel(scale=0)
    return [
        ordering(
            f"{where}, depth 2: error by scale", _by_scale(typical.error.sel(depth=2)), "F" if way == "drawn" else "NF"
        ),
        _within(
            f"{where}: nuclear norm is the least", abs(small.nuclear_norm / small.convex_nuclear_norm - 1), 0.01, "P"
        ),
        _within(
            f"{where}: effective rank is that of the least nuclear norm",
            abs(small.effective_rank / small.convex_effective_rank - 1), 0.02, "P",
        ),
    ]  # fmt: skip


def _within(quantity: str, off, share: float, provenance: str, finding: Finding | None = None) -> Claim:
    worst = float(off.max())
    found = f"{100 * worst:.2g} % off at most"
    return statement(quantity, f"within {100 * share:g} %", found, worst < share, provenance, finding=finding)


def panels(data) -> list[Panel]:
    # the figures' axis: ‖W(0)‖_F = scale √n
    across = 10 * data.scale.values
    found = []
    for way, count in ((way, count) for way in SAMPLINGS for count in OBSERVED):
        here = data.sel(sampling=way, observed=count)
        for name, title in QUANTITIES.items():
            curves = [
                _median(across, here[name].sel(depth=depth), f"depth {depth}")
                for depth in DEPTHS
                if not here.error.sel(depth=depth).isnull().any()
            ]
            levels = {"least nuclear norm": float(here[f"convex_{name}"].median("draw"))}
            logs = "xy" if name == "error" else "x"
            found.append(Panel(f"{count} entries, {way}", "norm of the start", title, curves, logs, levels))
    return found


def _median(across: np.ndarray, values, label: str) -> Curve:
    """Medians over draws, with bars over their range."""
    middle = values.median("draw")
    spread = np.stack([middle - values.min("draw"), values.max("draw") - middle])
    return Curve(across, middle.values, label, "marked", spread=spread)


EXPERIMENT = Experiment(
    name="arora2019-scale",
    title="Error, nuclear norm and effective rank against the scale of the start",
    source="arora2019, Figures 1 and 2",
    quick=Setup(draws=3, drawn=(2, 3), scales=(1e-6, 1e-3)),
    full=Setup(draws=5, drawn=DEPTHS),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)
