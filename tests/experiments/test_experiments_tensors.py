"""What the experiments on tensors measure: components that rise at once, the factor of a law, the data."""

import numpy as np
import pytest

from rankfall.experiments import (
    khrulkov2018_recurrent as recurrent,
    razin2021_rank_of_data as of_data,
    razin2022_hierarchical as hierarchical,
)
from rankfall.experiments.incremental import law_factor, rising_at_once

TIMES = np.linspace(0, 100, 2001)


def risen(*centers):
    """Logistic curves of height 1, one for each center, rising within about 4 units of time."""
    return 1 / (1 + np.exp(-(TIMES[:, None] - np.asarray(centers))))


def test_components_far_apart_rise_one_by_one_and_those_at_one_time_together():
    assert rising_at_once(TIMES, risen(20, 50, 80), 0.1) == pytest.approx(1)
    assert rising_at_once(TIMES, risen(50, 50, 50), 0.1) == pytest.approx(3)
    assert rising_at_once(TIMES, risen(20, 50, 50), 0.1) == pytest.approx(1.5)


def test_components_that_stay_small_do_not_count():
    norms = np.concatenate([risen(20, 50), 0.05 * risen(50)], axis=1)
    assert rising_at_once(TIMES, norms, 0.1) == pytest.approx(1)
    assert np.isnan(rising_at_once(TIMES, norms, 2.0))


@pytest.mark.parametrize("factor", [3.0, 2.5])
def test_the_factor_of_a_law_is_what_the_layers_move_by(factor):
    norms = risen(20, 50)
    law = 3 * np.stack([norms * (1 - norms)] * 2, axis=1)
    law[:, 1] *= factor / 3
    assert law_factor(3, norms, law, 0.1) == pytest.approx(factor)
    assert np.isnan(law_factor(3, norms, law, 2.0))


@pytest.mark.parametrize("data", of_data.DATA)
def test_images_are_of_black_and_white_pixels_and_a_tenth_of_the_targets_is_the_digit(data):
    pixels, targets, is_training = of_data.images(data, 3, 0)
    assert pixels.shape == (64, 1797)
    assert set(np.unique(pixels)) == {0, 1}
    assert is_training.sum() == 1200
    assert np.mean(targets) / 2 == pytest.approx(0.1, abs=0.01)
    again, others, same = of_data.images("original", 3, 0)
    assert np.array_equal(is_training, same)
    assert np.array_equal(pixels, again) is (data != "random images")
    assert np.array_equal(targets, others) is (data != "random labels")


def test_a_train_with_one_cell_has_the_same_core_at_every_inner_step():
    model, weights = recurrent.drawn(6, 3, 2, True, 0)
    _, *inner, _ = model.layers(weights)
    assert all(np.array_equal(core, inner[0]) for core in inner)
    _, *inner, _ = model.layers(recurrent.drawn(6, 3, 2, False, 0)[1])
    assert not np.array_equal(inner[0], inner[1])


@pytest.mark.parametrize("family", hierarchical.SHAPES)
def test_planted_tensors_have_the_size_and_the_ranks_of_the_figure(family):
    problem = hierarchical.planted(family, 0)
    assert np.linalg.norm(problem.truth) == pytest.approx(64)
    assert problem.values.size == 2048
    values = np.linalg.svd(problem.truth.reshape(problem.shape[0], -1), compute_uv=False)
    assert int(np.sum(values > 1e-10 * values[0])) == 5
