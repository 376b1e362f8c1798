"""A batch of SaveTheCity environments."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.batch_arguments import checked_actions, checked_rows
from dizoo_ext.contract import FLAT_KEYS, OBSERVATION_CHOICES, EntitySpec
from dizoo_ext.flat_view import flat_view
from dizoo_ext.mersenne import set_stream_state, stream_state
from dizoo_ext.save_the_city.city import (
    ACTION_NAMES,
    ACTIONS,
    CITY,
    GRID,
    MAX_AGENTS,
)
from dizoo_ext.save_the_city.kernel import (
    ACTION_SHARES,
    EPISODE,
    EPISODE_INFO,
    observe_rows,
    refresh_rows,
    reset_rows,
    step_rows,
    summarise_rows,
)
from dizoo_ext.save_the_city.observation import COORDINATES, FEATURES
from dizoo_ext.save_the_city.render import draw_city
from dizoo_ext.save_the_city.scenarios import ScenarioSet, scenario_set
from dizoo_ext.save_the_city.settings import rules_record
from dizoo_ext.strict_config import check_choice, check_range
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep


class SaveTheCityVector(VectorEnv):
    """A batch of cities in which teams of firefighters, builders and generalists save burning buildings.

    Subtask ``b`` is building ``b``. Rules, observations and random streams are those of the ALMA paper's environment.

    Args:
        num_envs: B.
        scenario: name of a scenario set, or scenarios of one's own (see `scenarios.scenario_set`).
        is_test: reset from the test scenarios unless `reset` says otherwise.
        episode_limit: steps, at least 1.
        game_config: entries that replace those of `settings.GAME_CONFIG`, all >= 0 and the chance at most 1.
        reward_config: entries that replace those of `settings.REWARD_CONFIG`.
        reward_scale: rewards are multiplied by ``reward_scale / (health_delta_mult K / 2 + complete K + solved)``.
        end_on_any_burn: end the episode as soon as a building has burned down.
        track_action_types: add the shares `kernel.ACTION_SHARES` to ``episode_info``.
        building_reach: buildings stand within this many cells of the centre, 1..8; 8 is the paper's whole city.
        observation: 'both', 'entities' or 'flat'.
        illegal_action: 'raise' or 'noop' (the agent stays).

    Raises:
        ValueError: an unknown name or an impossible value.
    """

    def __init__(
        self,
        num_envs: int,
        scenario: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] = "2-5a_2-5b",
        is_test: bool = False,
        episode_limit: int = 150,
        game_config: Mapping[str, float] | None = None,
        reward_config: Mapping[str, float] | None = None,
        reward_scale: float = 20.0,
        end_on_any_burn: bool = False,
        track_action_types: bool = False,
        building_reach: int = GRID // 2,
        observation: str = "both",
        illegal_action: str = "raise",
    ) -> None:
        check_range(num_envs, "num_envs", minimum=1)
        check_range(episode_limit, "env.episode_limit", minimum=1)
        check_choice(observation, OBSERVATION_CHOICES, "env.observation")
        check_choice(illegal_action, ("raise", "noop"), "env.illegal_action")
        self.num_envs = num_envs
        self._scenarios = scenario_set(scenario)
        self._is_test = is_test
        self.spec = _entity_spec(self._scenarios, episode_limit)
        self.rules = rules_record(self.spec, game_config or {}, reward_config or {}, reward_scale)
        self.rules["end_on_any_burn"] = end_on_any_burn
        self._scenarios.check_building_reach(building_reach)
        self.rules["building_reach"] = building_reach
        self.rules["illegal_is_noop"] = illegal_action == "noop"
        self._metrics = EPISODE_INFO + (ACTION_SHARES if track_action_types else ())
        self.metrics = self._metrics
        self._observation_keys = self.spec.observation_keys(observation)
        self._has_flat_view = observation != "entities"
        self._all_rows = np.arange(num_envs)
        self._is_seeded = np.zeros(num_envs, bool)
        self._is_all_seeded = False
        self._reset_tables = {False: self._scenarios.train_table, True: self._scenarios.test_table}
        self.cities = np.zeros(num_envs, CITY)
        """(B,) records: the whole state. After writing to it, call `refresh`."""

    def seed(self, seeds: Sequence[int], ids: np.ndarray | None = None) -> None:
        """Start the random streams as ``numpy.random.RandomState(seed)``."""
        rows = self._rows(ids)
        if len(seeds) != len(rows):
            raise ValueError(f"seed needs one seed per environment: {len(rows)} environments, {len(seeds)} seeds")
        for row, seed in zip(rows, seeds, strict=True):
            _, words, position, *_ = np.random.RandomState(seed).get_state()
            self.cities["words"][row] = words
            self.cities["position"][row] = position
        self._mark_seeded(rows)

    def stream_state(self, env: int) -> dict[str, Any]:
        """See `VectorEnv.stream_state`."""
        return stream_state(self.cities[env])

    def set_stream_state(self, state: Mapping[str, Any], env: int) -> None:
        """See `VectorEnv.set_stream_state`."""
        set_stream_state(self.cities[env], state)

    def reset(
        self,
        ids: np.ndarray | None = None,
        index: int | None = None,
        test: bool | None = None,
        n_tasks: int | None = None,
    ) -> Observation:
        """Begin new episodes.

        Args:
            index: play this entry of the scenario list instead of drawing one.
            test: draw from the test scenarios (default: the constructor's ``is_test``).
            n_tasks: draw only among scenarios with this many buildings; excludes ``index``.

        Raises:
            ValueError: both or impossible ``index`` and ``n_tasks``.
            RuntimeError: `seed` has not been called.
        """
        rows = self._rows(ids)
        if not self._is_all_seeded and not self._is_seeded[rows].all():
            raise RuntimeError(f"seed environments {rows[~self._is_seeded[rows]].tolist()} before resetting them")
        is_test = self._is_test if test is None else test
        if index is not None and n_tasks is not None:
            raise ValueError("reset takes either index or n_tasks, not both")
        if index is not None:
            self._scenarios.check_index(index, is_test)
        if n_tasks is not None:
            self._scenarios.check_n_tasks(n_tasks, is_test)
        reset_rows(
            self.cities,
            rows,
            self.rules,
            self._reset_tables[is_test],
            self._scenarios.spacing,
            -1 if index is None else index,
            -1 if n_tasks is None else n_tasks,
        )
        return self._observe(rows)

    def observe(self, ids: np.ndarray | None = None) -> Observation:
        """The present observations of the environments ``ids`` (default: all)."""
        return self._observe(self._rows(ids))

    def step(self, actions: np.ndarray, ids: np.ndarray | None = None) -> VectorStep:
        """Advance by one joint action each; see `VectorEnv.step`. Entries of absent agents are ignored."""
        rows = self._all_rows if ids is None else self._rows(ids)
        n = len(rows)
        actions = checked_actions(actions, n, self.spec.agents)
        reward = np.empty(n)
        done = np.empty(n, np.bool_)
        time_limit = np.empty(n, np.bool_)
        subtask_reward = np.empty((n, self.spec.subtasks))
        subtask_done = np.empty((n, self.spec.subtasks), np.bool_)
        subtasks_changed = np.empty(n, np.bool_)
        arrays = self._new_observation(n)
        ended = step_rows(
            self.cities,
            rows,
            self.rules,
            actions,
            reward,
            done,
            time_limit,
            subtask_reward,
            subtask_done,
            subtasks_changed,
            *arrays,
        )
        if ended < 0:
            raise self._refusal(rows, actions)
        episode_info = self._episode_info(rows, done) if ended else {}
        return VectorStep(
            self._hand_out(rows, arrays),
            reward,
            done,
            time_limit,
            subtask_reward,
            subtask_done,
            subtasks_changed,
            episode_info,
        )

    def get_state(self, env: int = 0) -> np.ndarray:
        """A copy of one environment's whole state, random stream included: a record of `city.CITY`, shape ()."""
        return self.cities[env : env + 1].copy()[0]

    def set_state(self, state: np.ndarray, env: int = 0) -> None:
        """Continue one environment from a state of `get_state`, of this or another batch of the same scenario set."""
        if state["agents"] > self.spec.agents or state["buildings"] > self.spec.subtasks:
            raise ValueError(
                f"a state with {state['agents']} agents and {state['buildings']} buildings does not fit into "
                f"{self.spec.agents} agents and {self.spec.subtasks} buildings"
            )
        self.cities[env] = state
        self._mark_seeded(env)
        self.refresh(np.array([env]))

    def refresh(self, ids: np.ndarray | None = None) -> None:
        """Bring availability in line with ``cities`` after writing to it."""
        refresh_rows(self.cities, self._rows(ids))

    def force_tie_breaks(self, picks: Sequence[int], env: int = 0) -> None:
        """Decide one environment's next collisions instead of its stream: 0 sends the lower agent back, 1 the higher.

        Picks that the next steps do not use stay for later ones; a reset drops them.
        """
        if len(picks) > MAX_AGENTS or set(picks) - {0, 1}:
            raise ValueError(f"tie-breaks must be at most {MAX_AGENTS} zeros and ones, got {picks!r}")
        city = self.cities[env]
        city["forced"][: len(picks)] = picks
        city["forced_count"] = len(picks)
        city["forced_next"] = 0

    def render(self, env: int = 0, allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw one city, (480, 480, 3) uint8; ``allocation`` (A,) adds a line from each agent to its building."""
        return draw_city(self.cities[env], allocation)

    def _mark_seeded(self, rows: np.ndarray | int) -> None:
        self._is_seeded[rows] = True
        self._is_all_seeded = bool(self._is_seeded.all())

    def _observe(self, rows: np.ndarray) -> Observation:
        arrays = self._new_observation(len(rows))
        observe_rows(self.cities, rows, *arrays)
        return self._hand_out(rows, arrays)

    def _new_observation(self, n: int) -> tuple[np.ndarray, ...]:
        agents, entities, subtasks = self.spec.agents, self.spec.entities, self.spec.subtasks
        return (
            np.empty((n, entities, FEATURES), np.float32),
            np.empty((n, entities), np.bool_),
            np.empty((n, agents, entities), np.bool_),
            np.empty((n, entities), np.int64),
            np.empty((n, subtasks), np.bool_),
            np.empty((n, agents, ACTIONS), np.float32),
            np.empty((n, agents, ACTIONS), np.int64),
            np.empty((n, agents), np.int64),
        )

    def _hand_out(self, rows: np.ndarray, arrays: tuple[np.ndarray, ...]) -> Observation:
        if self._has_flat_view:
            entities, entity_mask, obs_mask = arrays[:3]
            last_action = self.cities["last_action"][rows, : self.spec.agents]
            arrays += flat_view(entities, entity_mask, obs_mask, last_action, ACTIONS)
            if len(self._observation_keys) == 1 + len(FLAT_KEYS):
                arrays = (arrays[5], *arrays[-2:])
        return dict(zip(self._observation_keys, arrays, strict=True))

    def _rows(self, ids: np.ndarray | None) -> np.ndarray:
        return checked_rows(ids, self._all_rows)

    def _refusal(self, rows: np.ndarray, actions: np.ndarray) -> Exception:
        for row, joint in zip(rows, actions, strict=True):
            city = self.cities[row]
            if not city["running"]:
                return RuntimeError(f"environment {row} has no running episode; reset it before stepping")
            for agent, action in enumerate(joint[: city["agents"]]):
                if not 0 <= action < ACTIONS:
                    return ValueError(
                        f"environment {row}, agent {agent}: action {action} does not exist, "
                        f"actions are 0 to {ACTIONS - 1}"
                    )
                legal = [a for a in range(ACTIONS) if city["legal"][agent] >> a & 1]
                if action not in legal and not self.rules["illegal_is_noop"][0]:
                    allowed = ", ".join(f"{a} ({ACTION_NAMES[a]})" for a in legal)
                    return ValueError(
                        f"environment {row}, agent {agent}: action {action} ({ACTION_NAMES[action]}) is not allowed "
                        f"now; allowed are {allowed} (see action_mask, or set illegal_action='noop')"
                    )
        raise AssertionError("the kernel refused actions that are all allowed")

    def _episode_info(self, rows: np.ndarray, done: np.ndarray) -> dict[int, dict[str, float]]:
        ended = np.flatnonzero(done)
        metrics = np.empty(len(ended), EPISODE)
        summarise_rows(self.cities, rows[ended], self.rules, metrics)
        numbers = metrics.view(np.float64).reshape(len(ended), -1).tolist()
        return {
            row: dict(zip(self._metrics, values, strict=False))
            for row, values in zip(ended.tolist(), numbers, strict=True)
        }


def _entity_spec(scenarios: ScenarioSet, episode_limit: int) -> EntitySpec:
    return EntitySpec(
        agents=scenarios.max_agents,
        entities=scenarios.max_agents + scenarios.max_buildings,
        subtasks=scenarios.max_buildings,
        actions=ACTIONS,
        features=FEATURES,
        episode_limit=episode_limit,
        coordinates=COORDINATES,
    )
