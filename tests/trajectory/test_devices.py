"""Runs on a device: NumPy's path to the tolerance, the same bits again, and one wait of the host for each step."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.arrays import to_numpy
from rankfall.devices import find_device
from rankfall.errors import InputError
from rankfall.integrators import Field
from rankfall.problems import Dense, TorchSparse
from tests.catalogue import MODELS, SHAPE
from tests.helpers.completions import is_one_sentence
from tests.helpers.devices import on_devices
from tests.helpers.one_torch_thread import one_torch_thread
from tests.helpers.planted import planted_problem

torch = pytest.importorskip("torch")
traffic = pytest.importorskip("tests.helpers.host_traffic")

pytestmark = pytest.mark.usefixtures(one_torch_thread.__name__)

LAYOUTS = [Dense, TorchSparse]
CHAINS = [rf.Chain(2), rf.Chain(3), rf.Chain(2, rates=(1.0, 0.5), decay=0.01)]
# A step may err by four times the tolerance, and either path may.
ALLOWED = 8.0


in_layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)


def problem_in(layout="auto", share=0.3):
    return replace(planted_problem((40, 30), share=share), layout=layout)


def followed(problem, device=None, rtol=1e-4, chain=CHAINS[1], **more):
    options = {"stop": rf.TimeReached(200.0), "record": rf.Record(), "seed": 1} | more
    return rf.evolve(problem, chain, rf.Spectral(6, 1e-2), rf.Flow(rtol), device=device, **options)


def gap(run, expected):
    theirs, ours = to_numpy(run.product), expected.product
    return np.linalg.norm(theirs - ours) / np.linalg.norm(ours)


@on_devices
@in_layouts
@pytest.mark.parametrize("rtol", [1e-3, 1e-7])
@pytest.mark.parametrize("chain", CHAINS, ids=repr)
def test_a_run_is_numpys(device, layout, rtol, chain):
    held = problem_in().hold_out(0.1, seed=0)
    run, expected = followed(replace(held, layout=layout), device, rtol, chain), followed(held, None, rtol, chain)
    assert run.problem.values.device.type == run.weights.device.type == device
    assert run.problem.held_out.values.device.type == device
    assert gap(run, expected) <= ALLOWED * rtol
    for name in ("loss", "test_error", "held_out_error"):
        np.testing.assert_allclose(run.history[name][-1], expected.history[name][-1], rtol=20 * rtol)


@pytest.mark.trusted
@on_devices
@in_layouts
def test_two_runs_have_the_same_bits(device, layout):
    problem = replace(problem_in(layout), values=problem_in().values.astype(np.float32))
    first, second = (followed(problem, device) for _ in range(2))
    assert first.weights.dtype is torch.float32
    assert torch.equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.history["loss"], second.history["loss"])


@pytest.mark.trusted
@on_devices
@in_layouts
def test_a_batch_is_the_loop(device, layout):
    problem, rtol = problem_in(layout), 1e-6
    runs = followed(problem, device, rtol, seed=[1, 2], stop=rf.LossBelow(1e-2) | rf.TimeReached(300.0))
    for run in runs:
        alone = followed(problem_in(), None, rtol, seed=run.seed, stop=rf.LossBelow(1e-2) | rf.TimeReached(300.0))
        assert run.status == alone.status
        assert gap(run, alone) <= 1e-2


@pytest.mark.trusted
@on_devices
@in_layouts
@pytest.mark.parametrize("own", [False, True], ids=["one mask", "own masks"])
def test_many_tables_are_the_loop(device, layout, own):
    rng, base, rtol = np.random.default_rng(0), planted_problem((12, 9), share=0.7), 1e-6
    values = base.values * rng.uniform(0.5, 2, (5, 1))
    weights = (rng.random(values.shape) < 0.8).astype(float) if own else None
    many = rf.Completion(base.rows, base.cols, values, base.shape, weights, layout=layout)
    more = {"stop": rf.LossBelow(1e-3) | rf.TimeReached(300.0), "record": rf.Record()}
    runs = rf.evolve_batch(many, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(rtol), device=device, seed=3, **more)
    for table, run in enumerate(runs):
        one = replace(many, layout="auto").of_runs(table)
        alone = rf.evolve(one, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(rtol), seed=3, **more)
        assert run.status == alone.status
        assert abs(run.time - alone.time) <= 0.2 * alone.time
        assert gap(run, alone) <= 2e-2


def steps_of(problem, flow, batch, count):
    """(waits, arrays sent, whether all moved) of the steps of a flow on PyTorch's CPU device."""
    there, model = problem.on_device("cpu"), rf.Chain(3).sized(problem.shape)
    field = Field(there, model)
    weights = model.draw(there, rf.Gaussian(1e-2), [1e-2] * batch, range(batch))
    state = flow.init(field, torch.as_tensor(weights), np.full(batch, np.inf))
    found = []
    for _ in range(count):
        with traffic.HostTraffic() as seen, np.errstate(over="ignore", invalid="ignore"):
            state = flow.step(field, state)
        found.append((seen.waits, seen.sent.total(), bool(state.moved.all())))
    return found


@pytest.mark.trusted
@in_layouts
@pytest.mark.parametrize("flow", [rf.Flow(1e-3), rf.Flow(1e-6)], ids=repr)
def test_the_host_waits_once_a_step_and_sends_nothing(layout, flow):
    found = steps_of(problem_in(layout), flow, 1, 20)
    assert sum(not moved for *_, moved in found) < 10
    for (waits, sent, _), before in zip(found[1:], found, strict=False):
        assert sent == 0
        # after a rejected step, and where a method begins, the stiffness is estimated by itself
        assert waits == 1 or (waits == 2 and not before[2])


@pytest.mark.trusted
@in_layouts
def test_a_batch_sends_lengths_of_steps_and_masks_whatever_the_stages(layout):
    for waits, sent, moved in steps_of(problem_in(layout), rf.Flow(1e-3), 3, 15)[1:]:
        assert waits <= 2
        assert sent <= (3 if moved else 6)


@pytest.mark.trusted
@in_layouts
def test_a_whole_run_waits_a_few_times_a_step(layout):
    problem = problem_in(layout).hold_out(0.1, seed=0)
    with traffic.HostTraffic() as seen:
        run = followed(replace(problem, truth=None), "cpu")
    # the step, the held-out error; and what starts and ends the run
    assert seen.waits <= 2.5 * run.steps + 30


@on_devices
@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("diagonal")])
def test_every_model_moves_alike_and_makes_the_host_wait_once_a_step(device, name):
    problem, waits = replace(planted_problem(SHAPE), truth=None), []

    def followed_for(steps, where):
        quiet = {"stop": rf.StepLimit(steps), "record": rf.Record(every=1000)}
        return rf.evolve(problem, MODELS[name](), rf.Gaussian(0.3), rf.Flow(1e-4), device=where, **quiet)

    for steps in (6, 16):
        with traffic.HostTraffic() as seen:
            run = followed_for(steps, device)
        waits.append(seen.waits)
    # the same steps, on numbers that differ by rounding
    assert gap(run, followed_for(16, None)) <= 1e-8
    # and again for the stiffness after a rejected step
    assert waits[1] - waits[0] <= 10 + 3


def test_numpy_stays_where_no_device_is_named():
    run = followed(problem_in())
    assert isinstance(run.weights, np.ndarray)


@pytest.mark.parametrize(
    ("name", "word"),
    [("cuad", "one that PyTorch knows, got 'cuad'"), (1, "a name such as 'cuda', got 1"), ("cuda:99", "got 'cuda:99'")],
)
def test_a_device_that_is_not_there(name, word):
    with pytest.raises(InputError, match=word) as refused:
        followed(problem_in(), name)
    assert is_one_sentence(str(refused.value))


def test_without_pytorch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"pip install \"rankfall\[gpu\]\"") as refused:
        find_device("cuda")
    assert is_one_sentence(str(refused.value))


def test_a_problem_that_cannot_move_says_so():
    problem = rf.Sensing.gaussian(np.ones((4, 3)), 6, seed=0)
    with pytest.raises(InputError, match="Sensing does not move to a device, got device='cpu'"):
        rf.evolve(problem, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(), device="cpu")
