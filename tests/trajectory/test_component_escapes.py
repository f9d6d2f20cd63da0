"""Components escape one by one, at the times that the law of their norms gives."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.models import BalancedComponents, FromLayers
from rankfall.theory import mode_time
from rankfall.trajectory import ComponentEscape
from tests.tensor_catalogue import planted_tensor

TARGETS, SCALE, LEVEL, SIDE = np.array([3.0, 2.0, 1.0]), 1e-2, 0.5, 3
PRECISE, PRECISION = rf.Flow(1e-9), 1e-6


def diagonal_tensor(order):
    """Σ_r λ_r e_r ⊗ ⋯ ⊗ e_r, all of it observed: components along the axes do not see one another."""
    tensor = np.zeros((SIDE,) * order)
    tensor[(np.arange(SIDE),) * order] = TARGETS
    return rf.TensorCompletion.from_array(tensor)


def followed(problem, model, event, start=None, integrator=PRECISE, **more):
    start = start or FromLayers([SCALE ** (1 / model.depth) * layer for layer in diagonal_layers(model)])
    record = rf.Record(events=event if isinstance(event, list) else [event], **more)
    return rf.evolve(problem, model, start, integrator, stop=rf.LossBelow(1e-7) | rf.StepLimit(5000), record=record)


def diagonal_layers(model):
    return [np.eye(*shape) if shape[-1] > 1 else np.ones(shape) for shape in model.layer_shapes]


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("integrator", [PRECISE, rf.Reference()], ids=repr)
def test_components_that_do_not_meet_escape_when_the_closed_form_says(order, integrator):
    problem = diagonal_tensor(order)
    model = rf.CP(SIDE).sized(problem.shape)
    run = followed(problem, model, ComponentEscape(LEVEL), integrator=integrator)
    assert [(event.name, event.index) for event in run.events] == [("component escape", r) for r in range(SIDE)]
    # ℓ is a mean of squares, that of the closed form half their sum
    expected = [mode_time(np.asarray(LEVEL), target, SCALE, order) * SIDE**order / 2 for target in TARGETS]
    np.testing.assert_allclose([event.time for event in run.events], expected, rtol=PRECISION)


@pytest.mark.parametrize("node", [0, 1, 2])
def test_local_components_escape_when_the_closed_form_says(node):
    # every layer of the tree is diagonal with the same w: a component of W is w⁷, a local one w³
    problem = diagonal_tensor(4)
    model = rf.Tree(None, SIDE).sized(problem.shape)
    run = followed(problem, model, ComponentEscape(LEVEL, node=node))
    assert [event.index for event in run.events] == [0, 1, 2]
    of_product = np.asarray(LEVEL ** (7 / 3))
    expected = [mode_time(of_product, target, SCALE, 7) * SIDE**4 / 2 for target in TARGETS]
    np.testing.assert_allclose([event.time for event in run.events], expected, rtol=PRECISION)


@pytest.mark.parametrize("integrator", [rf.Flow(), rf.Descent(rf.Gradient(0.5))], ids=repr)
def test_from_a_small_start_components_escape_one_by_one(integrator):
    problem = planted_tensor((6, 7, 5), rank=2, share=0.8)
    event = ComponentEscape(share=0.3)
    run = followed(problem, rf.CP(4).sized(problem.shape), event, BalancedComponents(1e-3), integrator)
    times = [event.time for event in run.events]
    assert len({event.index for event in run.events}) == len(times) >= 2
    assert times[1] > 1.2 * times[0]
    # the others are still near zero when the first has escaped
    record = rf.Record(
        times=times[:1], functions={"norms": lambda problem, model, weights: model.component_norms(weights)}
    )
    start, stop = BalancedComponents(1e-3), rf.TimeReached(1.01 * times[0])
    at = rf.evolve(problem, rf.CP(4), start, integrator, stop=stop, record=record)
    first, *others = sorted(at.history["norms"][at.history["time"] == times[0]][0], reverse=True)
    assert max(others) < 0.1 * first


def test_the_default_threshold_is_a_tenth_of_the_data_in_the_units_of_the_component():
    problem = diagonal_tensor(4)
    cp = rf.CP(SIDE).sized(problem.shape)
    default, given = (followed(problem, cp, event).events for event in (ComponentEscape(), ComponentEscape(0.3)))
    assert [event[:2] for event in default] == [event[:2] for event in given]
    np.testing.assert_allclose([e.time for e in default], [e.time for e in given], rtol=PRECISION)
    tree = rf.Tree(None, SIDE).sized(problem.shape)
    events = ComponentEscape(node=1), ComponentEscape(0.1 * 3 ** (3 / 7), node=1)
    default, given = (followed(problem, tree, event).events for event in events)
    assert [event[:2] for event in default] == [event[:2] for event in given]
    np.testing.assert_allclose([e.time for e in default], [e.time for e in given], rtol=PRECISION)


@pytest.mark.parametrize(
    ("model", "event", "words"),
    [
        (rf.Train(2), lambda: ComponentEscape(), "of the 0 groups of components that the model has, got Train"),
        (rf.CP(2), lambda: ComponentEscape(node=1), "of the 1 groups of components"),
        (rf.CP(2), lambda: ComponentEscape(-1.0), "threshold must be positive"),
    ],
)
def test_bad_input_says_what_to_do(model, event, words):
    with pytest.raises(rf.InputError, match=words):
        rf.evolve(diagonal_tensor(3), model, rf.Gaussian(0.1), rf.Flow(), record=rf.Record(events=[event()]))
