"""What must be installed for the real game, and what is said about what is missing."""

import socket
import sys
from importlib.util import find_spec

import pytest
from random_battle import roster

from dizoo_ext.smac_multiarmy.sc2 import engine as sc2
from dizoo_ext.smac_multiarmy.sc2 import game_process
from dizoo_ext.smac_multiarmy.sc2.engine import StarCraftEngine
from dizoo_ext.smac_multiarmy.sc2.protocol_loader import make_protocol_importable

SEED = 3


@pytest.fixture
def begin(double):
    """Begins a battle in an engine with some options."""
    engines = []

    def begin(**options):
        engines.append(StarCraftEngine(launch_spread=0, **options))
        engines[-1].begin(roster(SEED))

    yield begin
    for engine in engines:
        engine.close()


def test_the_first_look_is_cheap(double):
    StarCraftEngine()
    assert double.launches == []


def test_a_missing_game_is_reported_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("SC2PATH", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="install the game"):
        StarCraftEngine()


def test_a_missing_map_is_reported_at_once(double, tmp_path):
    with pytest.raises(FileNotFoundError, match="correct map_path"):
        StarCraftEngine(map_path=str(tmp_path / "other.SC2Map"))
    with pytest.raises(FileNotFoundError, match=r"no map .*other.SC2Map; copy other.SC2Map"):
        StarCraftEngine(map_name="other")
    double.map_file.unlink()
    with pytest.raises(FileNotFoundError, match=r"no map .*empty_passive.SC2Map; copy"):
        StarCraftEngine()


@pytest.mark.parametrize("package", ["pysc2", "s2clientprotocol", "websocket"])
def test_a_missing_package_is_reported_at_once(double, monkeypatch, package):
    monkeypatch.setattr(sc2, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(ModuleNotFoundError, match=rf"'{package}'; install it with `uv sync --extra sc2`"):
        StarCraftEngine()


def test_a_package_that_turns_out_to_be_missing_is_reported_too(begin, monkeypatch):
    for name in ("game", "connection"):
        monkeypatch.delitem(sys.modules, f"dizoo_ext.smac_multiarmy.sc2.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "absl", None)
    with pytest.raises(ModuleNotFoundError, match="uv sync --extra sc2"):
        begin()


@pytest.mark.parametrize(
    "options",
    [{"launch_attempts": 0}, {"launch_timeout": 0}, {"request_timeout": -1}, {"launch_spread": -0.1}],
    ids=lambda options: next(iter(options)),
)
def test_impossible_numbers_are_refused(double, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        StarCraftEngine(**options)


def test_the_newest_version_is_the_default(double):
    make_protocol_importable()
    from dizoo_ext.smac_multiarmy.sc2.game import installed_version

    double.add_build(100000)
    assert installed_version(double.folder, None) == (double.program(100000), None)
    assert installed_version(double.folder, "4.6.2")[0] == double.program(69232)


def test_version_and_map_may_be_named(begin, double, tmp_path):
    double.map_file.rename(tmp_path / "moved.SC2Map")
    begin(game_version="4.6.2", map_path=str(tmp_path / "moved.SC2Map"))
    ((*_, option, data_version),) = double.launches
    assert (option, data_version) == ("-dataVersion", "B3E14058F1083913B80C20993AC965DB")


@pytest.mark.parametrize("version", ["4.10.0", "9.9"])
def test_a_version_that_is_not_installed_is_refused_without_a_launch(begin, double, version):
    with pytest.raises(ValueError, match=rf"no StarCraft II {version} .* \[69232\].*\['4.6.2'\]"):
        begin(game_version=version)
    assert double.launches == []


@pytest.mark.parametrize(("content", "reason"), [("MPQ", "InvalidMapData not width"), ("64 32", "64 x 32")])
def test_a_wrong_map_is_refused_and_not_tried_again(begin, double, tmp_path, content, reason):
    path = tmp_path / "wrong.SC2Map"
    path.write_text(content)
    with pytest.raises(ValueError, match=reason):
        begin(map_path=str(path))
    assert len(double.launches) == 1


def test_a_port_that_somebody_else_took_is_left_to_him(begin, double, monkeypatch):
    from dizoo_ext.smac_multiarmy.sc2 import connection as sc2_connection

    monkeypatch.setattr(sc2_connection, "_HANDSHAKE_SECONDS", 0.3)
    free_port = game_process._free_port
    with socket.socket() as taken:
        taken.bind((game_process.HOST, 0))
        taken.listen()
        ports = iter([taken.getsockname()[1]])
        monkeypatch.setattr(game_process, "_free_port", lambda: next(ports, None) or free_port())
        begin()
    assert len(double.launches) == 2
