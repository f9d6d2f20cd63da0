"""What the observed entries of a matrix that is known determine: the limit that no method of recovery passes."""

import numpy as np
from jaxtyping import Float

from rankfall.problems.completion import Completion
from rankfall.recovery.certificate import Certificate, certify
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import triplets_of


def certify_truth(problem: Completion, truth: Float[np.ndarray, "m n"], rank: int) -> Certificate:
    """The certificate at the true matrix, of this rank."""
    u, values, vt = np.linalg.svd(truth, full_matrices=False)
    true = triplets_of(u[:, :rank] * values[:rank], vt[:rank].T, rank)
    return certify(Sampling(np.asarray(problem.rows), np.asarray(problem.cols), problem.shape), true)
