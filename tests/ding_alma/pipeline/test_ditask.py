"""The real thing: processes of `ditask` and of `ding -m parallel`. Slow, because each of them imports DI-engine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

HELPERS = Path(__file__).parents[2] / "helpers"
DITASK = Path(sys.executable).with_name("ditask")
CONFIG = """
from tiny_runs import tiny_config
main_config, create_config = tiny_config()
"""
SECONDS = 600

pytestmark = pytest.mark.slow


def start(folder, command=None, **variables):
    """Start ``ditask`` with a learner, an evaluator and two collectors, or another command."""
    (folder / "config.py").write_text(CONFIG)
    environment = os.environ | {
        "PYTHONPATH": str(HELPERS),
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
        "DING_ALMA_CONFIG": "config.py",
        "DING_ALMA_SECRET": "a secret of this test",
        **variables,
    }
    ditask = [DITASK, "--main", "ding_alma.pipeline.parallel.main", "--parallel-workers", "4"]
    ditask += ["--protocol", "ipc", "--topology", "star", "--startup-interval", "0"]
    return subprocess.Popen(
        command or ditask,
        cwd=folder,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ignored in what a shell has started in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def processes_of(session):
    """Ids of the processes of a session that are still there."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True).stdout
    return [line.split()[0] for line in listed.splitlines() if not line.split()[1].startswith("Z")]


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_ditask_trains_with_two_collectors_and_leaves_no_process(tmp_path):
    process = start(tmp_path, DING_ALMA_TRAIN_ITER="8")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output.decode()[-3000:]
    record = json.loads((tmp_path / "run" / "evaluations.json").read_text())
    assert record["evaluations"][0]["train_iter"] == 0
    assert (tmp_path / "run" / "ckpt" / "ckpt_last.pth.tar").is_file()
    assert (tmp_path / "run" / "ckpt" / "ckpt_best.pth.tar").is_file()
    assert {path.name for path in (tmp_path / "run" / "log").iterdir()} >= {"collector2", "collector3", "evaluator"}
    wait_for(lambda: not processes_of(process.pid))


def test_ding_m_parallel_trains_the_same(tmp_path):
    command = [DITASK.with_name("ding"), "-m", "parallel", "-c", "config.py", "-s", "0", "--train-iter", "8"]
    process = start(tmp_path, command, DING_ALMA_COLLECTORS="2")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output.decode()[-3000:]
    state = torch.load(tmp_path / "run" / "ckpt" / "ckpt_last.pth.tar", weights_only=True)
    assert state["last_iter"] == 8
    assert (tmp_path / "run" / "log" / "collector3").is_dir()
    wait_for(lambda: not processes_of(process.pid))


@pytest.mark.parametrize("how", ["interrupt", "kill a collector", "kill ditask"])
def test_a_run_that_is_cut_short_leaves_no_process(tmp_path, how):
    process = start(tmp_path)
    record = tmp_path / "run" / "evaluations.json"
    wait_for(lambda: process.poll() is not None or (record.exists() and "solved_mean" in record.read_text()))
    assert process.poll() is None
    if how == "interrupt":
        os.killpg(process.pid, signal.SIGINT)
    elif how == "kill ditask":
        process.kill()
    else:
        collector = (tmp_path / "run" / "log" / "collector2" / "collector2_logger.txt").resolve()
        os.kill(_writer_of(collector, process.pid), signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    wait_for(lambda: not processes_of(process.pid))


def _writer_of(path, session):
    """Id of the process of the session that has ``path`` open."""
    for process in processes_of(session):
        files = Path(f"/proc/{process}/fd").glob("*")
        if any(path == Path(os.readlink(file)) for file in files):
            return int(process)
    raise AssertionError(f"nobody writes {path}")
