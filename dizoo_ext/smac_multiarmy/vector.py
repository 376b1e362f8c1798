"""A batch of multi-army StarCraft environments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.batch_arguments import checked_actions, checked_rows
from dizoo_ext.contract import FLAT_KEYS, OBSERVATION_CHOICES
from dizoo_ext.flat_view import flat_view
from dizoo_ext.mersenne import set_stream_state, stream_state
from dizoo_ext.smac_multiarmy.embedded.units import DEFAULT_PROFILE, PROFILES, UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import Engine
from dizoo_ext.smac_multiarmy.engines import EMBEDDED, ENGINES, engine_maker
from dizoo_ext.smac_multiarmy.kernel import (
    EPISODE,
    EPISODE_INFO,
    can_play_rows,
    observe_rows,
    report_rows,
    seed_rows,
    summarise_rows,
)
from dizoo_ext.smac_multiarmy.match import MATCH
from dizoo_ext.smac_multiarmy.play import EmbeddedPlay, Play, StagedPlay
from dizoo_ext.smac_multiarmy.refusals import refusal
from dizoo_ext.smac_multiarmy.render import draw_match
from dizoo_ext.smac_multiarmy.scenarios import SCENARIO_SETS, scenario_set, scenario_table
from dizoo_ext.smac_multiarmy.settings import entity_spec, rules_record
from dizoo_ext.strict_config import check_choice, check_range
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep


class SmacMultiArmyVector(VectorEnv):
    """A batch of battles in which agents defend a base against armies that attack and retreat in turns.

    Subtask ``a`` is army ``a``. Rules, observations and random streams are those of the ALMA paper's environment, and
    plain SMAC maps are scenarios with one army and no base.

    Args:
        num_envs: B.
        scenario: name of a scenario set, see `scenarios.SCENARIO_SETS`, or scenarios of one's own, see
            `own_scenarios.own_scenarios`.
        engine: 'embedded' or 'sc2' (the real game, one per process: ``num_envs`` 1), or a function that makes one
            `engine_interface.Engine` per environment.
        sc2: for engine 'sc2', arguments of `sc2.engine.StarCraftEngine`.
        unit_profile: the embedded engine's unit data, see `embedded.units.PROFILES`.
        is_test: draw test scenarios.
        test_scenarios: rows of the scenario set that are drawn for tests only; None draws from all in both cases.
        episode_limit: steps; None takes the scenario set's.
        heuristic_style: 'matching', 'dynamic' or keys, see `heuristic.parse_style`.
        spread_armies: armies come from evenly spread directions; False draws how far they are spread.
        random_tags: draw new tags in every episode; None does so in all sets but SMAC's own maps.
        reward_config: entries that replace those of `settings.REWARD_CONFIG`.
        continuing_episode: the time limit only cuts an episode; else it is a true end, as in the originals.
        reference_compat: pay armies as the original does (nothing for the step that kills, the win at every later
            step; docs/reference/smac.md#rewards-of-the-armies) and spread each army on its own
            (docs/reference/smac.md#distance-between-armies).
        observation: 'both', 'entities' or 'flat'.
        illegal_action: 'raise' or 'noop' (the agent stops, and ``illegal_actions`` counts it).

    Raises:
        ValueError: an unknown name or an impossible value.
    """

    def __init__(
        self,
        num_envs: int,
        scenario: str | Mapping[str, Any] | Sequence[Mapping[str, Any]] = SCENARIO_SETS[0],
        engine: str | Callable[[], Engine] = EMBEDDED,
        sc2: Mapping[str, Any] | None = None,
        unit_profile: str = DEFAULT_PROFILE,
        is_test: bool = False,
        test_scenarios: Sequence[int] | None = None,
        episode_limit: int | None = None,
        heuristic_style: str = "matching",
        spread_armies: bool = True,
        random_tags: bool | None = None,
        reward_config: Mapping[str, float] | None = None,
        continuing_episode: bool = False,
        reference_compat: bool = False,
        observation: str = "both",
        illegal_action: str = "raise",
    ) -> None:
        check_range(num_envs, "num_envs", minimum=1)
        check_choice(observation, OBSERVATION_CHOICES, "env.observation")
        check_choice(illegal_action, ("raise", "noop"), "env.illegal_action")
        check_choice(unit_profile, PROFILES, "env.unit_profile")
        self.num_envs = num_envs
        self.metrics = EPISODE_INFO
        self._continuing = continuing_episode
        self.scenarios = scenario_set(scenario)
        self._choices = _choices(len(self.scenarios.scenarios), test_scenarios, is_test)
        self.unit_table = unit_table(unit_profile)
        self.rules = rules_record(
            self.scenarios,
            self.unit_table,
            reward_config=reward_config or {},
            heuristic_style=heuristic_style,
            spread_armies=spread_armies,
            random_tags=random_tags,
            reference_compat=reference_compat,
            episode_limit=episode_limit,
        )
        self.rules["illegal_is_noop"] = illegal_action == "noop"
        self.spec = entity_spec(self.rules)
        self._observation_keys = self.spec.observation_keys(observation)
        self._has_flat_view = observation != "entities"
        self._all_rows = np.arange(num_envs)
        self._is_seeded = np.zeros(num_envs, bool)
        self.matches = np.zeros(num_envs, MATCH)
        """(B,) records: everything above the engine."""
        arguments = (self.matches, self.rules, self.unit_table, self.scenarios.table)
        self.play: Play
        if engine == EMBEDDED:
            if sc2:
                raise ValueError(
                    f"env.sc2 = {dict(sc2)!r} is for env.engine = 'sc2', the real game; set env.sc2 = {{}}"
                )
            self.play = EmbeddedPlay(*arguments)
        elif callable(engine):
            self.play = StagedPlay(*arguments, engine)
        else:
            check_choice(engine, ENGINES, "env.engine")
            self.play = StagedPlay(*arguments, engine_maker(engine, sc2 or {}, num_envs))

    def seed(self, seeds: Sequence[int], ids: np.ndarray | None = None) -> None:
        """Start the random streams as the original does with ``numpy.random.RandomState(seed)``."""
        rows = self._rows(ids)
        if len(seeds) != len(rows):
            raise ValueError(f"seed needs one seed per environment: {len(rows)} environments, {len(seeds)} seeds")
        for row, seed in zip(rows, seeds, strict=True):
            _, words, position, *_ = np.random.RandomState(seed).get_state()
            self.matches["words"][row] = words
            self.matches["position"][row] = position
            self.matches["seed"][row] = seed
        seed_rows(self.matches, rows, self.rules, self.play.rosters, scenario_table([self.scenarios.largest]))
        self._is_seeded[rows] = True

    def stream_state(self, env: int) -> dict[str, Any]:
        """See `VectorEnv.stream_state`."""
        return stream_state(self.matches[env], "seed", "episode")

    def set_stream_state(self, state: Mapping[str, Any], env: int) -> None:
        """See `VectorEnv.set_stream_state`."""
        set_stream_state(self.matches[env], state)

    def reset(self, ids: np.ndarray | None = None, index: int | None = None, n_tasks: int | None = None) -> Observation:
        """Begin new episodes.

        Args:
            index: play this scenario of the set instead of drawing one.
            n_tasks: number of armies; draws only among scenarios that can be split so; excludes ``index``.

        Raises:
            ValueError: both or impossible ``index`` and ``n_tasks``.
            RuntimeError: `seed` has not been called.
        """
        rows = self._rows(ids)
        if not self._is_seeded[rows].all():
            raise RuntimeError(f"seed environments {rows[~self._is_seeded[rows]].tolist()} before resetting them")
        if index is not None and n_tasks is not None:
            raise ValueError("reset takes either index or n_tasks, not both")
        if index is not None and not 0 <= index < len(self.scenarios.scenarios):
            raise ValueError(f"index must name one of the {len(self.scenarios.scenarios)} scenarios, got {index!r}")
        if n_tasks is not None:
            possible = {armies for choice in self._choices for armies in self.scenarios.possible_armies(choice)}
            if n_tasks not in possible:
                raise ValueError(f"n_tasks must be one of {sorted(possible)} in this set, got {n_tasks!r}")
        self.play.begin(rows, self._choices, -1 if index is None else index, -1 if n_tasks is None else n_tasks)
        return self._observe(rows)

    def observe(self, ids: np.ndarray | None = None) -> Observation:
        """The present observations of the environments ``ids`` (default: all)."""
        return self._observe(self._rows(ids))

    def step(self, actions: np.ndarray, ids: np.ndarray | None = None) -> VectorStep:
        """Advance by one joint action each; see `VectorEnv.step`. Entries of absent agents are ignored."""
        rows = self._rows(ids)
        n, subtasks = len(rows), self.spec.subtasks
        actions = checked_actions(actions, n, self.spec.agents)
        if not can_play_rows(self.matches, rows, self.rules, self.unit_table, actions):
            raise refusal(self.matches, rows, self.rules[0], self.unit_table, actions)
        self.play.step(rows, actions)
        reward = np.empty(n)
        done = np.empty(n, np.bool_)
        time_limit = np.empty(n, np.bool_)
        subtask_reward = np.empty((n, subtasks))
        subtask_done = np.empty((n, subtasks), np.bool_)
        subtasks_changed = np.empty(n, np.bool_)
        results = (reward, done, time_limit, subtask_reward, subtask_done, subtasks_changed)
        ended = report_rows(self.matches, rows, *results)
        if not self._continuing:
            time_limit[:] = False
        return VectorStep(self._observe(rows), *results, self._episode_info(rows, done) if ended else {})

    def composition(self, env: int = 0) -> list[str]:
        """What each army of one environment was made of, such as ``["marine2 medivac1", "marine4"]``."""
        match = self.matches[env]
        enemies = slice(match["agents"], match["agents"] + match["enemies"])
        kinds, armies = match["type"][enemies], match["army"][enemies]
        return [
            " ".join(
                f"{name}{count}"
                for kind, name in enumerate(UNIT_NAMES)
                if (count := int(((armies == army) & (kinds == kind)).sum()))
            )
            for army in range(match["armies"])
        ]

    def render(self, env: int = 0, allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw one battle, (480, 480, 3) uint8; ``allocation`` (A,) colours the agents by their armies."""
        return draw_match(self.matches[env], self.rules[0], self.unit_table, allocation)

    def close(self) -> None:
        """Release what the engines hold."""
        self.play.close()

    def _observe(self, rows: np.ndarray) -> Observation:
        n = len(rows)
        agents, entities, subtasks = self.spec.agents, self.spec.entities, self.spec.subtasks
        actions = self.spec.actions
        arrays: tuple[np.ndarray, ...] = (
            np.empty((n, entities, self.spec.features), np.float32),
            np.empty((n, entities), np.bool_),
            np.empty((n, agents, entities), np.bool_),
            np.empty((n, entities), np.int64),
            np.empty((n, subtasks), np.bool_),
            np.empty((n, agents, actions), np.float32),
            np.empty((n, agents, actions), np.int64),
            np.empty((n, agents), np.int64),
        )
        observe_rows(self.matches, rows, self.rules, self.unit_table, *arrays)
        if self._has_flat_view:
            last_action = self.matches["last_action"][rows, :agents]
            arrays += flat_view(arrays[0], arrays[1], arrays[2], last_action, actions)
            if len(self._observation_keys) == 1 + len(FLAT_KEYS):
                arrays = (arrays[5], *arrays[-2:])
        return dict(zip(self._observation_keys, arrays, strict=True))

    def _rows(self, ids: np.ndarray | None) -> np.ndarray:
        return checked_rows(ids, self._all_rows)

    def _episode_info(self, rows: np.ndarray, done: np.ndarray) -> dict[int, dict[str, float]]:
        ended = np.flatnonzero(done)
        metrics = np.empty(len(ended), EPISODE)
        summarise_rows(self.matches, rows[ended], metrics)
        return {
            row: dict(zip(EPISODE_INFO, values, strict=True))
            for row, values in zip(ended.tolist(), metrics.tolist(), strict=True)
        }


def _choices(count: int, test_scenarios: Sequence[int] | None, is_test: bool) -> np.ndarray:
    """The rows of the scenario set that may be drawn."""
    if test_scenarios is None:
        return np.arange(count)
    test = set(test_scenarios)
    if not test or not test < set(range(count)):
        raise ValueError(
            f"env.test_scenarios must hold some, but not all, of the rows 0 to {count - 1}, got {test_scenarios!r}"
        )
    return np.array([row for row in range(count) if (row in test) == is_test])
