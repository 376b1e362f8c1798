"""No side, no slot and no place in a batch has an advantage."""

import numpy as np
import pytest
from battle_stage import BOTH_AUTONOMOUS, MAP_SIZE, Battles, type_of

from dizoo_ext.smac_multiarmy.embedded.battle import begin_rows
from dizoo_ext.smac_multiarmy.embedded.state import ENEMIES_ONLY
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ATTACK_MOVE, ENEMY, MAX_UNITS, ORDERS, ROSTER, UNITS

TEAMS = {
    "8m": ["marine"] * 8,
    "3s5z": ["stalker"] * 3 + ["zealot"] * 5,
    "MMM": ["marauder"] * 2 + ["marine"] * 5 + ["medivac"],
}
MIDDLE = MAP_SIZE / 2
LOOPS = 8
STEPS = 150


def mirror_rosters(team: list[str], battles: int, generator: np.random.Generator) -> np.ndarray:
    """(battles,) `ROSTER`: allies at random places on the left, enemies where a turn by 180 degrees takes them."""
    n = len(team)
    rosters = np.zeros(battles, dtype=ROSTER)
    rosters["units"] = 2 * n
    rosters["seed"] = generator.integers(2**32, size=battles)
    rosters["type"][:, : 2 * n] = [type_of(name) for name in team] * 2
    rosters["owner"][:, n : 2 * n] = ENEMY
    # On a grid with gaps, so that no two share a spot and the engine leaves them where they are.
    spots = np.stack([generator.permutation(24)[:n] for _ in range(battles)])
    rosters["x"][:, :n] = 5 + 1.6 * (spots // 6) + generator.uniform(0, 0.1, (battles, n))
    rosters["y"][:, :n] = MIDDLE - 4 + 1.6 * (spots % 6) + generator.uniform(0, 0.1, (battles, n))
    for axis in "xy":
        rosters[axis][:, n : 2 * n] = MAP_SIZE - rosters[axis][:, :n]
    return rosters


def attack_moves(rosters: np.ndarray) -> np.ndarray:
    """(B,) `ORDERS`: everybody attack-moves to the middle of the map."""
    orders = np.zeros(len(rosters), dtype=ORDERS)
    orders["health"] = orders["shield"] = np.nan
    orders["kind"] = ATTACK_MOVE
    orders["x"] = orders["y"] = MIDDLE
    return orders


def fight(rosters: np.ndarray) -> np.ndarray:
    """(STEPS, B) `UNITS` after every step of mutual attack-moves."""
    battles = Battles(rosters)
    battles.order(attack_moves(rosters))
    seen = np.zeros((STEPS, len(rosters)), dtype=UNITS)
    for step in range(STEPS):
        battles.advance(LOOPS)
        seen[step] = battles.units
    return seen


def end_of_fight(rosters: np.ndarray, autonomous: int) -> np.ndarray:
    """(B,) `UNITS` after as many steps."""
    battles = Battles(rosters, autonomous)
    battles.order(attack_moves(rosters))
    battles.advance(LOOPS * STEPS)
    return battles.units


def armed_left(units: np.ndarray, rosters: np.ndarray, owner: int) -> np.ndarray:
    """(B,) number of living units of an owner that can fight."""
    is_armed = rosters["type"] != type_of("medivac")
    exists = np.arange(MAX_UNITS) < rosters["units"][:, None]
    return (exists & is_armed & (rosters["owner"] == owner) & (units["alive"] != 0)).sum(axis=1)


def shuffled(rosters: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same units in other slots, and (B, MAX_UNITS) the old slot of every new one."""
    slots = np.tile(np.arange(MAX_UNITS), (len(rosters), 1))
    for row, n in enumerate(rosters["units"]):
        slots[row, :n] = generator.permutation(n)
    moved = rosters.copy()
    for field in ("type", "owner", "x", "y"):
        moved[field] = np.take_along_axis(rosters[field], slots, axis=1)
    return moved, slots


@pytest.mark.parametrize(
    ("team", "autonomous"),
    [
        *((team, BOTH_AUTONOMOUS) for team in TEAMS),
        ("MMM", ENEMIES_ONLY),
        *(pytest.param(team, ENEMIES_ONLY, marks=pytest.mark.slow) for team in ("8m", "3s5z")),
    ],
)
def test_mirror_battles_are_even(team, autonomous):
    rosters = mirror_rosters(TEAMS[team], 2000, np.random.default_rng(0))
    last = end_of_fight(rosters, autonomous)
    allies, enemies = (armed_left(last, rosters, owner) for owner in (ALLY, ENEMY))
    assert (np.minimum(allies, enemies) == 0).mean() > 0.99
    wins, losses = (allies > enemies).sum(), (allies < enemies).sum()
    assert wins + losses > 1900
    assert abs(wins - losses) < 4 * np.sqrt(wins + losses)


@pytest.mark.parametrize("team", TEAMS)
def test_exchanging_the_sides_exchanges_the_battle(team):
    rosters = mirror_rosters(TEAMS[team], 40, np.random.default_rng(1))
    exchanged = rosters.copy()
    exchanged["owner"] = 1 - rosters["owner"]
    assert fight(exchanged).tobytes() == fight(rosters).tobytes()


@pytest.mark.parametrize("team", TEAMS)
def test_slots_do_not_matter(team):
    generator = np.random.default_rng(2)
    rosters = mirror_rosters(TEAMS[team], 40, generator)
    moved, slots = shuffled(rosters, generator)
    seen, seen_moved = fight(rosters), fight(moved)
    for field in UNITS.names:
        assert (np.take_along_axis(seen[field], slots[None], axis=2) == seen_moved[field]).all()


def test_neighbours_in_the_batch_do_not_matter():
    rosters = mirror_rosters(TEAMS["3s5z"], 12, np.random.default_rng(3))
    together = fight(rosters)
    for row in (0, 5, 11):
        assert fight(rosters[row : row + 1]).tobytes() == together[:, row : row + 1].tobytes()
    assert fight(rosters[::-1].copy()).tobytes() == together[:, ::-1].tobytes()


def test_a_used_record_begins_as_a_new_one():
    rosters = mirror_rosters(TEAMS["MMM"], 8, np.random.default_rng(4))
    battles = Battles(rosters)
    battles.order(attack_moves(rosters))
    battles.advance(400)
    used = battles.records.copy()
    fresh = Battles(rosters).records
    begin_rows(used, battles.rows, battles.table, rosters, MAP_SIZE, BOTH_AUTONOMOUS)
    for field in ("random", "living", "x", "y", "health", "shield", "energy", "cooldown", "order", "target", "aim"):
        n = 2 * len(TEAMS["MMM"])
        assert np.array_equal(used[field][..., :n], fresh[field][..., :n])


def test_the_seed_decides():
    rosters = mirror_rosters(TEAMS["8m"], 1, np.random.default_rng(5)).repeat(20)
    rosters["seed"] = np.arange(20) // 2
    ends = fight(rosters)["cooldown"][40]
    assert np.array_equal(ends[::2], ends[1::2])
    assert len(np.unique(ends, axis=0)) == 10
