"""What holds whatever units are told to do."""

import numpy as np
from battle_stage import MAP_SIZE, Battles
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import ORDERS, ROSTER, SCAN_MOVE

BATCH = 4
TABLE = unit_table()
CROWD = 0.5
"""Overlaps, in parts of the distance that units should keep, that a throng may show for a moment."""


def random_rosters(generator: np.random.Generator) -> np.ndarray:
    """(BATCH,) `ROSTER` of up to 20 units of any type and owner, in up to 4 places, some of them off the map."""
    rosters = np.zeros(BATCH, dtype=ROSTER)
    rosters["units"] = generator.integers(0, 21, BATCH)
    rosters["seed"] = generator.integers(2**32, size=BATCH)
    shape = rosters["type"].shape
    rosters["type"] = generator.integers(0, len(UNIT_NAMES), shape)
    rosters["owner"] = generator.integers(0, 2, shape)
    places = generator.uniform(-3, MAP_SIZE + 3, (2, 4))
    rosters["x"], rosters["y"] = places[:, generator.integers(0, 4, shape)]
    return rosters


def random_orders(generator: np.random.Generator) -> np.ndarray:
    """(BATCH,) `ORDERS` of all kinds, possible or not, some with new vitals."""
    orders = np.zeros(BATCH, dtype=ORDERS)
    shape = orders["kind"].shape
    orders["kind"] = generator.integers(0, SCAN_MOVE + 1, shape)
    orders["x"], orders["y"] = generator.uniform(-5, MAP_SIZE + 5, (2, *shape))
    orders["target"] = generator.integers(-1, 21, shape)
    for field in ("health", "shield"):
        orders[field] = np.where(generator.random(shape) < 0.1, generator.uniform(-5, 200, shape), np.nan)
    return orders


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), autonomous=st.integers(0, 3), loops=st.sampled_from([1, 8, 40]))
def test_invariants_of_every_state(seed, autonomous, loops):
    generator = np.random.default_rng(seed)
    battles = Battles(random_rosters(generator), autonomous)
    assert_invariants(battles)
    for _ in range(25):
        before = battles.units.copy()
        if generator.random() < 0.7:
            battles.order(random_orders(generator))
        battles.advance(loops)
        assert_invariants(battles)
        assert_dead_stay_dead(before, battles)


def assert_invariants(battles: Battles) -> None:
    for roster, units in zip(battles.rosters, battles.units, strict=True):
        n = roster["units"]
        alive = units["alive"] != 0
        assert not alive[n:].any()
        kind = TABLE[roster["type"]][alive]
        x, y, health, shield, energy, cooldown = (units[name][alive].astype(float) for name in units.dtype.names[1:])
        for coordinate in (x, y):
            assert (coordinate >= kind["inner_radius"] - 1e-5).all()
            assert (coordinate <= MAP_SIZE - kind["inner_radius"] + 1e-5).all()
        assert ((health > 0) & (health <= kind["health"])).all()
        assert ((shield >= 0) & (shield <= kind["shield"])).all()
        assert ((energy >= 0) & (energy <= kind["energy_max"])).all()
        assert ((cooldown >= 0) & (cooldown <= kind["period"] + 2)).all()
        assert (cooldown[kind["damage"] == 0] == 0).all()
        least = kind["inner_radius"][:, None] + kind["inner_radius"]
        distance = np.hypot(x[:, None] - x, y[:, None] - y)
        same_layer = (kind["flying"][:, None] == kind["flying"]) & ~np.eye(len(kind), dtype=bool)
        assert (distance >= CROWD * least)[same_layer].all()


def assert_dead_stay_dead(before: np.ndarray, battles: Battles) -> None:
    was_dead = before["alive"] == 0
    for name in before.dtype.names:
        assert np.array_equal(before[name][was_dead], battles.units[name][was_dead])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_new_units_stand_apart_and_as_near_to_their_point_as_possible(seed):
    generator = np.random.default_rng(seed)
    rosters = random_rosters(generator)
    battles = Battles(rosters, autonomous=0)
    for roster, units in zip(rosters, battles.units, strict=True):
        n = roster["units"]
        kind = TABLE[roster["type"][:n]]
        margin = kind["inner_radius"]
        places = np.stack([units["x"][:n], units["y"][:n]]).astype(float)
        points = np.clip([roster["x"][:n], roster["y"][:n]], margin, MAP_SIZE - margin)
        distance = np.hypot(*(places[:, :, None] - places[:, None]))
        same_layer = (kind["flying"][:, None] == kind["flying"]) & ~np.eye(n, dtype=bool)
        least = margin[:, None] + margin
        assert (distance >= least - 1e-5)[same_layer].all()
        off = np.hypot(*(places - points))
        for slot in range(n):
            first = not (same_layer[slot, :slot] & (np.hypot(*(points[:, :slot] - points[:, [slot]])) < 12)).any()
            assert off[slot] < 1e-5 if first else off[slot] < 6
