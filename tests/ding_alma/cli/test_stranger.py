"""A run's folder from a stranger: commands read it as data, and write nothing outside of it."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tiny_runs import write_untrained_run

from ding_alma.cli.main import main
from ding_alma.run.hooks import register_hooks
from ding_alma.run.own_files import refuse_links
from ding_alma.run.run_error import RunError
from dizoo_ext import trusted_imports
from dizoo_ext.checked_json import read_checked_json

COMMANDS = {
    "eval": ["eval", "run", "--episodes", "1"],
    "allocator": ["eval", "honest", "--episodes", "1", "--allocator", "run"],
    "render": ["render", "run", "-o", "film.gif"],
    "analyse": ["analyse", "mix", "run", "--episodes", "1"],
    "resume": ["train", "--resume", "run"],
}


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A run's folder, with a checkpoint that training goes on from."""
    register_hooks()
    folder = write_untrained_run(tmp_path_factory.mktemp("stranger") / "run")
    (folder / "ckpt" / "ckpt_last.pth.tar").write_bytes((folder / "ckpt" / "ckpt_best.pth.tar").read_bytes())
    return folder


@pytest.fixture
def run(honest, tmp_path, monkeypatch):
    """A copy of it, in the current folder, beside the original ``honest``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(trusted_imports.VARIABLE, "")
    shutil.copytree(honest, "honest")
    return shutil.copytree(honest, tmp_path / "run")


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def change(run, key, value):
    """Set a dotted key of the run's configuration, which begins with ``main`` or ``create``."""
    path = run / "run_config.json"
    config = read_checked_json(path)
    part, *blocks, last = key.split(".")
    node = config[part]
    for block in blocks:
        node = node[block]
    node[last] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "key", ["main.policy.import_names", "main.env.manager.import_names", "create.policy.import_names"]
)
def test_code_in_the_folder_is_not_run(run, command, key):
    (run / "payload.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    change(run, key, ["ding_alma", "run.payload"])
    result = call(*COMMANDS[command])
    assert not os.path.exists("ran") and "run.payload" not in sys.modules
    assert result.exit_code == 1
    assert "wants to import 'run.payload'" in result.output and "--trust-imports run" in result.output
    assert len(result.output.strip().splitlines()) == 1, result.output


def test_packages_that_are_named_are_imported(run, tmp_path, monkeypatch):
    (tmp_path / "known_package.py").write_text("LOADED = True\n")
    change(run, "main.policy.import_names", ["ding_alma", "known_package"])
    monkeypatch.delitem(sys.modules, "known_package", raising=False)
    result = call(*COMMANDS["eval"], "--trust-imports", "known_package")
    assert result.exit_code == 0, result.output
    assert sys.modules.pop("known_package").LOADED


class Payload:
    """Touches a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("command", COMMANDS)
def test_code_in_a_checkpoint_is_not_run(run, command):
    for name in ("ckpt_best.pth.tar", "ckpt_last.pth.tar"):
        torch.save({"model": {}, "last_step": 0, "more": Payload()}, run / "ckpt" / name)
    result = call(*COMMANDS[command], *(["--env-step", "100"] if command == "resume" else []))
    assert not os.path.exists("ran")
    assert result.exit_code == 1 and "cannot be read" in result.output
    assert len(result.output.strip().splitlines()) == 1, result.output


def test_resume_reads_no_checkpoint_elsewhere(run):
    (run / "ckpt" / "ckpt_last.pth.tar").unlink()
    change(run, "main.policy.learn.learner.hook", {"load_ckpt_before_run": "honest/ckpt/ckpt_last.pth.tar"})
    result = call(*COMMANDS["resume"])
    assert result.exit_code == 1 and "would read honest/ckpt/ckpt_last.pth.tar" in result.output


def test_resume_says_what_is_damaged(run):
    change(run, "main.policy.learn", {})
    result = call(*COMMANDS["resume"])
    assert result.exit_code == 1 and "run_config.json is damaged" in result.output
    assert len(result.output.strip().splitlines()) == 1, result.output


@pytest.mark.parametrize(("command", "name"), [("eval", "run_config.json"), ("resume", "run_config.json")])
def test_a_folder_in_the_place_of_a_file_is_one_line(run, command, name):
    (run / name).unlink()
    (run / name).mkdir()
    result = call(*COMMANDS[command])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert len(result.output.strip().splitlines()) == 1, result.output


def test_the_last_checkpoint_does_not_take_the_best_one_s_place_without_a_word(run, caplog):
    (run / "ckpt" / "ckpt_best.pth.tar").unlink()
    with caplog.at_level("WARNING"):
        assert call(*COMMANDS["eval"]).exit_code == 0
    assert "run/ckpt has no ckpt_best.pth.tar: ckpt_last.pth.tar takes its place" in caplog.text


def test_an_edited_config_is_refused_until_its_checksum_is_deleted(run):
    path = run / "run_config.json"
    text = path.read_text()
    path.write_text(text.replace('"episode_limit": 12', '"episode_limit": 13'))
    assert path.read_text() != text
    result = call(*COMMANDS["eval"])
    assert result.exit_code == 1 and "run_config.json is damaged" in result.output and "checksum" in result.output
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps(content))
    assert call(*COMMANDS["eval"]).exit_code == 0


def everything(folder):
    """Contents of all files in ``folder``, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


LINKS = ("lock", "total_config.py", "formatted_total_config.py", "replay", "ckpt", "log", "log/serial", "git_log.txt")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("group", [False, True])
def test_resume_follows_no_links_out_of_the_folder(run, tmp_path, name, group):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "000000000000.episodes").write_text("mine")
    (outside / ".a.1.part").write_text("mine")
    target = outside if name in ("replay", "ckpt", "log", "log/serial") else outside / "000000000000.episodes"
    place = run / name
    if name == "ckpt":
        shutil.copytree(place, outside / "ckpt")
        shutil.rmtree(place)
        target = outside / "ckpt"
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(target)
    before = everything(outside)
    if group:
        Path("group").mkdir()
        run.rename("group/seed0")
    result = call("train", "--resume", "group" if group else "run")
    assert result.exit_code == 1 and "is a symbolic link" in result.output and name in result.output
    assert len(result.output.strip().splitlines()) == 1, result.output
    assert everything(outside) == before


@pytest.mark.parametrize("name", ["lock", "total_config.py", "evaluations.json", "replay/0.episodes", "log/a.txt"])
def test_resume_writes_into_no_file_that_has_another_name_outside(run, tmp_path, name):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).unlink(missing_ok=True)
    os.link(outside, run / name)
    result = call("train", "--resume", "run")
    assert result.exit_code == 1 and f"run/{name} is a hard link" in result.output, result.output
    assert len(result.output.strip().splitlines()) == 1
    assert outside.read_text() == "mine"


def test_checkpoints_may_have_other_names_and_files_two_within_the_folder(run):
    os.link(run / "ckpt" / "ckpt_best.pth.tar", "kept.pth.tar")
    os.link(run / "ckpt" / "ckpt_last.pth.tar", run / "ckpt" / "iteration_0.pth.tar")
    (run / "notes.txt").write_text("mine")
    os.link(run / "notes.txt", run / "ckpt" / "notes.txt")
    refuse_links("run")
    os.link(run / "notes.txt", "notes.txt")
    with pytest.raises(RunError, match=r"notes\.txt is a hard link .* outside of run"):
        refuse_links("run")


def test_resume_follows_no_links_beside_the_runs_of_a_group(run):
    Path("group").mkdir()
    shutil.copytree(run, "group/seed1")
    run.rename("group/seed0")
    Path("group/seed0.log").symlink_to(Path("log").absolute())
    result = call("train", "--resume", "group")
    assert result.exit_code == 1 and "group/seed0.log is a symbolic link" in result.output
    Path("group/seed0.log").unlink()
    os.mkfifo("group/seed0.log")
    assert "group/seed0.log is neither a file nor a folder" in call("train", "--resume", "group").output
    assert not Path("log").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("damage", ["a bit", "a key", "empty"])
def test_a_damaged_checkpoint_is_named(run, command, damage):
    for name in ("ckpt_best.pth.tar", "ckpt_last.pth.tar"):
        path = run / "ckpt" / name
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        if damage == "a key":
            # Not a character of any encoding.
            damaged = whole.replace(b"value_network", b"value\xffnetwork")
            assert damaged != whole
        path.write_bytes(b"" if damage == "empty" else damaged)
    result = call(*COMMANDS[command], *(["--env-step", "100"] if command == "resume" else []))
    assert result.exit_code == 1 and "checkpoint run/ckpt/ckpt_" in result.output and "cannot be read" in result.output
    assert len(result.output.strip().splitlines()) == 1, result.output
