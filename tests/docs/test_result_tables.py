"""The tables of results in docs/results.md and the README hold the numbers of the comparisons that they link to."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results.md"
README = ROOT / "README.md"
METRICS = {
    "solved": "solved_mean",
    "buildings completed": "prop_buildings_completed_mean",
    "battles won": "battle_won_mean",
    "armies defeated": "perc_armies_defeated_mean",
    "return": "return_mean",
    "ice transferred": "ice_transferred_mean",
    "foods collected": "collected_mean",
    "episode length": "episode_length_mean",
}
LINK = re.compile(r"\[all numbers\]\(([\w/]+)/comparison\.md\)")
NUMBER = r"(-?\d+(?:\.\d+)?)"
INTERVAL = re.compile(rf"{NUMBER}(?: \[{NUMBER}, {NUMBER}\])?")
"""A method with a single run has none."""
HEAD = re.compile(r"at (\d+) k environment steps")
OWN_STEPS = re.compile(r"\*(.*) at (\d+) k steps\*")


def tables(page):
    """(Comparison's folder, lines of the table) for every table below a link to a comparison."""
    for part in re.split(r"(?=^.*\[all numbers\])", page.read_text(), flags=re.MULTILINE)[1:]:
        rows = re.search(r"^\| at .*\n(\|.*\n)+", part, flags=re.MULTILINE).group().splitlines()
        folder = page.parent / LINK.search(part).group(1)
        yield folder, [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def method_of(label, known):
    """The comparison's name of a table's row, which says more because it stands by itself."""
    name = re.sub(r" \(.*\)$", "", label).replace("ALMA's agents", "same agents")
    assert name in known, f"no method of the comparison is called {name!r}: {', '.join(known)}"
    return name


def test_every_small_task_has_its_table_and_the_readme_has_one():
    assert {folder for folder, _ in tables(RESULTS)} == set((ROOT / "docs" / "results").glob("small_*"))
    assert len(list(tables(README))) == 1


@pytest.mark.parametrize(
    "folder, table",
    [pytest.param(*found, id=f"{page.stem}-{found[0].name}") for page in (RESULTS, README) for found in tables(page)],
)
def test_tables_are_those_of_the_comparison(folder, table):
    results = json.loads((folder / "comparison.json").read_text())["results"]
    head, rows = table[0], table[2:]
    seen = set()
    for label, *cells in rows:
        own = OWN_STEPS.fullmatch(label)
        label, thousands = own.groups() if own else (label, HEAD.fullmatch(head[0]).group(1))
        for column, cell in zip(head[1:], cells, strict=True):
            if column not in METRICS:
                continue
            scores = results[METRICS[column]]["own_steps" if own else "common_steps"]
            name = method_of(label, scores)
            for text, exact in zip(INTERVAL.fullmatch(cell).groups(), scores[name]["mean"].values(), strict=True):
                assert (text is None) == (exact is None), (label, column, cell, exact)
                if text is None:
                    continue
                decimals = len(text.partition(".")[2])
                assert abs(float(text) - exact) <= 0.501 * 10**-decimals, (label, column, cell, exact)
            assert round(scores[name]["env_step"] / 1000) == int(thousands), (label, scores[name]["env_step"])
            seen.add(name)
    assert seen == set(next(iter(results.values()))["common_steps"])
