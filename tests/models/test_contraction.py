"""Contractions are those of einsum, and the way back is their slope."""

import numpy as np
import pytest

from rankfall.models.contraction import NONE, Contraction, contracted

NETWORKS = {
    "matrices": ("ij,jk->ik", ((0, 1), (1, 2)), (0, 2)),
    "components": ("ir,jr,kr->kij", ((0, 3), (1, 3), (2, 3)), (2, 0, 1)),
    "a train": ("ia,ajb,bk->ijk", ((0, 3), (3, 1, 4), (4, 2)), (0, 1, 2)),
    "a tree": ("ir,jr,rs,ks,s->ijk", ((0, 3), (1, 3), (3, 4), (2, 4), (4,)), (0, 1, 2)),
    "four at once": ("ir,jr,kr,lr->ijkl", tuple((n, 4) for n in range(4)), (0, 1, 2, 3)),
}
SIDES = (3, 4, 2, 5, 3)


def arrays_of(names, batch=()):
    rng = np.random.default_rng(0)
    return [rng.standard_normal((*batch, *(SIDES[name] for name in each))) for each in names]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [(), (2,)])
def test_a_contraction_is_that_of_einsum_and_its_adjoint_the_slope(name, batch):
    expression, names, output = NETWORKS[name]
    arrays = arrays_of(names, batch)
    contraction = Contraction(names, output, tuple(a.shape[len(batch) :] for a in arrays))
    found = contraction(arrays)
    letters, result = expression.split("->")
    spread = ",".join("..." + each for each in letters.split(",")) + "->..." + result
    np.testing.assert_allclose(found, np.einsum(spread, *arrays), atol=1e-12)
    gradient = np.random.default_rng(1).standard_normal(found.shape)
    for place, pull in enumerate(contraction.adjoint(arrays, gradient)):
        assert pull.shape == arrays[place].shape
        # linear in each array: ⟨pull, A⟩ = ⟨gradient, W⟩
        np.testing.assert_allclose(np.sum(pull * arrays[place]), np.sum(gradient * found))
        moved = list(arrays)
        moved[place] = np.random.default_rng(2).standard_normal(arrays[place].shape)
        np.testing.assert_allclose(np.sum(pull * moved[place]), np.sum(gradient * contraction(moved)), atol=1e-9)


def test_axes_of_length_one_are_left_out_and_come_back():
    names, shapes = ((0, NONE, 2), (1, 2, NONE)), ((3, 1, 2), (4, 2, 1))
    first, second = (np.random.default_rng(k).standard_normal(shape) for k, shape in enumerate(shapes))
    contraction = Contraction(names, (0, 1), shapes)
    np.testing.assert_allclose(contraction([first, second]), first[:, 0] @ second[..., 0].T)
    pulls = contraction.adjoint([first, second], np.ones((3, 4)))
    assert [pull.shape for pull in pulls] == list(shapes)
    assert contracted(names[1:], (2, 1), shapes[1:], [second]).shape == (2, 4)


def test_the_order_is_the_cheapest_one():
    # (500 × 2)(2 × 500)(500 × 3): from the left, 500 × 500 would be formed; from the right, 2 × 3 is
    shapes = ((500, 2), (2, 500), (500, 3))
    contraction = Contraction(((0, 1), (1, 2), (2, 3)), (0, 3), shapes)
    assert set(contraction.kept[3]) == {1, 3}
    arrays = [np.random.default_rng(k).standard_normal(shape) for k, shape in enumerate(shapes)]
    np.testing.assert_allclose(contraction(arrays), arrays[0] @ arrays[1] @ arrays[2], atol=1e-9)
