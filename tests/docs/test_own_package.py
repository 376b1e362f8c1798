"""The package in docs/examples is copied out of the clone, installed and trained, as its page says."""

import json
import os
import runpy
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from click.testing import CliRunner
from own_package import EXAMPLE, forget_package

from ding_alma.cli.main import main
from dizoo_ext import trusted_imports

ROOT = Path(__file__).parents[2]
TINY = [
    *("env.collector_env_num=2", "env.evaluator_env_num=4", "policy.learn.update_per_collect=2"),
    *("policy.learn.batch_size=2", "policy.eval.evaluator.eval_freq=1", "policy.network.attention_dim=8"),
]
STEPS, MORE_STEPS = "120", "240"
"""Of at most 30 steps an episode, two at a time: at least two collections, and as many again."""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, on the way to Python's modules and not loaded yet."""
    copy = shutil.copytree(EXAMPLE, tmp_path / "dikes_package")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(copy))
    monkeypatch.setenv(trusted_imports.VARIABLE, "")
    yield copy
    forget_package()


def call(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_its_own_tests_pass(package):
    tests = runpy.run_path(str(package / "tests" / "test_dikes.py"))
    found = [function for name, function in tests.items() if name.startswith("test_")]
    assert len(found) == 3
    for function in found:
        function()


# A-QMIX's heir is a value-based policy without allocator, as REFIL is.
@pytest.mark.parametrize("policy", ["alma", pytest.param("refil", marks=pytest.mark.slow), "aqmix_horizon"])
def test_it_trains_evaluates_and_resumes(package, policy):
    config = package / "configs" / f"dikes_{policy}_config.py"
    code, output = call("train", config, *TINY, "--env-step", STEPS, "-o", "runs/own")
    assert code == 0, output
    evaluations = json.loads(Path("runs/own/seed0/evaluations.json").read_text())["evaluations"]
    assert evaluations[-1]["train_iter"] >= 2
    # Untrained: the task is not solved by whatever a team does.
    assert evaluations[0]["env_step"] == 0 and evaluations[0]["metrics"]["solved_mean"] <= 0.25
    forget_package()
    code, output = call("eval", "runs/own/seed0", "--episodes", "4")
    assert code == 1 and "--trust-imports dikes" in output and len(output.strip().splitlines()) == 1
    code, output = call("eval", "runs/own/seed0", "--episodes", "4", "--trust-imports", "dikes")
    assert code == 0 and "closed" in output, output
    forget_package()
    code, output = call("train", "--resume", "runs/own/seed0", "--env-step", MORE_STEPS, "--trust-imports", "dikes")
    assert code == 0, output
    assert json.loads(Path("runs/own/seed0/evaluations.json").read_text())["evaluations"][-1]["env_step"] > 120
    forget_package()
    code, output = call("compare", "runs/own", "-o", "comparison", "--metric", "closed")
    assert code == 0, output
    assert "dikes" not in sys.modules


def test_what_is_missing_is_said_in_one_line(package, monkeypatch):
    config = package / "configs" / "dikes_alma_config.py"
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(package)])
    code, output = call("train", config)
    assert code == 1 and "No module named 'dikes'; install the package beside ding-alma" in output
    assert len(output.strip().splitlines()) == 1
    monkeypatch.syspath_prepend(str(package))
    setting = package / "dikes" / "setting.py"
    setting.write_text(
        setting.read_text().replace('import_names=["dikes"], ', "").replace('"dikes", policy', '"dike", policy')
    )
    code, output = call("train", config)
    assert code == 1 and "unknown environment 'dike'; did you mean dikes" in output
    assert "create_config.env.import_names" in output and len(output.strip().splitlines()) == 1


def uv(*arguments):
    program = os.environ.get("UV") or shutil.which("uv")
    assert program is not None, "uv is needed, as everywhere in this project"
    subprocess.run([program, "pip", "install", "--offline", "--quiet", *map(str, arguments)], check=True)


@pytest.mark.slow
def test_installed_it_is_found_by_every_command(tmp_path):
    """In a virtual environment that also sees this one's packages and this clone."""
    copy = shutil.copytree(EXAMPLE, tmp_path / "dikes_package")
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (packages,) = (folder / "lib").glob("*/site-packages")
    (packages / "beside.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]))
    uv("--python", python, "--no-deps", "--no-build-isolation", "-e", copy)
    shutil.move(copy / "configs", tmp_path / "configs")

    def run(module, *arguments):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = f"from {module} import main; main()" if module != "ding" else "from ding.entry.cli import cli; cli()"
        result = subprocess.run(
            [python, "-W", "ignore", "-c", command, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    config = "configs/dikes_alma_config.py"
    run("ding", "-m", "serial", "-c", config, "-s", "0", "--train-iter", "2")
    run("ding_alma.cli.main", "train", config, *TINY, "--seeds", "0", "1", "--env-step", STEPS, "-o", "runs/two")
    trusted = ("--trust-imports", "dikes")
    run("ding_alma.cli.main", "train", "--resume", "runs/two", "--env-step", MORE_STEPS, *trusted)
    assert "solved" in run("ding_alma.cli.main", "eval", "runs/two/seed1", "--episodes", "4", *trusted)
