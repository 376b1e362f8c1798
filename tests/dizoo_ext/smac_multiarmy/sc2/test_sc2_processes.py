"""However the engine's process ends, its game ends too; and nobody else's does."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from random_battle import roster

from dizoo_ext.smac_multiarmy.engine_interface import UNITS
from dizoo_ext.smac_multiarmy.sc2 import game_guard
from dizoo_ext.smac_multiarmy.sc2.engine import StarCraftEngine

FOLDER = Path(__file__).parent
BEGIN = f"""
import sys, time
sys.path[:0] = [{str(FOLDER)!r}, {str(FOLDER.parent / "sc2_double")!r}]
from without_ding import import_without_ding
import_without_ding()
from random_battle import roster
from dizoo_ext.smac_multiarmy.sc2.engine import StarCraftEngine
engine = StarCraftEngine(launch_spread=0)
engine.begin(roster(0))
print("begun", flush=True)
"""


def owner(ending):
    """A process that begins a battle and then does something."""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", BEGIN + ending], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    return process


@pytest.mark.parametrize("ending", ["", "import os; os._exit(0)"])
def test_the_game_ends_with_its_owner(double, ending):
    with owner(ending) as process:
        process.wait(20)
    assert double.wait_until_gone() == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_game_ends_with_its_killed_owner(double, number):
    with owner("time.sleep(1000)") as process:
        assert len(double.games()) == 1
        process.send_signal(number)
        process.wait(20)
    assert double.wait_until_gone() == {}
    # Nor do its files stay.
    assert not Path(double.launches[0][double.launches[0].index("-tempDir") + 1]).exists()


@pytest.mark.parametrize("end", [lambda engines: engines.pop().close(), lambda engines: engines.clear()])
def test_the_game_ends_with_the_engine(double, end):
    engines = [StarCraftEngine(launch_spread=0)]
    engines[0].begin(roster(0))
    folder = Path(double.launches[0][double.launches[0].index("-tempDir") + 1])
    assert folder.is_dir()
    end(engines)
    gc.collect()
    assert double.wait_until_gone() == {}
    assert not folder.exists()


def test_closing_twice_and_beginning_again(double):
    engine = StarCraftEngine(launch_spread=0)
    engine.close()
    for _ in range(2):
        engine.begin(roster(0))
        engine.close()
        engine.close()
    assert len(double.launches) == 2


def test_a_forked_process_leaves_its_parents_game_alone(double):
    engine = StarCraftEngine(launch_spread=0)
    engine.begin(roster(0))
    child = os.fork()
    if child == 0:
        del engine
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    seen = np.zeros((), dtype=UNITS)
    engine.advance(8)
    engine.read(seen)
    assert seen["alive"].any()
    engine.close()


def test_a_guard_that_is_asked_to_end_while_it_starts_the_game_ends_the_game(tmp_path):
    script = f"""
import os, signal, subprocess, sys
sys.path.insert(0, {str(Path(game_guard.__file__).parent)!r})
import game_guard

class Popen(subprocess.Popen):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Popen
sys.exit(game_guard.main(os.getppid(), {str(tmp_path)!r}, ["sleep", "300"]))
"""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", script], stdout=subprocess.PIPE) as guard:
        game = int(guard.stdout.readline())
        assert guard.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(game, 0)
