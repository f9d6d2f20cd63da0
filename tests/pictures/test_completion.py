"""Pictures: the numbers of every panel, pixels that are entries, and files whole or not at all."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from rankfall.errors import InputError
from rankfall.pictures import CompletionPicture

HIDDEN = to_rgb("#a9c4de")
# One step of the color map and one of the canvas, 256 each, and the canvas's rounding.
COLOR = 3.5 / 256


def picture(shape=(30, 40), truth=True) -> CompletionPicture:
    rng = np.random.default_rng(0)
    whole = rng.random(shape)
    holes = np.where(rng.random(shape) < 0.5, np.nan, whole)
    return CompletionPicture(holes, np.where(np.isnan(holes), 0.5, holes), whole if truth else None)


def pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.figure.set_dpi(150)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3] / 255


def test_frames_are_the_numbers_drawn():
    drawn = picture()
    observed, completed, truth = drawn.frames()
    share = 100 * np.mean(~np.isnan(drawn.holes))
    assert observed == f"{share:.3g} % observed, hidden in blue"
    assert (completed, truth) == ("completed", "truth")
    for values, frame in zip((drawn.holes, drawn.filled, drawn.truth), drawn.frames().values(), strict=True):
        np.testing.assert_array_equal(frame, values)
    assert list(picture(truth=False).frames())[1:] == ["completed"]


def test_large_tables_are_thinned():
    drawn = picture((3000, 7))
    assert drawn.truth is not None
    assert {frame.shape for frame in drawn.frames().values()} == {(1000, 7)}
    np.testing.assert_array_equal(drawn.frames()["truth"], drawn.truth[::3])


@pytest.mark.parametrize("shape", [(30, 40), (1, 9), (9, 1), (427, 640), (1280, 3)])
def test_every_entry_is_a_block_of_pixels_and_margins_are_narrow(shape):
    drawn = picture(shape)
    figure = drawn.plot()
    image = pixels(figure)
    low, high = np.nanquantile(drawn.holes, [0.005, 0.995])
    widths = 0
    for axis, values in zip(figure.axes, drawn.frames().values(), strict=True):
        box = axis.get_window_extent()
        left, right = round(box.x0), round(box.x1)
        top, bottom = image.shape[0] - round(box.y1), image.shape[0] - round(box.y0)
        assert (bottom - top) % shape[0] == (right - left) % shape[1] == 0
        panel = image[top:bottom, left:right]
        block = panel.shape[0] // shape[0], panel.shape[1] // shape[1]
        centers = panel[block[0] // 2 :: block[0], block[1] // 2 :: block[1]]
        # the frame covers the outermost pixels where an entry is but one
        inside = (slice(2, -2), slice(2, -2)) if min(block) == 1 else (slice(None), slice(None))
        gray = np.clip((values - low) / (high - low), 0, 1)
        expected = np.where(np.isnan(values)[..., None], HIDDEN, gray[..., None])
        np.testing.assert_allclose(centers[inside], expected[inside], atol=COLOR)
        widths += panel.shape[1]
        assert image.shape[0] - panel.shape[0] == 48
    assert image.shape[1] - widths == 48


def test_axes_of_ones_own_are_drawn_on():
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert picture(truth=False).plot(axes) is figure
    assert [axis.get_title() for axis in axes][1] == "completed"


def test_a_constant_table_can_be_drawn(tmp_path):
    holes = np.full((3, 3), 2.0)
    holes[1, 1] = np.nan
    CompletionPicture(holes, np.full((3, 3), 2.0)).save(tmp_path / "t.png")
    assert imread(tmp_path / "t.png").shape[:2] == (36 + 639 + 12, 12 + 2 * (639 + 12))


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "t.png"
    path.write_text("before")

    def fail(self, file, **options):
        file.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(InputError, match="No space left on device"):
        picture().save(path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("t.png", "before")]


def test_panels_must_show_the_same_entries():
    with pytest.raises(InputError, match=r"filled must have the shape of the table, \(2, 3\), got \(3, 2\)"):
        CompletionPicture(np.full((2, 3), np.nan), np.ones((3, 2)))
