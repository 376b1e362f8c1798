"""Games of lbforaging, each with a team and foods drawn anew, as one parallel game."""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.adapter import TeamGame
from dizoo_ext.strict_config import check_block, check_range

STAY, NORTH, SOUTH, WEST, EAST, LOAD = ACTIONS = range(6)
LARGEST_SIZE = 100
HIGHEST_LEVEL = 1000
_ENDLESS = 10**9


class ForagingGame(TeamGame):
    """Agents of several levels collect foods, which takes adjacent agents whose levels add up to the food's.

    Args:
        scenarios: dicts of ``agents`` and ``foods``, one of which is drawn in every episode. Agents must be fewer than
            the cells that are not at the edge, where foods grow.
        size: width and height of the field in cells, from 5 to `LARGEST_SIZE`.
        max_level: agents' levels are 1 to this, at most `HIGHEST_LEVEL`.
        max_food_level: foods' levels are 1 to this; 0: to the sum of the three lowest levels of the team.
        coop: all foods have the highest of these levels; where it is not set low, nobody collects one alone.
        penalty: of each agent that tries in vain to collect a food; all foods together earn 1.

    Raises:
        ValueError, TypeError: an impossible value.
    """

    def __init__(
        self,
        scenarios: Sequence[Mapping[str, int]],
        size: int = 8,
        max_level: int = 2,
        max_food_level: int = 0,
        coop: bool = False,
        penalty: float = 0.0,
    ) -> None:
        check_range(size, "env.size", 5, LARGEST_SIZE)
        check_range(max_level, "env.max_level", 1, HIGHEST_LEVEL)
        check_range(max_food_level, "env.max_food_level", 0, HIGHEST_LEVEL)
        check_range(penalty, "env.penalty", 0.0, 1.0)
        if not scenarios:
            raise ValueError("env.scenario lists no scenario; name one, such as dict(agents=3, foods=2)")
        self.scenarios = [_checked_scenario(scenario, size) for scenario in scenarios]
        self.size, self.max_level = size, max_level
        self.most_foods = max(foods for _, foods in self.scenarios)
        most_agents = max(agents for agents, _ in self.scenarios)
        # The same for all scenarios, because features are divided by it.
        self.max_food_level = max_food_level or 3 * max_level
        super().__init__(most_agents, len(ACTIONS))
        self._rules = dict(
            min_player_level=1,
            max_player_level=max_level,
            min_food_level=1,
            max_food_level=max_food_level or None,
            field_size=(size, size),
            sight=size,
            # Cut by the adapter: the package does not tell a limit from an end.
            max_episode_steps=_ENDLESS,
            force_coop=coop,
            penalty=penalty,
        )
        self._games: dict[tuple[int, int], Any] = {}

    def prepare(self, seed: int | None) -> Any:
        """A scenario's game, whose players stand nowhere yet: in the package they would keep off their last cells."""
        scenario = self.scenarios[np.random.default_rng(seed).integers(len(self.scenarios))]
        if scenario not in self._games:
            agents, foods = scenario
            self._games[scenario] = foraging_class()(players=agents, max_num_food=foods, **self._rules)
        game = self._games[scenario]
        for player in game.players:
            player.position = None
        return game

    def allowed(self, agent: int) -> np.ndarray:
        """(U,) bool: what would not be ignored."""
        mask = np.zeros(len(ACTIONS), np.bool_)
        mask[[action.value for action in self.inner._valid_actions[self.inner.players[agent]]]] = True
        return mask


def foraging_class() -> Any:
    """The class ``lbforaging.foraging.ForagingEnv``.

    Raises:
        ModuleNotFoundError: the package is not installed; the message says what to do.
    """
    if importlib.util.find_spec("lbforaging") is None:
        raise ModuleNotFoundError(
            "Level-Based Foraging needs the package lbforaging; install the extra 'lbf' of ding-alma: "
            "`uv sync --extra lbf`",
            name="lbforaging",
        )
    return importlib.import_module("lbforaging.foraging.environment").ForagingEnv


def _checked_scenario(scenario: Mapping[str, int], size: int) -> tuple[int, int]:
    if not isinstance(scenario, Mapping) or set(scenario) != {"agents", "foods"}:
        raise ValueError(f"a scenario of env.scenario is a dict such as dict(agents=3, foods=2), got {scenario!r}")
    check_block(scenario, dict(agents=1, foods=1), "env.scenario")
    cells = (size - 2) ** 2
    check_range(scenario["agents"], f"env.scenario: agents (for size {size})", 1, cells - 1)
    check_range(scenario["foods"], f"env.scenario: foods (for size {size})", 1, cells)
    return scenario["agents"], scenario["foods"]
