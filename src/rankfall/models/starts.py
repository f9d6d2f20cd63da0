"""The starts that the package carries: random layers, balanced ones, and the singular vectors of the data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.sparse.linalg import LinearOperator

from rankfall.arrays import Array, SparseArray, to_numpy
from rankfall.errors import InputError
from rankfall.kernels.sparse_products import Multiplier
from rankfall.models.start import LayerForm, Layers, Start, require_scale
from rankfall.problems.problem import Problem

_SPARE, _ROUNDS = 10, 3
# Squared singular values above this share of the largest keep six digits of their vectors in the Gram matrix.
_GRAM_KEEPS = 1e-6


@dataclass(frozen=True)
class _Sized(Start):
    scale: float | Sequence[float] | np.ndarray = 1e-3
    width: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        require_scale(self.scale)


@dataclass(frozen=True)
class Gaussian(_Sized):
    """Independent Gaussian entries, one standard deviation for all layers; nearly balanced when small.

    For square chains of full width n the deviation is scale^{1/N} n^{−1/2}, the papers' own.   [arora2019]
    """

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        deviation = form.unit_deviation
        rng = np.random.default_rng(seed)
        return [deviation * rng.standard_normal(shape) for shape in form.shapes]


@dataclass(frozen=True)
class Uniform(_Sized):
    """Independent entries, uniform on a symmetric interval, with the variance of `Gaussian`."""

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        bound = math.sqrt(3) * form.unit_deviation
        rng = np.random.default_rng(seed)
        return [rng.uniform(-bound, bound, shape) for shape in form.shapes]


@dataclass(frozen=True)
class Identity(_Sized):
    """Each layer the same multiple of the identity (padded where rectangular): exactly balanced.   [arora2019]"""

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        return [_padded_identity(shape, form.rank) for shape in form.shapes]


@dataclass(frozen=True)
class Orthogonal(_Sized):
    """W_j = Q_j E Q_{j−1}ᵀ with random orthogonal Q and E the (padded) identity: exactly balanced, all σ equal."""

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        rng = np.random.default_rng(seed)
        turns = [_haar(dimension, rng) for dimension in form.dimensions]
        return [turns[j + 1] @ _padded_identity(shape, form.rank) @ turns[j].T for j, shape in enumerate(form.shapes)]


@dataclass(frozen=True)
class Balanced(_Sized):
    """A Gaussian product A = U Σ Vᵀ shared out evenly: W_1 ≃ Σ^{1/N}Vᵀ, W_j ≃ Σ^{1/N}, W_N ≃ UΣ^{1/N}.

    Where the chain is too narrow for any A, A is a product of two Gaussian matrices of the chain's rank.
    Procedure 1 of [arora2018convergence]: the product is drawn, the layers are exactly balanced. With
    `rotated=True` a random orthogonal Q stands between any two layers, W_j ← Q W_j, W_{j+1} ← W_{j+1} Qᵀ, which
    changes neither product nor balance.
    """

    rotated: bool = False

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        rng = np.random.default_rng(seed)
        m, n, rank = form.dimensions[-1], form.dimensions[0], form.rank
        if rank == min(m, n):
            drawn = rng.standard_normal((m, n)) * math.sqrt(rank / (m * n))
        else:
            drawn = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)) / math.sqrt(m * n)
        u, values, v = np.linalg.svd(drawn, full_matrices=False)
        layers = split_evenly(u[:, :rank], values[:rank], v[:rank], form)
        if self.rotated:
            for j, dimension in enumerate(form.dimensions[1:-1]):
                turn = _haar(dimension, rng)
                layers[j], layers[j + 1] = turn @ layers[j], layers[j + 1] @ turn.T
        return layers


@dataclass(frozen=True)
class Spectral(Start):
    """The leading singular vectors U, V of the back-projected data, W_1 = Vᵀ, W_j = I, W_N = U, of a given width.

    Small starts spend their first steps finding these directions anyway (`back_projection`); a chain of that width
    keeps the path's bias at a fraction of the cost. Exactly balanced; each of the `width` singular values of W(0)
    is `scale`; nothing is random.   [kwon2024, the compressed network]
    """

    width: int = 20
    scale: float | Sequence[float] | np.ndarray = 1e-3

    def __post_init__(self) -> None:
        require_scale(self.scale)
        if self.width < 1:
            raise InputError(f"width must be at least 1, got {self.width}; twice the expected rank is ample")

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        rank = form.rank if form.depth > 1 else min(form.rank, self.width)
        u, v = leading_vectors(problem.back_projection(), rank)
        return split_evenly(u, np.ones(rank), v.T, form)


@dataclass(frozen=True)
class FromLayers(Start):
    """The given layers, W_1 first: to continue a run (`FromLayers(run.layers)`) or to try a start of your own."""

    is_exact = True

    given: Sequence[Array]
    scale: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        if len(self.given) == 0:
            raise InputError("a given start needs at least one layer, got none; pass W_1 first, as in run.layers")

    @property
    def width(self) -> int | None:
        """Of the first layer, for chains of one width; a chain of several needs its own."""
        return int(self.given[0].shape[0]) if len(self.given) > 1 else None

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        return [to_numpy(layer).astype(np.float64) for layer in self.given]


def split_evenly(
    u: Float[np.ndarray, "m q"], values: Float[np.ndarray, " q"], v: Float[np.ndarray, "q n"], form: LayerForm
) -> Layers:
    """Balanced layers with product u diag(values) v: each carries Σ^{1/N}, up to zero padding."""
    root = values ** (1 / form.depth)
    if form.depth == 1:
        return [(u * root) @ v]
    layers = [_padded_identity(shape, root.size) for shape in form.shapes]
    for layer in layers[1:-1]:
        layer[: root.size, : root.size] = np.diag(root)
    layers[0] = np.zeros(form.shapes[0])
    layers[0][: root.size] = root[:, None] * v
    layers[-1] = np.zeros(form.shapes[-1])
    layers[-1][:, : root.size] = u * root
    return layers


def leading_vectors(matrix: SparseArray | LinearOperator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` leading left (m, count) and right (n, count) singular vectors of a SciPy sparse matrix, or an operator.

    Exact (LAPACK) for small matrices; for large ones three rounds of subspace iteration with ten vectors to spare,
    which is more than a start needs: the first steps of a run are power iteration themselves.   [halko2011]
    """
    m, n = matrix.shape
    if count >= min(m, n) // 2 or m * n <= 2**18:
        formed = matrix.matmat(np.eye(n)) if isinstance(matrix, LinearOperator) else matrix.toarray()
        return _exact_vectors(formed.astype(np.float64, copy=False), count)
    if isinstance(matrix, LinearOperator):
        forth, back = matrix.matmat, matrix.rmatmat
    else:
        forth = Multiplier.of(matrix)
        back = forth.transposed
    basis = np.random.default_rng(0).standard_normal((n, min(count + _SPARE, n)))
    for _ in range(_ROUNDS):
        basis = back(_orthonormal(forth(basis)))
    left = _orthonormal(forth(basis))
    right = back(left)
    values, v = np.linalg.eigh(right.T @ right)
    chosen = np.argsort(values)[::-1][:count]
    return left @ v[:, chosen], _orthonormal(right @ v[:, chosen])


def _exact_vectors(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same by LAPACK: from the smaller Gram matrix where few are wanted and none is lost in its rounding."""
    if matrix.shape[0] > matrix.shape[1]:
        u, v = _exact_vectors(matrix.T, count)
        return v, u
    if count < matrix.shape[0] // 2:
        from scipy.linalg import eigh

        last = matrix.shape[0] - 1
        squares, u = eigh(matrix @ matrix.T, subset_by_index=(last - count + 1, last))
        if squares[0] > _GRAM_KEEPS * squares[-1]:
            return u[:, ::-1], (matrix.T @ u / np.sqrt(squares))[:, ::-1]
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    return u[:, :count], v[:count].T


def _orthonormal(basis: np.ndarray) -> np.ndarray:
    """A basis of the same span, by Cholesky factors of the Gram matrix, twice: LAPACK's QR is slow on tall ones.

    The factor is inverted, which for a second pass is exact enough: a product is ten times as fast as solving.

    Columns that depend on others to rounding are kept finite by a small diagonal.   [yamamoto2015, CholeskyQR2]
    """
    for _ in range(2):
        gram = basis.T @ basis
        gram[np.diag_indices_from(gram)] += 1e-15 * np.trace(gram)
        basis = basis @ np.linalg.inv(np.linalg.cholesky(gram)).T
    return basis


def _padded_identity(shape: tuple[int, ...], rank: int) -> np.ndarray:
    padded = np.zeros(shape)
    padded[:rank, :rank] = np.eye(rank)
    return padded


def _haar(dimension: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((dimension, dimension)))
    return q * np.sign(np.diag(r))
