"""SMAC's own maps begin as their files say (docs/reference/smac.md#one-army)."""

import numpy as np
import pytest
from scene import Stage

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import ATTACK_MOVE, SCAN_MOVE
from dizoo_ext.smac_multiarmy.scenarios import PLAIN_MAPS, scenario_set
from dizoo_ext.smac_multiarmy.teams import team_size


def begun(name, seed=0):
    """Names and (n, 2) places of the spawned units in their order, number of agents, and the enemies' first orders."""
    stage = Stage(name, seed=seed)
    roster, orders = stage.scene.roster, stage.scene.told[-1]
    units = int(roster["units"])
    agents = int(stage.match["agents"])
    names = [UNIT_NAMES[kind] for kind in roster["type"][:units]]
    places = np.stack([roster["x"], roster["y"]], 1)[:units]
    return names, places, agents, orders[["kind", "x", "y"]], slice(agents, units)


@pytest.mark.parametrize("name", [name for name in PLAIN_MAPS if name != "2m_vs_1z"])
def test_sides_are_made_at_two_points_and_the_enemies_go_for_the_agents_point(name):
    names, places, agents, orders, enemies = begun(name)
    allies, others = scenario_set(name).largest
    assert (agents, len(names)) == (team_size(allies), team_size(allies) + team_size(others))
    np.testing.assert_array_equal(places[:agents], np.full((agents, 2), (9, 16)))
    np.testing.assert_array_equal(places[agents:], np.full((len(names) - agents, 2), (23, 16)))
    assert set(orders["kind"][enemies].tolist()) <= {ATTACK_MOVE, SCAN_MOVE}
    assert set(zip(orders["x"][enemies].tolist(), orders["y"][enemies].tolist(), strict=True)) == {(9, 16)}


def test_units_are_made_in_the_maps_order():
    names, *_ = begun("MMM2")
    assert names[:10] == ["marine"] * 7 + ["marauder"] * 2 + ["medivac"]
    assert names[10:] == ["marine"] * 8 + ["marauder"] * 3 + ["medivac"]
    assert begun("2s3z")[0] == (["stalker"] * 2 + ["zealot"] * 3) * 2


def test_two_marines_stand_apart_and_the_zealot_walks_between_them():
    goals = set()
    for seed in range(4):
        names, places, _, orders, _ = begun("2m_vs_1z", seed)
        assert names == ["marine", "marine", "zealot"]
        np.testing.assert_array_equal(places, [(13, 12), (19, 12), (16, 19)])
        assert orders["y"][2] == 12 and 13 <= orders["x"][2] <= 19
        goals.add(float(orders["x"][2]))
    assert len(goals) == 4
