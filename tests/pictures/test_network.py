"""The network of a tensor model as a picture: its lines carry what the layers take and give."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.errors import InputError
from rankfall.pictures import NetworkPicture

SHAPE = (3, 4, 2, 5)
MODELS = {"cp": rf.CP(6), "train": rf.Train(2), "tree": rf.Tree(None, 3), "deep tree": rf.Tree(((3, 0), ((2,), 1)), 2)}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param].sized(SHAPE)


def test_every_input_is_read_once_and_one_score_comes_out(model):
    drawn = NetworkPicture(model).frame()
    inputs = np.flatnonzero(drawn["kind"] == "x")
    assert [drawn["width"][drawn["from"] == place].tolist() for place in inputs] == [[side] for side in SHAPE]
    (score,) = np.flatnonzero(drawn["kind"] == "score")
    assert drawn["width"][drawn["to"] == score].tolist() == [1]
    # every node but the score is read by exactly one other
    assert sorted(drawn["from"].tolist()) == [place for place in range(drawn["kind"].size) if place != score]


def test_filters_hold_as_many_numbers_as_the_model(model):
    drawn = NetworkPicture(model).frame()
    held = 0
    for place in np.flatnonzero(drawn["kind"] == "filter"):
        into, out = drawn["width"][drawn["to"] == place], drawn["width"][drawn["from"] == place]
        held += int(np.prod(into)) * int(np.prod(out))
    assert held == model.size


def test_no_two_nodes_share_a_place_and_it_is_drawn(model, tmp_path):
    picture = NetworkPicture(model)
    drawn = picture.frame()
    assert len(set(zip(drawn["x"].tolist(), drawn["y"].tolist(), strict=True))) == drawn["x"].size
    picture.save(tmp_path / "network.png")
    assert (tmp_path / "network.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("wrong", "words"), [(rf.CP(2), "call sized"), (rf.Chain(2), "a CP, a Train or a Tree, got Chain")]
)
def test_what_is_no_network_is_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        NetworkPicture(wrong)
