"""The laws of every update rule."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.integrators import Field, Update
from rankfall.integrators.state import taken
from tests.catalogue import UPDATES
from tests.helpers.planted import planted_problem

over_updates = pytest.mark.parametrize("update", UPDATES, ids=lambda update: type(update).__name__)


def walked(update, steps, batch=2):
    problem = planted_problem((7, 5))
    sized = rf.Chain(2).sized(problem.shape)
    field = Field(problem, sized)
    descent = rf.Descent(update)
    weights = sized.draw(problem, rf.Gaussian(), [0.4, 0.8][:batch], [0, 1][:batch])
    states = [descent.init(field, weights, np.full(batch, np.inf))]
    for _ in range(steps):
        states.append(descent.step(field, states[-1]))
    return field, states


@over_updates
def test_a_rule_is_asked_for_a_change_a_memory_and_its_time(update):
    assert isinstance(update, Update)
    field, states = walked(update, 2)
    for state in states:
        kept = [np.copy(part) for part in state.memory]
        change, memory, worth = update.change(field, state)
        assert change.shape == state.weights.shape
        assert worth.shape == (2,)
        assert (worth > 0).all()
        assert [np.shape(part) for part in memory] == [np.shape(part) for part in state.memory]
        for part, before in zip(state.memory, kept, strict=True):
            np.testing.assert_array_equal(part, before)


@over_updates
def test_a_rule_lowers_the_loss(update):
    _, states = walked(update, 200)
    assert (states[-1].loss < 0.5 * states[0].loss).all()


@over_updates
def test_a_run_of_a_batch_moves_by_its_own_rows(update):
    field, states = walked(update, 3)
    change, _, worth = update.change(field, states[-1])
    if isinstance(update, rf.integrators.Rates):
        return  # one rate for each run of the batch: a part of it is another rule
    for run in range(2):
        alone = taken(states[-1], np.asarray([run]))
        own, _, own_worth = update.change(field, alone)
        np.testing.assert_allclose(own[0], change[run], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(own_worth[0], worth[run])


@over_updates
def test_the_same_seed_gives_the_same_run(update):
    one, other = (walked(update, 5)[1][-1] for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
