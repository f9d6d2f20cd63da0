"""Greedy low-rank learning: one rank at a time, each started where the last one got stuck.

    λ u = leading eigenpair of −∇ℓ(W);  stop if λ ≤ 0;  U ← [U, √ε u];  follow the flow to its end;  repeat

From a vanishing start the flow of U Uᵀ does just this by itself: it waits near every saddle of rank r until the next
direction escapes, at rate λ. With layers W = W_N ⋯ W_1 the pair is a singular one, −∇ℓ(W) ≈ λ p qᵀ, and the product
grows by ε p qᵀ shared evenly by the layers.   [li2021]
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, like, to_numpy
from rankfall.errors import InputError
from rankfall.integrators.flow import Flow
from rankfall.integrators.integrator import Integrator
from rankfall.models.chain import Chain
from rankfall.models.model import Model
from rankfall.models.starts import FromLayers
from rankfall.problems.problem import Problem
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import GradientBelow


@dataclass(frozen=True, eq=False)
class GreedyPath:
    """The stages of a greedy run, each a `Trajectory` of one rank more.

    Parameters
    ----------
    stages : tuple[Trajectory, ...]
        Stage r has rank r; empty where W = 0 is already the best.
    drives : tuple[float, ...]
        λ before each stage, and after the last.
    reason : str
        Why it ended.
    """

    shape: tuple[int, int]
    stages: tuple[Trajectory, ...]
    drives: tuple[float, ...]
    reason: str
    converged: bool

    @property
    def rank(self) -> int:
        """The number of directions learned."""
        return len(self.stages)

    @property
    def product(self) -> Float[Array, "m n"]:
        """W at the end."""
        return self.stages[-1].product if self.stages else np.zeros(self.shape)

    @property
    def products(self) -> list[Float[Array, "m n"]]:
        """W at the end of each stage, the saddles that the path passes."""
        return [stage.product for stage in self.stages]

    @property
    def losses(self) -> Float[np.ndarray, " stages"]:
        """ℓ at the end of each stage."""
        return np.asarray([stage.loss for stage in self.stages])

    @property
    def nuclear_norm(self) -> float:
        """Σσ of W at the end."""
        return self.stages[-1].nuclear_norm if self.stages else 0.0

    def __repr__(self) -> str:
        return f"GreedyPath(rank {self.rank}, losses {self.losses}; {self.reason})"


def greedy(
    problem: Problem,
    model: Model | None = None,
    *,
    scale: float | int = 1e-8,
    integrator: Integrator | None = None,
    settled: float | int = 1e-3,
    tolerance: float | int = 1e-6,
    max_rank: int | None = None,
    record: Record | None = None,
) -> GreedyPath:
    """Rank-by-rank learning on a problem: what gradient flow tends to as its start vanishes, at depth 2.

    Parameters
    ----------
    problem : Problem
        What is measured; not a batch.
    model : Symmetric or Chain, optional
        `Symmetric()` or `Chain(depth)`, depth ≥ 2, default `Chain(2)`; its width is set to the rank of each stage.
    scale : float
        ε, the product each new direction starts with, default 1e-8; the algorithm's own limit is ε → 0.
    integrator : Integrator, optional
        Default `Flow(rtol=1e-6)`.
    settled : float
        A stage ends when the norm of the velocity is down to this share of its first value, default 1e-3.
    tolerance : float
        The path ends when λ is at most this share of the first λ, default 1e-6.
    max_rank : int, optional
        The most stages, default min(m, n).
    record : Record, optional
        What to keep along each stage.

    Raises
    ------
    InputError
        For a model with fewer than two layers, a scale that is not positive, or a batch of problems.
    """
    model = Chain(2) if model is None else model
    if not model.is_chain or model.depth < 2:
        raise InputError(
            f"greedy learning adds columns to layers, got {type(model).__name__} of depth "
            f"{model.depth}; use Symmetric() or Chain(2)"
        )
    if not scale > 0:
        raise InputError(f"scale must be positive, got {scale}; a direction of size zero never grows, 1e-8 is usual")
    if problem.batch_size is not None:
        raise InputError(f"greedy learning is of one problem, got {problem.batch_size}; pick one by of_runs(i)")
    integrator = Flow(rtol=1e-6) if integrator is None else integrator
    limit = min(problem.shape) if max_rank is None else max_rank
    stages: list[Trajectory] = []
    drives: list[float] = []
    layers: list[np.ndarray] = []
    product = np.zeros(problem.shape)

    def path(reason: str, converged: bool) -> GreedyPath:
        return GreedyPath((problem.shape[0], problem.shape[1]), tuple(stages), tuple(drives), reason, converged)

    while True:
        drive, left, right = escape_direction(problem, product, model.is_symmetric)
        drives.append(drive)
        if drive <= tolerance * max(drives[0], 0.0):
            return path("no direction is left to escape by", True)
        if len(stages) == limit:
            return path(f"rank {limit} was reached", False)
        layers = _widened(layers, left, right, scale, int(model.depth))
        grown = replace(cast(Any, model), width=len(stages) + 1)
        run = evolve(problem, grown, FromLayers(layers), integrator, stop=GradientBelow(settled), record=record)
        stages.append(run)
        if run.status not in (Status.CONVERGED, Status.STALLED):
            return path(f"stage {len(stages)} ended as {run.status}: {run.reason}", False)
        layers, product = [to_numpy(layer) for layer in run.layers], to_numpy(run.product)


def escape_direction(
    problem: Problem, product: Float[np.ndarray, "m n"], symmetric: bool
) -> tuple[float, Float[np.ndarray, " m"], Float[np.ndarray, " n"]]:
    """λ, p and q with −∇ℓ(W) ≈ λ p qᵀ the leading singular pair; with p = q the leading eigenpair if `symmetric`.

    From a saddle of rank r at depth 2, √ε p and √ε q grow like e^{λt}.
    """
    pull = -to_numpy(problem.gradient(like(product, problem.values))).astype(np.float64)
    if symmetric:
        values, vectors = np.linalg.eigh((pull + pull.T) / 2)
        return float(values[-1]), vectors[:, -1], vectors[:, -1]
    left, values, right = np.linalg.svd(pull)
    return float(values[0]), left[:, 0], right[0]


def _widened(
    layers: list[np.ndarray], left: np.ndarray, right: np.ndarray, scale: float | int, depth: int
) -> list[np.ndarray]:
    """The layers with one hidden unit more at every level, which adds scale · p qᵀ to the product."""
    root = scale ** (1 / depth)
    if not layers:
        return [root * right[None, :], *[np.full((1, 1), root)] * (depth - 2), root * left[:, None]]
    middle = []
    for layer in layers[1:-1]:
        block = np.zeros((layer.shape[0] + 1, layer.shape[1] + 1))
        block[:-1, :-1], block[-1, -1] = layer, root
        middle.append(block)
    return [np.vstack([layers[0], root * right]), *middle, np.column_stack([layers[-1], root * left])]
