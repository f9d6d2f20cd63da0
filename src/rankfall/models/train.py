"""A train of cores: W_i = G_1[i_1] G_2[i_2] ⋯ G_N[i_N], the tensor train.

Core n holds one matrix r_{n−1} × r_n for each index of axis n, r_0 = r_N = 1. A matrix is the case N = 2, `Chain(2)`.
As a network it is recurrent: a state of r_n numbers goes from position to position, multiplied by a matrix that the
input chooses.   [khrulkov2018]
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.kernels import train_entries, train_of_three
from rankfall.models.contraction import NONE, Names, contracted
from rankfall.models.network_model import NetworkModel
from rankfall.models.preconditioner import require_decay
from rankfall.models.tensor_model import require_axes, require_count
from rankfall.problems.problem import Problem

# Entries of a slice, on average, from which a loop over whole slices is worth it.
_EACH = 8


@dataclass(frozen=True)
class Train(NetworkModel):
    """W_i = G_1[i_1] ⋯ G_N[i_N], layer n of shape (d_n, r_{n−1}, r_n); the flow conserves G_n against G_{n+1}.

    Conserved: Σ_j G_n[j]ᵀG_n[j] − Σ_j G_{n+1}[j]G_{n+1}[j]ᵀ at each of the N − 1 bonds.

    Parameters
    ----------
    ranks
        r_1 … r_{N−1}, or one number for all, which is cut to what the shape allows; None means the width of the start
        where that has one, else as wide as the shape allows.
    decay
        λ ≥ 0, the weight decay of each layer.
    dimensions
        (d_1, …, d_N), filled in by `sized` once the shape of W is known.

    Raises
    ------
    InputError
        For ranks < 1, a number of ranks other than N − 1, ranks that the shape cannot have, a negative decay.
    """

    ranks: int | Sequence[int] | None = None
    decay: float | int = 0.0
    dimensions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.ranks, Sequence):
            object.__setattr__(self, "ranks", tuple(self.ranks))
        for rank in self.ranks if isinstance(self.ranks, Sequence) else (self.ranks,):
            if rank is not None:
                require_count(rank, "a rank of a train")
        require_decay(self.decay)

    def sized(self, shape: Sequence[int], width: int | None = None) -> "Train":
        """This model for W of `shape`; `width` is the start's, used where the model has none."""
        shape = require_axes(shape)
        bounds = [min(math.prod(shape[:n]), math.prod(shape[n:])) for n in range(1, len(shape))]
        if isinstance(self.ranks, Sequence):
            if len(self.ranks) != len(bounds):
                raise InputError(
                    f"a train over {len(shape)} axes has {len(bounds)} ranks, got {len(self.ranks)}; pass one for each "
                    "neighboring pair of axes, or a single number for all"
                )
            for n, (rank, bound) in enumerate(zip(self.ranks, bounds, strict=True), start=1):
                if rank > bound:
                    raise InputError(
                        f"rank {n} of a train of shape {shape} is at most {bound}, got {rank}; lower it, or pass one "
                        "number for all, which is cut to what the shape allows"
                    )
            return replace(self, dimensions=shape)
        wanted = self.ranks or width
        return replace(self, ranks=tuple(min(wanted or bound, bound) for bound in bounds), dimensions=shape)

    @property
    def bonds(self) -> tuple[int, ...]:
        """(1, r_1, …, r_{N−1}, 1)."""
        if not isinstance(self.ranks, Sequence):
            raise InputError(f"the ranks of a train are not known before the shape, got {self!r}; call sized(shape)")
        return (1, *self.ranks, 1)

    @property
    def depth(self) -> int:
        """N, the order of W and the number of layers."""
        return len(self.dimensions)

    @property
    def layer_shapes(self) -> list[tuple[int, int, int]]:
        """(d_n, r_{n−1}, r_n) of each axis."""
        return [(d, *bond) for d, bond in zip(self.dimensions, itertools.pairwise(self.bonds), strict=True)]

    @property
    def modes(self) -> tuple[int, ...]:
        """Layer n is of axis n."""
        return tuple(range(len(self.dimensions)))

    @property
    def names(self) -> tuple[Names, ...]:
        """Neighbors share a bond; the first and the last bond are of length 1."""
        order = len(self.dimensions)
        bonds = [order + n if 0 < n < order else NONE for n in range(order + 1)]
        return tuple((n, *bond) for n, bond in enumerate(itertools.pairwise(bonds)))

    @property
    def unit_norm(self) -> float:
        """Π d_n Π r_n."""
        return math.prod(map(float, self.dimensions)) * math.prod(map(float, self.bonds))

    def largest_rank(self, axes: Sequence[int]) -> int:
        """The least product of ranks and sides that a cut between the axes and the others passes."""
        # costs[s]: the cheapest cut of the cores so far, core n on side s; a core on the wrong side cuts its own axis
        costs = [1, 1]
        for n, side in enumerate(self.dimensions):
            bond = self.bonds[n]
            moved = [min(costs[0], costs[1] * bond), min(costs[1], costs[0] * bond)] if n else costs
            wrong = 1 if n in tuple(axes) else 0
            costs = [cost * (side if s == wrong else 1) for s, cost in enumerate(moved)]
        return min(costs)

    def values_at(
        self, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, "batch p"]
    ) -> Float[np.ndarray, "batch entries"]:
        """G_1[i_1] ⋯ G_N[i_N]."""
        return train_entries.values(positions, self.layers(weights))

    def adjoint_at(
        self,
        positions: Int[np.ndarray, "order entries"],
        weights: Float[np.ndarray, "batch p"],
        slopes: Float[np.ndarray, "batch entries"],
    ) -> Float[np.ndarray, "batch p"]:
        """∂/∂weights of Σ slopes · W at the positions."""
        return self.join(train_entries.adjoint(positions, self.layers(weights), slopes))

    def loss_and_gradient_at(
        self, positions: Int[np.ndarray, "order entries"], problem: Problem, weights: Float[np.ndarray, "batch p"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "batch p"]]:
        """ℓ(W) and ∂ℓ/∂weights; of one pass over the entries where the loss is known to the loops."""
        if problem.terms is None or problem.terms.values.dtype != weights.dtype:
            return super().loss_and_gradient_at(positions, problem, weights)
        slices = problem.terms_along(1) if self._is_of_three(positions) else None
        if slices is not None:
            lists = slices.starts, slices.positions, self.layers(weights), slices.terms
            loss, pulls = train_of_three.loss_and_gradient(*lists)
        else:
            loss, pulls = train_entries.loss_and_gradient(positions, self.layers(weights), problem.terms)
        return loss, self.join(pulls)

    def _is_of_three(self, positions: Int[np.ndarray, "order entries"]) -> bool:
        """Whether slices of the middle of three axes have entries enough to be taken four at a time."""
        return len(self.dimensions) == 3 and positions.shape[1] >= _EACH * self.dimensions[1]

    def features(
        self, layer: int, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, "entries _"]:
        """(G_1 ⋯ G_{n−1})ᵀ (G_{n+1} ⋯ G_N)ᵀ at the indices, flattened."""
        found = train_entries.features(layer, positions, self.offsets, np.asarray(self.bonds), weights)
        return found.astype(weights.dtype, copy=False)

    def from_components(self, layers: Sequence[Float[np.ndarray, "_ R"]]) -> Float[np.ndarray, " p"]:
        """The weights whose W is the sum of components w_r^n, the columns of the layers of `CP`: diagonal cores.

        All ranks must be R.
        """
        count = layers[0].shape[1]
        if set(self.bonds[1:-1]) != {count}:
            raise InputError(f"a train of {count} components has ranks {count}, got {self.ranks}; pass Train({count})")
        inner = [layer[:, :, None] * np.eye(count) for layer in layers[1:-1]]
        return self.join([layers[0][:, None, :], *inner, layers[-1][:, :, None]])

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """L and R of the matricization L Rᵀ, with as many columns as the bond in the middle."""
        xp, layers, cut, order = (
            namespace(weights),
            self.layers(weights),
            len(self.dimensions) // 2,
            len(self.bonds) - 1,
        )
        halves = []
        for half, axes in ((slice(cut), range(cut)), (slice(cut, order), range(cut, order))):
            shapes = tuple(self.layer_shapes[half])
            found = contracted(self.names[half], (*axes, order + cut), shapes, layers[half])
            halves.append(xp.reshape(found, (*weights.shape[:-1], -1, self.bonds[cut])))
        return halves[0], halves[1]

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """max_n ‖Σ_j G_n[j]ᵀG_n[j] − Σ_j G_{n+1}[j]G_{n+1}[j]ᵀ‖_F: conserved by the flow."""
        xp = namespace(weights)
        worst = xp.zeros_like(weights[..., 0])
        for before, after in itertools.pairwise(self.layers(weights)):
            gap = xp.sum(before.mT @ before, axis=-3) - xp.sum(after @ after.mT, axis=-3)
            worst = xp.maximum(worst, xp.sqrt(xp.sum(gap * gap, axis=(-2, -1))))
        return worst
