"""Every code block of the README and of docs/ is right: Python is run, commands are parsed by the real ones."""

import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from ding.entry.cli import cli as ding
from own_package import EXAMPLE, EXAMPLES, forget_package
from tiny_runs import write_untrained_run

from ding_alma.cli.main import main as ding_alma
from ding_alma.monitor.evaluation import Evaluation
from ding_alma.run.run_record import RunRecord
from ding_alma.run.training import plan
from dizoo_ext import trusted_imports

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = ("", "sh", "bash", "console")
FOREIGN = ("pip", "uv", "export", "pytest", "git", "cd", "cp", "ditask", "torchrun", "kubectl", "tar", "python3")
"""Commands that are not ours to check."""
CHEAP = ("eval", "analyse", "compare", "doctor")
"""Subcommands that are carried out."""
CARRIED_OUT: set[tuple[str, ...]] = set()
"""What has been, but for the folder that it wrote to: pages repeat each other."""


def blocks(page, languages):
    return [text for language, text in BLOCK.findall(page.read_text()) if language in languages]


def commands(page):
    """Every command line of a page's shell blocks, without ``uv run``, comments and variables."""
    for text in blocks(page, SHELL):
        for line in text.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                while words and re.fullmatch(r"[A-Z0-9_]+=\S*", words[0]):
                    words.pop(0)
                words = words[2:] if words[:2] == ["uv", "run"] else words
                if words:
                    yield words


def is_output(page, words):
    """Lines of the doctor's table, which a page shows."""
    return page.name == "starcraft2.md" and words[0] not in ("ding", "ding-alma", *FOREIGN)


@pytest.fixture(autouse=True)
def installed_example(monkeypatch):
    """The package in docs/examples can be imported, as if it were installed."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.setenv(trusted_imports.VARIABLE, "")
    yield
    forget_package()


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with the clone's files and the runs that the pages speak of."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("benchmarks", "tests"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "configs").mkdir()
    for path in (*(ROOT / "configs").iterdir(), *(EXAMPLE / "configs").glob("*.py")):
        (folder / "configs" / path.name).symlink_to(path)
    (folder / "docs").mkdir()
    (folder / "docs" / "results").symlink_to(ROOT / "docs" / "results")
    untrained = tmp_path_factory.mktemp("untrained")
    for method, policy, allocation in (
        ("alma", "alma", {}),
        ("refil", "refil", {}),
        ("heuristic", "alma", dict(source="heuristic")),
    ):
        write_untrained_run(untrained / method, policy, allocation=allocation)
        for seed in range(2):
            write_finished_run(folder / "runs" / method / f"seed{seed}", untrained / method, seed, policy)
    write_finished_run(folder / "runs" / "imported", untrained / "alma", 0, "alma")
    return folder


def write_finished_run(folder, untrained, seed, policy):
    """A copy of a run that learned nothing, with evaluations as if it had."""
    shutil.copytree(untrained, folder)
    header = {"name": folder.name, "env": "save_the_city", "scenario": "BF", "policy": policy, "seed": seed}
    seconds = iter(range(0, 100, 10))
    record = RunRecord(folder / "evaluations.json", header, clock=lambda: next(seconds))
    for step in (0, 1000):
        metrics = {"solved_mean": step / 1000, "return_mean": step / 100}
        record.add(Evaluation(step, step, metrics, {"best_prob": 0.5} if step and policy == "alma" else {}))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, ("python",))], ids=lambda page: page.stem)
def test_python_runs(page, place, monkeypatch, tmp_path):
    """The blocks of a page build on each other, and on the pair of configs that the README introduces."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    if page.name == "rivals_of_ding.md":
        exec("from ding_alma.setting.save_the_city import small\nmain_config, create_config = small('alma')", names)
    for text in blocks(page, ("python",)):
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("add_environment", "own_package/dikes/env.py"),
        ("add_policy", "own_package/dikes/policy.py"),
        ("neighbours", "orchard.py"),
    ],
)
def test_pages_show_the_code_of_the_example(name, file):
    shown = blocks(ROOT / "docs" / f"{name}.md", ("python",))
    assert (EXAMPLES / file).read_text() == shown[0]


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=lambda page: page.stem)
def test_commands_are_understood(page, place, monkeypatch):
    monkeypatch.chdir(place)
    for words in commands(page):
        program, arguments = words[0], words[1:]
        if program == "ding-alma":
            check_ours(arguments)
        elif program == "ding":
            context = ding.make_context("ding", list(arguments))
            assert (place / context.params["config"]).is_file() or context.params["config"] == "CONFIG", words
        elif program == "python":
            assert (place / arguments[0]).is_file(), words
        elif program.startswith("benchmarks/"):
            assert (place / program).is_file(), words
        else:
            assert program in FOREIGN or is_output(page, words), words


def check_ours(arguments):
    """Parse a command of ``ding-alma``; lay a training out as it would be; play and compare for real."""
    command, rest = ding_alma, list(arguments)
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, arguments
        command = command.commands[name]
    context = command.make_context(arguments[0], list(rest))
    if arguments[0] == "train":
        options = context.params
        if options["resume"] is not None:
            return
        swap = [f"policy.type={options['policy']}"] if options["policy"] else []
        plan(options["config"], [*options["changes"], *swap], list(options["seeds"]), output=Path("new"))
    elif arguments[0] in CHEAP:
        given = [re.sub(r"^(RUN_FOLDER|OTHER_RUN|RUN)$", "runs/alma/seed0", word) for word in arguments]
        if "--episodes" in given:
            given[given.index("--episodes") + 1] = "2"
        elif arguments[0] == "eval" or arguments[:2] == ["analyse", "subtasks"] or arguments[:2] == ["analyse", "mix"]:
            given += ["--episodes", "2"]
        what = (given[0], *(word for before, word in pairwise(given) if before != "-o"))
        if what in CARRIED_OUT:
            return
        CARRIED_OUT.add(what)
        result = CliRunner().invoke(ding_alma, given)
        assert result.exit_code == 0, (arguments, result.output)
