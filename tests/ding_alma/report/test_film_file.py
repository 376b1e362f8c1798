"""Films are files that players open, in the size and at the speed that was asked for."""

import sys

import numpy as np
import pytest
from PIL import Image

from ding_alma.report.film_file import save_film
from ding_alma.run.run_error import RunError


def frames(height=40, width=61):
    """Five frames, each darker than the one before."""
    return [np.full((height, width, 3), 250 - 50 * index, np.uint8) for index in range(5)]


@pytest.mark.parametrize(("size", "shape"), [(None, (62, 40)), (120, (120, 80)), (33, (34, 22))])
def test_an_mp4_holds_every_frame(tmp_path, size, shape):
    av = pytest.importorskip("av", reason="the extra film is not installed")
    save_film(frames(), tmp_path / "new" / "film.mp4", 7.5, size)
    with av.open(str(tmp_path / "new" / "film.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, float(stream.average_rate)) == ("h264", "yuv420p", 7.5)
        shown = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
    assert len(shown) == 5
    for frame, original in zip(shown, frames(), strict=True):
        assert frame.shape == (*shape[::-1], 3)
        assert np.abs(frame.astype(int) - int(original[0, 0, 0])).max() < 8
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["film.mp4"]


def test_a_gif_of_another_size(tmp_path):
    save_film(frames(), tmp_path / "film.GIF", 4, 122)
    with Image.open(tmp_path / "film.GIF") as film:
        assert film.size == (122, 80) and film.n_frames == 5 and film.info["duration"] == 250


def test_what_cannot_be_written_is_told(tmp_path, monkeypatch):
    with pytest.raises(RunError, match=r"must end with .gif or .mp4, got .*film.avi"):
        save_film(frames(), tmp_path / "film.avi", 4)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(RunError, match=r"MP4 needs the package av.*--extra film"):
        save_film(frames(), tmp_path / "film.mp4", 4)
