"""Episodes on the page: frames, lanes, and the reasons where there are none."""

import base64
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from report_runs import write_run
from test_report_page import content_in
from tiny_runs import write_untrained_run

from ding_alma.cli.main import main
from ding_alma.report.page import films
from ding_alma.report.play import FilmedEpisode
from ding_alma.report.run_groups import read_groups
from ding_alma.run.run_error import RunError


def frames(count):
    return [np.full((4, 6, 3), 20 * index, np.uint8) for index in range(count)]


def picture(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def test_lanes_are_by_agent_and_end_with_it():
    allocation = np.array([[1, 0], [1, -1], [1, -1]])
    present = np.array([[True, True], [True, True], [False, True]])
    shown = films.film_content(FilmedEpisode(frames(3), allocation, present, {"solved": 1.0, "return": 2.5}), "alma")
    assert shown["lanes"] == [[1, 1, None], [0, -1, -1]]
    assert (shown["width"], shown["height"], shown["reason"]) == (6, 4, "")
    assert shown["outcome"] == "solved 1, return 2.5"
    for text, frame in zip(shown["frames"], frames(3), strict=True):
        assert (picture(text) == frame).all()
    json.dumps(shown, allow_nan=False)


def test_long_episodes_are_thinned_and_keep_their_end(monkeypatch):
    monkeypatch.setattr(films, "MOST_FRAMES", 4)
    allocation = np.arange(10)[:, None]
    shown = films.film_content(FilmedEpisode(frames(10), allocation, None, {}), "alma")
    assert shown["steps"] == [0, 3, 6, 9] and shown["lanes"] == [[0, 3, 6, 9]]
    assert [picture(text)[0, 0, 0] for text in shown["frames"]] == [0, 60, 120, 180]


@pytest.mark.parametrize("allocation", [None, np.full((2, 3), -1)])
def test_a_policy_that_allocates_nobody_has_no_lanes(allocation):
    shown = films.film_content(FilmedEpisode(frames(2), allocation, None, {}), "refil")
    assert shown["lanes"] is None and shown["reason"] == "Policy refil allocates nobody here: there are no lanes."


def test_methods_that_cannot_be_played_say_why(tmp_path, monkeypatch):
    write_run(tmp_path / "bare", {0: 0.0, 100: 0.5})
    for seed in (0, 1):
        write_run(tmp_path / "broken" / f"seed{seed}", {0: 0.0, 100: 0.5}, seed=seed)
    (tmp_path / "broken" / "seed1" / "ckpt").mkdir()
    (tmp_path / "broken" / "seed1" / "ckpt" / "ckpt_last.pth.tar").write_bytes(b"half")
    CliRunner().invoke(main, ["compare", str(tmp_path / "bare"), "-o", str(tmp_path / "out")])
    earlier = f"earlier={tmp_path}/out/comparison.json"
    asked = []

    def load(folder):
        asked.append(folder)
        raise RunError(f"{folder}/ckpt/ckpt_last.pth.tar is damaged")

    monkeypatch.setattr(films, "load_run", load)
    said = []
    groups = read_groups([f"{tmp_path}/bare", f"{tmp_path}/broken", earlier])
    shown = {film["method"]: film for film in films.film_methods(groups, 1, 0, said.append)}
    assert all(film["episodes"] == [] for film in shown.values())
    assert "none of its runs has ckpt/" in shown["bare"]["reason"]
    assert "earlier comparison" in shown["earlier"]["reason"]
    assert shown["broken"]["reason"] == "seed1 cannot be played: seed1/ckpt/ckpt_last.pth.tar is damaged"
    assert asked == [str(tmp_path / "broken" / "seed1")]
    assert str(tmp_path) not in "".join(said)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("played")
    for policy in ("alma", "refil"):
        write_run(folder / policy, {0: 0.0, 100: 0.5}, policy=policy)
        write_untrained_run(folder / policy, policy)
    arguments = ["report", f"{folder}/alma", f"{folder}/refil", "-o", f"{folder}/out", "--episodes", "2"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return content_in((folder / "out" / "report.html").read_text())


def test_real_runs_are_played(played):
    alma, refil = played["films"]
    assert [film["reason"] for film in (alma, refil)] == ["", ""]
    assert len(alma["episodes"]) == len(refil["episodes"]) == 2
    for episode in alma["episodes"]:
        assert len(episode["frames"]) == len(episode["steps"]) == len(episode["lanes"][0]) > 1
        worked_at = {subtask for lane in episode["lanes"] for subtask in lane if subtask is not None}
        assert worked_at & set(range(8)), "nobody was ever allocated"
    assert refil["episodes"][0]["lanes"] is None and "refil allocates nobody" in refil["episodes"][0]["reason"]
