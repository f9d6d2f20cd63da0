"""Width does no harm: error and nuclear norm against the columns of U, from small and large starts.

U Uᵀ with d = 2 … 50 columns fits Gaussian measurements of a planted 50 × 50 matrix: of rank 2 from 300 of them, of
decaying spectrum from 300, and of rank 2 from 25, too few for anyone to recover it. From a small start the answer
hardly depends on d: it recovers what can be recovered, and where nothing can, it comes near least nuclear norm. From a
start of norm 1 it does not. The references know no U: projected gradient on the cone, X_gd, and the convex optimum.
A start from the leading d eigenvectors of X_gd stays near there, among bad optima of rank d. The last
row of panels is the training error: at d = n every start fits, below that none fits the decaying spectrum.

Steps are those of the flow, which small fixed steps tend to, and steepest descent to the minimum of each line (clipped:
an unclipped first step from near zero throws U far along one random direction, and ends anywhere).

[gunasekar2017, Figures 1 and 2]. Sizes, counts, norms and policies are recalled, not found in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.baselines import NuclearNorm
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import ordering, statement
from rankfall.experiments.semidefinite_problem import SIZE, OfNorm, error_of, sensed, target
from rankfall.integrators import Descent, DescentState, Field, Flow, ProjectedGradient, Update
from rankfall.models import Chain, FromLayers, Gaussian, Symmetric
from rankfall.problems import Sensing
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, StepLimit, evolve

# spectrum and number of measurements
TARGETS = {
    "rank 2, m = 3nr": ("rank 2", 300),
    "decaying, m = 3nr": ("decaying", 300),
    "rank 2, m = nr/4": ("rank 2", 25),
}
POLICIES = ("flow", "exact steps")
REFERENCES = ("projected", "least nuclear norm")
_ENDS = Record(every=10**9)
_PLACES = np.arange(-2.0, 3.0)
# in tenths of ‖U‖; near zero the rounding of the loss hides where the quartic turns, far beyond
_FARTHEST = 5.0


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    draws : int
        Starts of each kind.
    steps : int
        Of steepest descent and of projected gradient.
    """

    widths: tuple[int, ...]
    draws: int
    steps: int
    norms: tuple[float, ...] = (1e-4, 1.0)
    residual: float = 1e-3


@dataclass(frozen=True)
class ExactSteps(Update):
    """Steepest descent of U Uᵀ to the least loss on each line, a quartic along it, but by at most half of ‖U‖."""

    def change(
        self, field: Field, state: DescentState
    ) -> tuple[Float[Array, "runs p"], tuple[Array, ...], Float[Array, " runs"]]:
        """The best step along Ẇ; five losses know the quartic."""
        unit = 0.1 * np.linalg.norm(state.weights, axis=1) / np.linalg.norm(state.velocity, axis=1)
        losses = [field.loss(state.weights + (s * unit)[:, None] * state.velocity) for s in _PLACES]
        steps = unit * np.minimum(least_of_quartics(np.stack(losses, axis=-1)), _FARTHEST)
        return steps[:, None] * state.velocity, (), steps


def least_of_quartics(values: Float[Array, "runs 5"]) -> Float[Array, " runs"]:
    """Where quartics, known at −2 … 2, are least among positive places; infinity where they only fall."""
    least = []
    for row in np.polynomial.polynomial.polyfit(_PLACES, values.T, 4).T:
        roots = np.polynomial.polynomial.polyroots(np.polynomial.polynomial.polyder(row))
        places = roots.real[(np.abs(roots.imag) < 1e-6 * np.abs(roots)) & (roots.real > 0)]
        bends = np.polynomial.polynomial.polyval(places, np.polynomial.polynomial.polyder(row, 2))
        places = places[bends >= 0]
        least.append(min(places, key=lambda s: np.polynomial.polynomial.polyval(s, row)) if places.size else np.inf)
    return np.array(least)


def problem_of(name: str) -> Sensing:
    """The measurements of one of `TARGETS`."""
    spectrum, count = TARGETS[name]
    return sensed(target(spectrum, seed=0), count, seed=1)


def fitted(problem: Sensing, residual: float) -> LossBelow:
    """‖A(X) − y‖ ≤ residual ‖y‖."""
    return LossBelow(residual**2 * float(np.mean(problem.values**2)))


def projected(problem: Sensing, steps: int) -> Float[Array, "n n"]:
    """X_gd: projected gradient from zero, at 0.9 of the largest stable rate."""
    # ‖A‖² ≈ (√m + √dim)²/n², the edge of the spectrum of Gaussian matrices
    edge = (np.sqrt(problem.count) + np.sqrt(SIZE * (SIZE + 1) / 2)) ** 2 / SIZE**2
    rate = 0.9 * problem.count / (2 * edge)
    stop = fitted(problem, 1e-4) | StepLimit(steps)
    return evolve(problem, Chain(1), Gaussian(1e-12), ProjectedGradient(rate), stop=stop, record=_ENDS).product


def refer(name: str, widths: list[int], steps: int, residual: float) -> Arrays:
    """Error and nuclear norm of X_gd and of the convex optimum, and from the leading eigenvectors of X_gd."""
    problem = problem_of(name)
    far = projected(problem, steps)
    values, vectors = np.linalg.eigh(far)
    roots = vectors * np.sqrt(np.maximum(values, 0))
    products = [far, NuclearNorm(positive=True).solve(problem).product]
    for width in widths:
        start = FromLayers([roots[:, -width:].T, roots[:, -width:]])
        run = evolve(
            problem,
            Symmetric(width),
            start,
            Flow(1e-4),
            stop=fitted(problem, residual) | StepLimit(steps),
            record=_ENDS,
        )
        products.append(run.product)
    return _read(products, problem)


def fit(name: str, width: int, norms: list[float], draws: int, steps: int, residual: float) -> Arrays:
    """Error and nuclear norm from random starts (policies, norms, draws)."""
    problem = problem_of(name)
    stop = fitted(problem, residual) | StepLimit(steps)
    start = OfNorm(np.repeat(np.square(norms), draws))
    seeds = np.tile(np.arange(draws), len(norms))
    products = [
        run.product
        for integrator in (Flow(1e-4), Descent(ExactSteps()))
        for run in evolve(problem, Symmetric(width), start, integrator, stop=stop, record=_ENDS, seed=seeds)
    ]
    shape = (len(POLICIES), len(norms), draws)
    return {name: row.reshape(shape) for name, row in _read(products, problem).items()}


def _read(products: Sequence[Array], problem: Sensing) -> Arrays:
    norms = [np.linalg.svd(product, compute_uv=False).sum() for product in products]
    sizes = np.sqrt(float(np.mean(problem.values**2)))
    return {
        "error": np.array([error_of(product, np.asarray(problem.truth)) for product in products]),
        "norm": np.array(norms),
        "training": np.array([np.sqrt(float(problem.loss(product))) / sizes for product in products]),
    }


def parts(setup: Setup) -> list[Part]:
    fixed = {"norms": list(setup.norms), "draws": setup.draws, "steps": setup.steps, "residual": setup.residual}
    fits = [Part(fit, {"name": name, "width": width, **fixed}) for name in TARGETS for width in setup.widths]
    return [
        *fits,
        *(
            Part(refer, {"name": name, "widths": list(setup.widths), "steps": setup.steps, "residual": setup.residual})
            for name in TARGETS
        ),
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    fits, references = results[: -len(TARGETS)], results[-len(TARGETS) :]
    axes = ("target", "width", "policy", "start", "draw")
    shape = (len(TARGETS), len(setup.widths), len(POLICIES), len(setup.norms), setup.draws)
    variables = {}
    for name in ("error", "norm", "training"):
        variables[name] = (axes, np.reshape([r[name] for r in fits], shape))
        references_of = np.stack([r[name] for r in references])
        variables[f"{name}_reference"] = (("target", "reference"), references_of[:, : len(REFERENCES)])
        variables[f"{name}_spectral"] = (axes[:2], references_of[:, len(REFERENCES) :])
    places = {
        "target": list(TARGETS), "width": list(setup.widths), "policy": list(POLICIES), "start": list(setup.norms),
        "reference": list(REFERENCES),
    }  # fmt: skip
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    means = data.mean("draw")
    small, large = float(data.start.min()), float(data.start.max())
    full = int(data.width.max())
    found = []
    for name in TARGETS:
        for policy in POLICIES:
            at = means.sel(target=name, width=full, policy=policy)
            seen = {}
            for quantity in ("error", "norm"):
                far = float(at[f"{quantity}_reference"].sel(reference="projected"))
                ends = (float(at[quantity].sel(start=start)) for start in (small, large))
                seen[quantity] = dict(zip(("small start", "large start", "X_gd"), (*ends, far), strict=True))
            where = f"{name}, d = n, {policy}"
            worst = float(data.training.sel(target=name, width=full, policy=policy).max())
            found.append(
                statement(
                    f"{where}: every start fits",
                    "‖A(X) − y‖ at most 1 % of ‖y‖",
                    f"{100 * worst:.2g} %",
                    worst <= 0.01,
                    "P",
                )
            )
            if TARGETS[name][1] > SIZE:
                pair = {key: seen["error"][key] for key in ("small start", "X_gd")}
                found.append(ordering(f"{where}: error", pair, "P", by=2))
                pair = {key: seen["error"][key] for key in ("small start", "large start")}
                found.append(ordering(f"{where}: error", pair, "P"))
            found.append(
                ordering(
                    f"{where}: nuclear norm", {key: seen["norm"][key] for key in ("small start", "X_gd")}, "P", by=1.2
                )
            )
            found.append(
                ordering(
                    f"{where}: nuclear norm", {key: seen["norm"][key] for key in ("small start", "large start")}, "P"
                )
            )
    return found


def panels(data) -> list[Panel]:
    drawn = []
    titles = {"error": "relative error", "norm": "nuclear norm", "training": "training error, relative"}
    for quantity, title in titles.items():
        for name in TARGETS:
            at = data.sel(target=name)
            curves = [
                Curve(data.width.values, at[quantity].sel(policy=policy, start=start).mean("draw").values,
                      f"‖U(0)‖ = {start:g}, {policy}" * (not drawn), style, color=color,
                      spread=at[quantity].sel(policy=policy, start=start).std("draw").values)
                for color, start in enumerate(data.start.values)
                for policy, style in zip(POLICIES, ("marked", "dashed"), strict=True)
            ]  # fmt: skip
            curves.append(
                Curve(data.width.values, at[f"{quantity}_spectral"].values, "from X_gd" * (not drawn), "line", color=2)
            )
            far, least = at[f"{quantity}_reference"].values.tolist()
            levels = {"X_gd": far} | ({"least nuclear norm": least} if quantity == "norm" else {})
            drawn.append(Panel(name, "width d", title, curves, "" if quantity == "norm" else "y", levels=levels))
    return drawn


EXPERIMENT = Experiment(
    name="gunasekar2017-width",
    title="Width does no harm: error and nuclear norm against the columns of U",
    source="gunasekar2017, Figures 1 and 2",
    quick=Setup(widths=(2, 10, 50), draws=2, steps=500),
    full=Setup(widths=(2, 3, 5, 10, 20, 30, 50), draws=3, steps=1500),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)
