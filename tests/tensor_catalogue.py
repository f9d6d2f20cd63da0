"""Small tensor models and problems of every kind; the contract tests of tensors run over them."""

import numpy as np

import rankfall as rf
from rankfall.problems import Absolute, Huber, Logistic

SHAPES = {3: (4, 5, 3), 4: (3, 4, 2, 3), 5: (2, 3, 2, 2, 3)}

MODELS = {
    "cp, order 2": ((4, 5), lambda: rf.CP(3)),
    "cp, order 3": (SHAPES[3], lambda: rf.CP(3)),
    "cp, order 4": (SHAPES[4], lambda: rf.CP(2)),
    "cp, order 5": (SHAPES[5], lambda: rf.CP(4)),
    "cp, decay": (SHAPES[3], lambda: rf.CP(3, decay=0.1)),
    "train, order 2": ((4, 5), lambda: rf.Train(3)),
    "train, order 3": (SHAPES[3], lambda: rf.Train((2, 3))),
    "train, order 4": (SHAPES[4], lambda: rf.Train(3)),
    "train, order 5": (SHAPES[5], lambda: rf.Train()),
    "tree, balanced": (SHAPES[4], lambda: rf.Tree(None, 3)),
    "tree, ternary and deep": (SHAPES[5], lambda: rf.Tree(((3, 0, 2), ((1,), 4)), (2, 3, 2, 3))),
}
GRADIENT_MODELS = tuple(name for name in MODELS if "decay" not in name)
CONSERVING = ("cp, order 2", "cp, order 3", "cp, order 5", "train, order 3", "train, order 4", "tree, balanced",
              "tree, ternary and deep")  # fmt: skip


def sized(name):
    shape, model = MODELS[name]
    return model().sized(shape)


def planted_tensor(shape, rank=2, share=0.7, seed=0, dtype=np.float64, **options):
    """A completion problem of a tensor of CP rank `rank` and mean squared entry 1, its truth known."""
    rng = np.random.default_rng(seed)
    truth = rf.CP(rank).sized(shape).product(rng.standard_normal(rank * sum(shape)))
    truth /= np.sqrt(np.mean(truth**2))
    given = np.where(rng.random(shape) < share, truth, np.nan).astype(dtype)
    given.flat[0] = truth.flat[0]
    return rf.TensorCompletion.from_array(given, truth=truth, **options)


def _weighted(shape):
    weights = np.random.default_rng(1).random(shape)
    return planted_tensor(shape, weights=weights)


def _signs(shape):
    problem = planted_tensor(shape)
    return rf.TensorCompletion.from_coordinates(problem.indices, np.sign(problem.values), shape, loss=Logistic(0.2))


PROBLEMS = {
    "completion": planted_tensor,
    "completion, weighted": _weighted,
    "completion, signs": _signs,
    "completion, huber": lambda shape: planted_tensor(shape, loss=Huber(0.3)),
    "completion, absolute": lambda shape: planted_tensor(shape, loss=Absolute(0.1)),
    "sensing": lambda shape: rf.problems.TensorSensing.gaussian(planted_tensor(shape).truth, 20, seed=1),
}
