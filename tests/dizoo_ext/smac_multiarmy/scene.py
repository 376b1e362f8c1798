"""An engine in which nothing happens but what a test does, and shorthands for playing on it."""

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY, UNITS, Engine
from dizoo_ext.smac_multiarmy.match import STOP
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector


class Scene(Engine):
    """Units stand where they were put, healthy, until a test changes ``units``; orders are noted."""

    def __init__(self):
        self.units = np.zeros((), UNITS)
        self.told = []
        self.advanced = []

    def begin(self, roster):
        table, number = unit_table(), int(roster["units"])
        self.roster = roster.copy()
        self.units["alive"] = np.arange(len(self.units["alive"])) < number
        kinds = table[roster["type"]]
        # Units of one point are spread a little, so that they can be told apart.
        self.units["x"] = roster["x"] + np.linspace(0, 0.1, len(roster["x"]))
        self.units["y"] = roster["y"]
        self.units["health"], self.units["shield"] = kinds["health"], kinds["shield"]
        self.units["energy"], self.units["cooldown"] = kinds["energy"], 0
        self.told, self.advanced = [], []

    def order(self, orders):
        self.told.append(orders.copy())
        for field in ("health", "shield"):
            is_new = ~np.isnan(orders[field]) & (self.units["alive"] != 0)
            self.units[field][is_new] = orders[field][is_new]

    def advance(self, loops):
        self.advanced.append(loops)

    def read(self, units):
        units[...] = self.units


class Stage:
    """One environment on a `Scene`, begun."""

    def __init__(self, scenario, allies=None, enemies=None, seed=0, n_tasks=None, **options):
        """``allies`` and ``enemies`` name the teams to play, such as ``dict(stalker=2)``; None draws a scenario."""
        self.scene = Scene()
        self.env = SmacMultiArmyVector(
            1, scenario=scenario, engine=lambda: self.scene, observation="entities", **options
        )
        self.env.seed([seed])
        self.match = self.env.matches[0]
        index = None
        if allies is not None:
            pairs = [[{kind: n for n, kind in team} for team in pair] for pair in self.env.scenarios.scenarios]
            index = pairs.index([allies, enemies or allies])
        self.observation = self.env.reset(index=index, n_tasks=n_tasks)

    def slots(self, owner, army=None, name=None):
        """Slots of living units."""
        number = int(self.scene.roster["units"])
        found = (self.scene.units["alive"][:number] != 0) & (self.scene.roster["owner"][:number] == owner)
        if army is not None:
            found &= self.match["army_of_slot"][:number] == army
        if name is not None:
            found &= self.scene.roster["type"][:number] == UNIT_NAMES.index(name)
        return np.flatnonzero(found)

    def kill(self, slots):
        self.scene.units["alive"][slots] = 0

    def kill_army(self, army):
        self.kill(self.slots(ENEMY, army))

    def kill_allies(self):
        self.kill(self.slots(ALLY))

    def move(self, slots, x, y):
        self.scene.units["x"][slots], self.scene.units["y"][slots] = x, y

    def step(self, actions=None):
        """Play the joint action, by default everybody stops."""
        if actions is None:
            actions = np.where(self.observation["action_mask"][:, :, STOP] > 0, STOP, 0)
        step = self.env.step(np.array(actions).reshape(1, -1))
        self.observation = step.observation
        return step

    @property
    def scale(self):
        return float(self.env.rules["scale"][0])
