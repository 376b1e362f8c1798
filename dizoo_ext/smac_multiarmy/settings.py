"""From a scenario set and a configuration to the numbers that the compiled rules go by."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dizoo_ext.contract import EntitySpec
from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import MAX_UNITS
from dizoo_ext.smac_multiarmy.heuristic import parse_style
from dizoo_ext.smac_multiarmy.match import FIRST_TARGET, MAX_ARMIES, NORTH, RULES
from dizoo_ext.smac_multiarmy.scenarios import ScenarioSet
from dizoo_ext.smac_multiarmy.teams import Team, team_size
from dizoo_ext.strict_config import check_block, check_range

REWARD_CONFIG = dict(
    # (float) Per enemy killed.
    death_value=10.0,
    # (float) For winning, and to an army's subtask for its defeat.
    win=200.0,
    # (float) For losing.
    defeat=0.0,
    # (bool) Leave the allies' damage and deaths out.
    only_positive=True,
    # (float) What the allies' damage and deaths count, if they are not left out.
    negative_scale=0.5,
    # (float) Return of a perfect episode against the largest enemy team.
    scale_rate=20.0,
)
_SMAC_SIGHT = 9.0


def rules_record(
    scenarios: ScenarioSet,
    table: np.ndarray,
    *,
    reward_config: Mapping[str, float],
    heuristic_style: str,
    spread_armies: bool,
    random_tags: bool | None,
    reference_compat: bool,
    episode_limit: int | None,
) -> np.ndarray:
    """The (1,) `match.RULES` record of a scenario set; the arguments are those of `vector.SmacMultiArmyVector`.

    Raises:
        ValueError: an unknown key or an impossible value.
        TypeError: a value of a wrong type.
    """
    check_block(reward_config, REWARD_CONFIG, "env.reward_config")
    rewards = REWARD_CONFIG | dict(reward_config)
    _check_optional(episode_limit, int, "env.episode_limit")
    _check_optional(random_tags, bool, "env.random_tags")
    limit = scenarios.episode_limit if episode_limit is None else episode_limit
    check_range(limit, "env.episode_limit", minimum=1)
    allies, enemies = scenarios.largest
    if team_size(allies) + team_size(enemies) > MAX_UNITS or scenarios.armies > MAX_ARMIES:
        raise ValueError(
            f"a match holds at most {MAX_UNITS} units and {MAX_ARMIES} armies, {scenarios.name} has "
            f"{team_size(allies) + team_size(enemies)} and {scenarios.armies}"
        )
    kinds = [UNIT_NAMES.index(name) for name in scenarios.types]
    by_game_id = sorted(kinds, key=lambda kind: table["game_id"][kind])
    rules = np.zeros(1, RULES)
    values = dict(
        num_agents=team_size(allies),
        num_enemies=team_size(enemies),
        subtasks=scenarios.armies,
        has_healers=bool((table["heal"][kinds] > 0).any()),
        # A set with a single type has no feature for it.
        type_features=len(kinds) if len(kinds) > 1 else 0,
        ally_shields=_has_shields(scenarios, 0, table),
        enemy_shields=_has_shields(scenarios, 1, table),
        defends_base=scenarios.armies > 1,
        army_size=scenarios.army_size,
        separation=scenarios.separation,
        jitter=scenarios.jitter,
        rotates=scenarios.rotates,
        spreads_armies=spread_armies,
        spreads_each_army=reference_compat,
        random_tags=scenarios.random_tags if random_tags is None else random_tags,
        sight=2 * scenarios.separation if scenarios.armies > 1 else _SMAC_SIGHT,
        episode_limit=limit,
        reference_accounts=reference_compat,
        scale=_best_reward(enemies, table, rewards) / rewards.pop("scale_rate"),
    )
    for key, value in (values | rewards).items():
        rules[key] = value
    rules["type_index"] = -1
    for position, kind in enumerate(by_game_id):
        rules["type_index"][0, kind] = position
    targets = team_size(enemies) + (team_size(allies) if values["has_healers"] else 0)
    rules["actions"] = FIRST_TARGET + targets
    rules["has_shields"] = values["ally_shields"] or values["enemy_shields"]
    rules["features"] = _features(rules[0])
    keys, sees_deaths = parse_style(heuristic_style)
    rules["style_length"], rules["style_sees_deaths"] = len(keys), sees_deaths
    rules["style"][0, : len(keys)] = keys
    return rules


def entity_spec(rules: np.ndarray) -> EntitySpec:
    """The sizes that follow from a (1,) `match.RULES` record."""
    row = rules[0]
    return EntitySpec(
        agents=int(row["num_agents"]),
        entities=int(row["num_agents"] + row["num_enemies"]),
        subtasks=int(row["subtasks"]),
        actions=int(row["actions"]),
        features=int(row["features"]),
        episode_limit=int(row["episode_limit"]),
        # The first two of the eight last features.
        coordinates=(int(row["features"]) - 8, int(row["features"]) - 7),
    )


def _check_optional(value: Any, kind: type, path: str) -> None:
    if value is not None and type(value) is not kind:
        raise TypeError(f"{path} must be None or of type {kind.__name__}, got {value!r}")


def _features(rules: np.void) -> int:
    """Tags, allowed actions, type, health, shield, energy and cooldown, 4 of the place, 4 of army and movement."""
    tags = rules["num_agents"] + rules["num_enemies"]
    return int(tags + rules["actions"] - NORTH + rules["type_features"] + 1 + rules["has_shields"] + 2 + 4 + 4)


def _has_shields(scenarios: ScenarioSet, side: int, table: np.ndarray) -> bool:
    return any(table["shield"][UNIT_NAMES.index(kind)] > 0 for pair in scenarios.scenarios for _, kind in pair[side])


def _best_reward(enemies: Team, table: np.ndarray, rewards: Mapping[str, float]) -> float:
    """Damage to and death of every enemy, and the win."""
    kinds = [UNIT_NAMES.index(kind) for count, kind in enemies for _ in range(count)]
    damage = float((table["health"] + table["shield"])[kinds].sum())
    best = len(kinds) * rewards["death_value"] + rewards["win"] + damage
    if not (best > 0 and rewards["scale_rate"] > 0):
        raise ValueError(
            f"env.reward_config makes the best possible reward {best}, scaled to {rewards['scale_rate']}; "
            "both must be positive"
        )
    return best
