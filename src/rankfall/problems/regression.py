"""Linear regression with an ℓ_p loss: W maps inputs to outputs, and depth is an optimizer for it.

    ℓ(W) = (1/p) mean_i Σ_k |(W x_i − y_i)_k|^p,    p ≥ 1 real        [arora2018]

For p = 2 on white inputs, mean x xᵀ = I, this is ½‖W − Φ‖_F² plus a constant, Φ = mean y xᵀ: the setting of
[arora2018convergence]. Means are over samples; the papers' sums are as many times larger.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, SparseArray, is_numpy, like, namespace, take, to_numpy
from rankfall.errors import InputError
from rankfall.problems.factorization import Factorization
from rankfall.problems.problem import Problem
from rankfall.problems.real import finite_numbers
from rankfall.problems.sensing import drawn_aside

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Whitening:
    """x ↦ (x − mean) · directions: inputs made white, and new ones made comparable.

    Parameters
    ----------
    mean : (features,) ndarray
    directions : (features, kept) ndarray

    """

    mean: Float[np.ndarray, " features"]
    directions: Float[np.ndarray, "features kept"]

    def apply(self, inputs: Float[np.ndarray, "samples features"]) -> Float[np.ndarray, "samples kept"]:
        """The white coordinates of inputs."""
        return (inputs - self.mean) @ self.directions


@dataclass(frozen=True, eq=False)
class Regression(Problem):
    """Samples x_i ↦ y_i, and the mean ℓ_p residual of the linear map W (outputs × features) as the loss.

    The gradient is mean sign(e) `|e|^{p−1}` xᵀ, e = W x − y. It is Lipschitz for p = 2 only: for p > 2 a step that
    suits samples with large residuals is slow for the others, and for p < 2 the flow ends in a corner around which
    finite steps oscillate.

    Parameters
    ----------
    inputs : array
        X (samples, features).
    targets : array
        Y (samples, outputs), or (samples,) for one output.
    exponent : float or int
        p ≥ 1.
    truth : array, optional
        The W the samples were made with, where known.
    held_out : Regression, optional
        Further samples, as a `Regression`.
    whitening : Whitening, optional
        How the inputs were made white, if they were; set by `whitened`.

    Raises
    ------
    InputError
        For p < 1, other than one target a sample, or numbers that are not real and finite.
    """

    is_convex = True

    inputs: Array
    targets: Array
    exponent: float | int = 2.0
    truth: Array | None = None
    held_out: "Regression | None" = None
    whitening: Whitening | None = None

    def __post_init__(self) -> None:
        if not self.exponent >= 1:
            raise InputError(
                f"the exponent p must be at least 1, got {self.exponent}; below 1 the loss is not convex, "
                "and 2 is least squares"
            )
        inputs, targets = finite_numbers(self.inputs, "inputs", 2), finite_numbers(self.targets, "targets")
        if targets.ndim == 1:
            targets = targets[:, None]
        if targets.ndim != 2 or targets.shape[0] != inputs.shape[0] or inputs.shape[0] == 0:
            raise InputError(
                f"each sample has one row of inputs and of targets, got shapes {tuple(inputs.shape)} and "
                f"{tuple(targets.shape)}; transpose the one that has samples in columns"
            )
        if is_numpy(inputs) != is_numpy(targets) or inputs.dtype != targets.dtype:
            targets = like(to_numpy(targets), inputs)
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "targets", targets)
        if self.truth is not None and tuple(np.shape(self.truth)) != self.shape:
            raise InputError(
                f"truth must be a map of shape {self.shape}, outputs × features, got {tuple(np.shape(self.truth))}"
            )

    @classmethod
    def whitened(
        cls, inputs: Array, targets: Array, exponent: float | int = 2.0, *, normalize: bool = False
    ) -> "Regression":
        """The problem with inputs centered and turned into uncorrelated features of variance 1 (PCA).

        Directions in which the inputs do not vary are dropped. With `normalize=True` the targets are divided by
        ‖Φ‖_F, so that ‖Φ‖_F = 1 after it.   [arora2018convergence, experiments]
        """
        seen = finite_numbers(inputs, "inputs", 2)
        table = to_numpy(seen).astype(np.float64)
        mean = table.mean(axis=0)
        left, values, right = np.linalg.svd(table - mean, full_matrices=False)
        kept = values > max(table.shape) * np.finfo(np.float64).eps * max(float(values.max(initial=0.0)), 1e-300)
        if not kept.any():
            raise InputError("inputs must vary to be whitened, got the same row for every sample; drop the whitening")
        size = np.sqrt(table.shape[0])
        whitening = Whitening(mean, right[kept].T * (size / values[kept]))
        problem = cls(like(left[:, kept] * size, seen), targets, exponent, whitening=whitening)
        if not normalize:
            return problem
        norm = float(np.linalg.norm(to_numpy(problem.correlation)))
        if norm == 0:
            raise InputError("targets must correlate with the inputs to be normalized, got Λ_yx = 0; normalize=False")
        return replace(problem, targets=problem.targets / norm)

    @property
    def values(self) -> Array:
        """The targets, what the loss compares to."""
        return self.targets

    @property
    def shape(self) -> tuple[int, int]:
        """(outputs, features)."""
        return int(self.targets.shape[1]), int(self.inputs.shape[1])

    @property
    def samples(self) -> int:
        """How many samples."""
        return int(self.inputs.shape[0])

    @property
    def correlation(self) -> Float[Array, "outputs features"]:
        """Λ_yx = mean y xᵀ."""
        return self.targets.mT @ self.inputs / self.samples

    def _require_white(self) -> None:
        covariance = to_numpy(self.inputs.mT @ self.inputs / self.samples)
        gap = float(np.abs(covariance - np.eye(covariance.shape[0])).max())
        rounding = max(_ROUNDING, 100 * float(np.finfo(covariance.dtype).eps) * covariance.shape[0])
        if self.exponent != 2 or gap > rounding:
            raise InputError(
                "the loss is ½‖W − Φ‖² + const only for p = 2 on white inputs, got p = "
                f"{self.exponent} and a covariance {gap:.3g} off the identity; use Regression.whitened"
            )

    @property
    def floor(self) -> float:
        """The least ℓ can be, ½(mean ‖y‖² − ‖Φ‖_F²), Φ = `correlation`. Only for p = 2 on white inputs."""
        self._require_white()
        squares = float(np.sum(to_numpy(self.targets).astype(np.float64) ** 2)) / self.samples
        return max(0.0, (squares - float(np.sum(to_numpy(self.correlation).astype(np.float64) ** 2))) / 2)

    def factorization(self) -> Factorization:
        """The same problem without its samples, ½‖W − Φ‖_F², Φ = `correlation`: a loss smaller by `floor`.

        The path is the same. Raises InputError unless p = 2 and the inputs are white.
        """
        self._require_white()
        return Factorization(self.correlation)

    def predict(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch samples outputs"]:
        """L Rᵀ x_i for every sample, forming no map."""
        return (self.inputs @ right) @ left.mT

    def loss(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch"]:
        """ℓ(W)."""
        return self._loss(self.inputs @ product.mT - self.targets)

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(L Rᵀ)."""
        return self._loss(self.predict(left, right) - self.targets)

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and ∇ℓ(W)."""
        residual = times(self.inputs, product.mT) - self.targets
        return self._loss(residual), times(self.inputs.mT, self._slope(residual)).mT

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ, G = ∇ℓ(W), forming neither W nor G."""
        hidden = times(self.inputs, right)
        residual = hidden @ left.mT - self.targets
        slope = self._slope(residual)
        right_pull = times(self.inputs.mT, slope @ left)
        return self._loss(residual), slope.mT @ hidden, right_pull

    def _loss(self, residual: Array) -> Array:
        xp = namespace(residual)
        powers = power(xp.abs(residual), self.exponent)
        return xp.sum(powers, axis=(-2, -1)) / (self.exponent * self.samples)

    def _slope(self, residual: Array) -> Array:
        """∂ℓ/∂(W x_i), a row for each sample."""
        if self.exponent == 2:
            return residual / self.samples
        xp = namespace(residual)
        return xp.sign(residual) * power(xp.abs(residual), self.exponent - 1) / self.samples

    def back_projection(self) -> SparseArray:
        """Λ_yx over the mean variance of an input, as a SciPy CSR matrix: for p = 2 the direction −∇ℓ(0)."""
        from scipy.sparse import csr_array

        variance = float(np.mean(to_numpy(self.inputs).astype(np.float64) ** 2))
        return csr_array(to_numpy(self.correlation).astype(np.float64) / (variance or 1.0))

    def hold_out(self, fraction: float | int, seed: int) -> "Regression":
        """The same problem with a random `fraction` of the samples, at least one, set aside in `held_out`."""
        aside = drawn_aside(self.samples, fraction, seed)
        return replace(self._select(~aside), held_out=replace(self._select(aside), truth=None))

    def _select(self, kept: np.ndarray) -> "Regression":
        chosen = np.flatnonzero(kept)
        return replace(self, inputs=take(self.inputs, chosen, 0), targets=take(self.targets, chosen, 0), held_out=None)


def times(matrix: Float[Array, "a b"], batch: Float[Array, "*batch b c"]) -> Float[Array, "*batch a c"]:
    """A B_i for all B_i as one product A [B_1 B_2 …], which reads A once."""
    if batch.ndim != 3 or not is_numpy(batch) or batch.shape[0] == 1:
        return matrix @ batch
    runs, inner, cols = batch.shape
    side_by_side = matrix @ np.ascontiguousarray(batch.transpose(1, 0, 2)).reshape(inner, runs * cols)
    return np.ascontiguousarray(side_by_side.reshape(-1, runs, cols).transpose(1, 0, 2))


def power(base: Array, exponent: float | int) -> Array:
    """bᵖ, by multiplication where p is a small whole number: `**` takes logarithms."""
    if exponent not in (1, 2, 3, 4):
        return base**exponent
    square = base * base if exponent > 1 else base
    return square * square if exponent == 4 else square * base if exponent == 3 else square
