"""Starts of tensor models: balanced components, and layers in the leading subspaces of the data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.models.start import LayerForm, Layers, Start, require_scale
from rankfall.models.starts import Gaussian, leading_vectors
from rankfall.problems.matricization import matricized_entries, matricized_shape
from rankfall.problems.problem import Problem

# The Gram matrix of an axis is formed up to this length.
_FORMED = 4096
# Axes up to this length take LAPACK's eigenvectors, longer ones Lanczos'.
_SMALL = 256


@dataclass(frozen=True)
class BalancedComponents(Gaussian):
    """Gaussian layers, the columns of each component scaled to one length: exactly balanced for `CP`.   [razin2021]

    Component r of layer n is its r-th column. It keeps the size that its Gaussian columns have, the product of their
    lengths. Raises InputError for layers that have no components in common.
    """

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        if len({shape[-1] for shape in form.shapes}) > 1 or any(len(shape) != 2 for shape in form.shapes):
            raise InputError(
                f"balanced components are those of CP, one column of each layer, got layers {list(form.shapes)}; "
                "use Gaussian, which is balanced up to its scale"
            )
        drawn = super().layers(problem, form, seed)
        lengths = np.stack([np.linalg.norm(layer, axis=0) for layer in drawn])
        common = np.exp(np.mean(np.log(lengths), axis=0))
        return [layer * (common / length) for layer, length in zip(drawn, lengths, strict=True)]


@dataclass(frozen=True)
class Subspaces(Start):
    """Gaussian layers inside the leading singular subspaces of the data, one for each axis of W.

    The subspace of axis n is spanned by `width` leading left singular vectors of the back-projected data matricized
    with axis n as rows. In a large tensor with few observed entries the noise of a random start hides the data; inside
    the subspaces it does not.   [montanari2018]

    Parameters
    ----------
    width : int
        Dimension of each subspace, and the rank of models that have none of their own.
    scale : float or sequence of float
        The size of W, as for `Gaussian`, default 1e-3.
    bases : sequence of ndarray, optional
        Orthonormal bases (d_n, width) of the subspaces where they are known, as from `leading_subspace`.
    """

    width: int
    scale: float | Sequence[float] | np.ndarray = 1e-3
    bases: Sequence[np.ndarray] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_scale(self.scale)
        if self.width < 1:
            raise InputError(f"width must be at least 1, got {self.width}; 10 is enough for most tensors")

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        rng = np.random.default_rng(seed)
        if not form.modes:
            raise InputError("Subspaces starts tensor models, got layers of a chain of matrices; use Spectral")
        layers = []
        for shape, mode in zip(form.shapes, form.modes, strict=True):
            drawn = form.unit_deviation * rng.standard_normal(shape)
            if mode is not None and self.width < shape[0]:
                basis = leading_subspace(problem, mode, self.width) if self.bases is None else self.bases[mode]
                flat = drawn.reshape(shape[0], -1)
                # projected from d to k dimensions, and as large as before
                drawn = (math.sqrt(shape[0] / self.width) * basis @ (basis.T @ flat)).reshape(shape)
            layers.append(drawn)
        return layers


def leading_subspace(problem: Problem, axis: int, width: int) -> Float[np.ndarray, "side width"]:
    """Orthonormal basis of the `width` leading left singular vectors of the data, matricized with `axis` as rows.

    Of M Mᵀ the diagonal is too large by one over the observed share p, as it sums squares of single entries; it is
    multiplied by p.   [montanari2018]
    """
    shape = problem.shape
    flat = problem.back_projection().tocoo()
    rows = np.unravel_index(flat.row, shape[: len(shape) // 2])
    columns = np.unravel_index(flat.col, shape[len(shape) // 2 :])
    matrix = matricized_entries(np.stack([*rows, *columns]), flat.data, shape, [axis])
    if shape[axis] > _FORMED:
        return leading_vectors(matrix, width)[0]
    gram = np.asarray((matrix @ matrix.T).toarray())
    share = flat.nnz / math.prod(map(float, matricized_shape(shape)))
    gram[np.diag_indices_from(gram)] *= share
    if shape[axis] <= max(_SMALL, 4 * width):
        return np.linalg.eigh(gram)[1][:, ::-1][:, :width]
    from scipy.sparse.linalg import eigsh

    values, vectors = eigsh(gram, width, which="LA", v0=np.ones(shape[axis]))
    return vectors[:, np.argsort(values)[::-1]]
