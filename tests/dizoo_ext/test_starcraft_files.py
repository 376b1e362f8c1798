"""Where the game is looked for, and what is said when it is not there."""

import platform

import pytest

from dizoo_ext.starcraft_files import game_builds, game_folder, map_file


@pytest.fixture(autouse=True)
def linux(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")


def add_build(folder, name, mode=0o755):
    path = folder / "Versions" / name / "SC2_x64"
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(mode)
    return path


def test_the_variable_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SC2PATH", str(tmp_path))
    assert game_folder() == tmp_path


def test_without_the_variable_it_is_the_platforms_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SC2PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"StarCraftII \(SC2PATH is not set\); install the game"):
        game_folder()
    (tmp_path / "StarCraftII").mkdir()
    assert game_folder() == tmp_path / "StarCraftII"


def test_a_wrong_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SC2PATH", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"SC2PATH is '.*nowhere'"):
        game_folder()


def test_builds_are_sorted_by_number_and_executable(tmp_path):
    new, old = add_build(tmp_path, "Base100000"), add_build(tmp_path, "Base69232")
    add_build(tmp_path, "Base75689", mode=0o644)
    add_build(tmp_path, "BaseX")
    (tmp_path / "Versions" / "Base80949").mkdir()
    assert list(game_builds(tmp_path).items()) == [(69232, old), (100000, new)]


def test_a_folder_without_builds_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="complete installation"):
        game_builds(tmp_path)


def test_a_missing_map_is_named_with_its_place_and_source(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Maps/SMAC_Maps/empty_passive.SC2Map; copy .*github.com"):
        map_file(tmp_path)
    path = tmp_path / "Maps" / "SMAC_Maps" / "flat.SC2Map"
    path.parent.mkdir(parents=True)
    path.touch()
    assert map_file(tmp_path, "flat") == path


def test_other_platforms_are_told(monkeypatch):
    monkeypatch.delenv("SC2PATH", raising=False)
    monkeypatch.setattr(platform, "system", lambda: "Plan9")
    with pytest.raises(FileNotFoundError, match="does not exist for Plan9"):
        game_folder()
