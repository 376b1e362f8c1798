"""SMAC's class on our engines: `StarCraft2Env`."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dizoo_ext.compilation import announce_compilation
from dizoo_ext.gif import save_gif
from dizoo_ext.random_stream import fresh_seed, stream_seed
from dizoo_ext.smac_multiarmy.drop_in.arguments import check_arguments
from dizoo_ext.smac_multiarmy.drop_in.features import available_actions, is_healer, observations, state, visibility
from dizoo_ext.smac_multiarmy.drop_in.layout import Options, layout_of
from dizoo_ext.smac_multiarmy.embedded.units import DEFAULT_PROFILE, PROFILES, UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import Engine
from dizoo_ext.smac_multiarmy.engines import EMBEDDED
from dizoo_ext.smac_multiarmy.match import FIRST_TARGET
from dizoo_ext.smac_multiarmy.scenarios import scenario_set
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector
from dizoo_ext.strict_config import check_choice

FRAMES_PER_SECOND = 4


class StarCraft2Env:
    """Stands in for ``smac.env.StarCraft2Env``: same arguments, methods, vectors and rewards, on another engine.

    The embedded engine needs no game and is a model of it (docs/embedded_engine.md); enemies are numbered by type and
    place. Options whose meaning is the game's alone (``difficulty``, ``window_size_x``, ``window_size_y``) have no
    effect. The attributes are those that runners read: ``n_agents``, ``n_enemies``, ``n_actions``, ``episode_limit``,
    ``map_name``, ``max_reward``, ``battles_won``, ``battles_game``, ``timeouts`` and ``force_restarts``.

    Args:
        map_name: a map of SMAC whose units the engines know, see `scenarios.PLAIN_MAPS`.
        step_mul: game loops of a step, 8 or None.
        move_amount: length of an ordered move, 2.
        difficulty: '1' to '9' or 'A'.
        game_version: of the real game, such as '4.10'; None takes the newest.
        seed: starts the random stream; None draws one.
        continuing_episode: say ``episode_limit`` in the info of an episode that was cut by its limit.
        obs_all_health: observe the health of all units in sight.
        obs_own_health: observe one's own health, also implied by ``obs_all_health``.
        obs_last_action: observe the last actions of the allies in sight.
        obs_pathing_grid: observe whether eight points around can be walked on: always.
        obs_terrain_height: must be False.
        obs_instead_of_state: all observations are the state.
        obs_timestep_number: observe the share of the episode's time that is over.
        state_last_action: the state has all last actions.
        state_timestep_number: the state has the share of the time.
        reward_sparse: 1 for a win, -1 for a defeat, else 0; ``reward_scale`` applies nevertheless, as in SMAC.
        reward_only_positive: leave the allies' damage and deaths out.
        reward_death_value, reward_win, reward_defeat, reward_negative_scale: what they say.
        reward_scale: divide rewards by ``max_reward / reward_scale_rate``.
        replay_dir, replay_prefix: folder and beginning of the names of what `save_replay` writes.
        window_size_x, window_size_y: no effect.
        heuristic_ai: must be False.
        heuristic_rest: no effect, as in SMAC without ``heuristic_ai``.
        debug: log actions and rewards at level DEBUG.
        engine: 'embedded', 'sc2' for the real game (docs/starcraft2.md), or a function that makes an `Engine`.
        sc2: for engine 'sc2', entries of `engines.SC2_CONFIG`.
        unit_profile: the embedded engine's unit data.

    Raises:
        ValueError: an unknown name, or a value that the engine cannot honour; the message says why.
        TypeError: a value of a wrong type.
    """

    def __init__(
        self,
        map_name: str = "8m",
        step_mul: int | None = 8,
        move_amount: float = 2,
        difficulty: str = "7",
        game_version: str | None = None,
        seed: int | None = None,
        continuing_episode: bool = False,
        obs_all_health: bool = True,
        obs_own_health: bool = True,
        obs_last_action: bool = False,
        obs_pathing_grid: bool = False,
        obs_terrain_height: bool = False,
        obs_instead_of_state: bool = False,
        obs_timestep_number: bool = False,
        state_last_action: bool = True,
        state_timestep_number: bool = False,
        reward_sparse: bool = False,
        reward_only_positive: bool = True,
        reward_death_value: float = 10,
        reward_win: float = 200,
        reward_defeat: float = 0,
        reward_negative_scale: float = 0.5,
        reward_scale: bool = True,
        reward_scale_rate: float = 20,
        replay_dir: str = "",
        replay_prefix: str = "",
        window_size_x: int = 1920,
        window_size_y: int = 1200,
        heuristic_ai: bool = False,
        heuristic_rest: bool = False,
        debug: bool = False,
        *,
        engine: str | Callable[[], Engine] = EMBEDDED,
        sc2: Mapping[str, Any] | None = None,
        unit_profile: str = DEFAULT_PROFILE,
    ) -> None:
        options = Options(
            obs_all_health=obs_all_health,
            obs_own_health=obs_own_health,
            obs_last_action=obs_last_action,
            obs_pathing_grid=obs_pathing_grid,
            obs_instead_of_state=obs_instead_of_state,
            obs_timestep_number=obs_timestep_number,
            state_last_action=state_last_action,
            state_timestep_number=state_timestep_number,
        )
        check_arguments(
            map_name=map_name,
            engine=engine,
            step_mul=step_mul,
            move_amount=move_amount,
            difficulty=difficulty,
            game_version=game_version,
            obs_terrain_height=obs_terrain_height,
            heuristic_ai=heuristic_ai,
            flags=vars(options)
            | dict(continuing_episode=continuing_episode, reward_sparse=reward_sparse, reward_scale=reward_scale)
            | dict(reward_only_positive=reward_only_positive, heuristic_rest=heuristic_rest, debug=debug),
            numbers=dict(reward_death_value=reward_death_value, reward_win=reward_win, reward_defeat=reward_defeat)
            | dict(reward_negative_scale=reward_negative_scale, reward_scale_rate=reward_scale_rate),
        )
        self.map_name = map_name
        self.layout = layout_of(scenario_set(map_name), options)
        self.n_agents, self.n_enemies, self.n_actions = self.layout.agents, self.layout.enemies, self.layout.actions
        check_choice(unit_profile, PROFILES, "unit_profile")
        self._table = unit_table(unit_profile)
        self.max_reward = self._best_reward(reward_death_value, reward_win)
        self._reward_unit = self.max_reward / reward_scale_rate if reward_scale else 1.0
        self._is_sparse, self._continuing, self._debug = reward_sparse, continuing_episode, debug
        self._replay_file = Path(replay_dir or ".") / (replay_prefix or map_name)
        self._engine = engine
        self._settings: dict[str, Any] = dict(
            scenario=map_name,
            engine=engine,
            sc2=dict(sc2 or {}) | ({} if game_version is None else {"game_version": game_version}),
            unit_profile=unit_profile,
            observation="entities",
            reward_config=dict(
                death_value=reward_death_value,
                win=reward_win,
                defeat=reward_defeat,
                only_positive=reward_only_positive,
                negative_scale=reward_negative_scale,
                scale_rate=reward_scale_rate,
            ),
        )
        announce_compilation()
        self._battle = SmacMultiArmyVector(1, **self._settings)
        self.episode_limit = self._battle.spec.episode_limit
        self.battles_won = self.battles_game = self.timeouts = self.force_restarts = 0
        self._episodes = 0
        self._actions: list[np.ndarray] = []
        self._begun_from: dict[str, Any] | None = None
        self.seed(fresh_seed() if seed is None else seed)

    def seed(self, seed: int | None = None) -> int:
        """What the random stream started from; a number starts it anew. Raises a ValueError outside [0, 2**32)."""
        if seed is not None:
            self._seed = stream_seed(seed, is_test=False)
            self._battle.seed([self._seed])
        return self._seed

    def reset(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Begin an episode: all observations, and the state."""
        self._begun_from = self._battle.stream_state(0)
        self._actions = []
        self._last_action = np.zeros((self.n_agents, self.n_actions))
        self._look(self._battle.reset())
        return self.get_obs(), self.get_state()

    def step(self, actions: Sequence[Any]) -> tuple[float, bool, dict[str, Any]]:
        """Advance by one action per agent.

        Returns:
            reward, whether the episode has ended, and ``battle_won``, ``dead_allies`` and ``dead_enemies``; of an
            episode whose game was lost, nothing.

        Raises:
            ValueError: an action is not available, or there is not one per agent.
            RuntimeError: the episode has ended or has not begun.
        """
        chosen = np.array([int(action) for action in actions])
        self._check(chosen)
        step = self._battle.step(self._as_ours(chosen)[None])
        self._last_action = np.eye(self.n_actions)[chosen]
        self._actions.append(self._as_ours(chosen))
        self._look(step.observation)
        match, ended = self._match, bool(step.done[0])
        self._episodes += ended
        if match["game_lost"]:
            self.force_restarts += 1
            return 0.0, True, {}
        alive = match["alive"][: self.n_agents + self.n_enemies] != 0
        info: dict[str, Any] = {
            "battle_won": bool(match["won"]),
            "dead_allies": int((~alive[: self.n_agents]).sum()),
            "dead_enemies": int((~alive[self.n_agents :]).sum()),
        }
        if match["time_limit"]:
            self.timeouts += 1
            if self._continuing:
                info["episode_limit"] = True
        self.battles_game += ended
        self.battles_won += info["battle_won"]
        reward = self._reward()
        if self._debug:
            logging.debug(f"{self.map_name}, step {match['t']}: actions {chosen.tolist()}, reward {reward:.4f}")
        return reward, ended, info

    def get_obs(self) -> list[np.ndarray]:
        """What every agent observes, (obs_size,) float32 each."""
        return list(self._observations().copy())

    def get_obs_agent(self, agent_id: int) -> np.ndarray:
        """What one agent observes."""
        return self._observations()[agent_id].copy()

    def get_obs_size(self) -> int:
        """Length of an observation."""
        return self.layout.obs_size

    def get_obs_move_feats_size(self) -> int:
        """Length of the observation's part about moves."""
        return self.layout.move_features

    def get_obs_enemy_feats_size(self) -> tuple[int, int]:
        """Enemies, and features of each."""
        return self.layout.enemy_features

    def get_obs_ally_feats_size(self) -> tuple[int, int]:
        """Other agents, and features of each."""
        return self.layout.ally_features

    def get_obs_own_feats_size(self) -> int:
        """Length of the observation's part about the agent itself, and about time."""
        return self.layout.own_features

    def get_state(self) -> np.ndarray:
        """The state, (state_size,) float32."""
        if self.layout.options.obs_instead_of_state:
            return self._observations().flatten()
        parts = self.get_state_dict().values()
        return np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)

    def get_state_dict(self) -> dict[str, np.ndarray | float]:
        """The parts of the state by name."""
        return state(self._match, self.layout, self._table, self._last_action, self._time)

    def get_state_size(self) -> int:
        """Length of the state."""
        return self.layout.state_size

    def get_ally_num_attributes(self) -> int:
        """Numbers about one ally in the state."""
        return len(self.layout.ally_attributes)

    def get_enemy_num_attributes(self) -> int:
        """Numbers about one enemy in the state."""
        return len(self.layout.enemy_attributes)

    def get_visibility_matrix(self) -> np.ndarray:
        """(A, A + M) bool, which living units every agent sees."""
        return visibility(self._match, self.layout)

    def get_avail_actions(self) -> list[list[int]]:
        """1 for every available action of every agent."""
        self._check_begun()
        return self._available.tolist()

    def get_avail_agent_actions(self, agent_id: int) -> list[int]:
        """1 for every available action of one agent."""
        return self.get_avail_actions()[agent_id]

    def get_total_actions(self) -> int:
        """Actions of an agent."""
        return self.n_actions

    def get_env_info(self) -> dict[str, Any]:
        """Sizes, limit, and the names of what the state says of a unit."""
        return {
            "state_shape": self.get_state_size(),
            "obs_shape": self.get_obs_size(),
            "n_actions": self.n_actions,
            "n_agents": self.n_agents,
            "episode_limit": self.episode_limit,
            "agent_features": self.layout.ally_attributes,
            "enemy_features": self.layout.enemy_attributes,
        }

    def get_stats(self) -> dict[str, float]:
        """Counts over all episodes; before the first has ended, ``win_rate`` is 0."""
        return {
            "battles_won": self.battles_won,
            "battles_game": self.battles_game,
            "battles_draw": self.timeouts,
            "win_rate": self.battles_won / max(self.battles_game, 1),
            "timeouts": self.timeouts,
            "restarts": self.force_restarts,
        }

    def render(self, mode: str = "rgb_array") -> np.ndarray:
        """Draw the battle, (H, W, 3) uint8; there is no window, so ``mode`` must be 'rgb_array'."""
        check_choice(mode, ("rgb_array",), "render mode")
        self._check_begun()
        return self._battle.render(0)

    def save_replay(self) -> Path:
        """Write the present episode so far as a GIF, and say where.

        Raises:
            RuntimeError: another engine, whose episodes cannot be played again, or no episode has begun.
        """
        self._check_begun()
        if self._engine != EMBEDDED or self._begun_from is None:
            raise RuntimeError("save_replay plays the episode again, which only engine 'embedded' can do")
        again = SmacMultiArmyVector(1, **self._settings)
        again.seed([self._seed])
        again.set_stream_state(self._begun_from, 0)
        again.reset()
        frames = [again.render(0)]
        for actions in self._actions:
            again.step(actions[None])
            frames.append(again.render(0))
        path = self._replay_file.with_name(f"{self._replay_file.name}_{self._episodes}.gif")
        path.parent.mkdir(parents=True, exist_ok=True)
        save_gif(frames, path, FRAMES_PER_SECOND)
        return path

    def close(self) -> None:
        """Release what the engine holds."""
        self._battle.close()

    @property
    def _match(self) -> np.void:
        self._check_begun()
        return self._battle.matches[0]

    @property
    def _time(self) -> float:
        return int(self._match["t"]) / self.episode_limit

    def _check_begun(self) -> None:
        if self._begun_from is None:
            raise RuntimeError("no episode has begun: call reset()")

    def _look(self, observation: dict[str, np.ndarray]) -> None:
        mask = observation["action_mask"][0]
        self._available = available_actions(self._match, self.layout, self._table, mask)
        self._observed: np.ndarray | None = None

    def _observations(self) -> np.ndarray:
        match = self._match
        if self._observed is None:
            self._observed = observations(
                match, self.layout, self._table, self._available, self._last_action, self._time
            )
        return self._observed

    def _check(self, chosen: np.ndarray) -> None:
        self._check_begun()
        if chosen.shape != (self.n_agents,):
            raise ValueError(f"step needs {self.n_agents} actions, one per agent, got {chosen.tolist()}")
        for agent, action in enumerate(chosen.tolist()):
            allowed = np.flatnonzero(self._available[agent]).tolist()
            if action not in allowed:
                kind = UNIT_NAMES[self._match["type"][agent]]
                raise ValueError(f"agent {agent} ({kind}) cannot take action {action} now, only {allowed}")

    def _as_ours(self, chosen: np.ndarray) -> np.ndarray:
        """The environment numbers the agents behind all enemies, as targets of healers."""
        heals = is_healer(self._match, self.layout, self._table) & (chosen >= FIRST_TARGET)
        return chosen + self.n_enemies * heals

    def _reward(self) -> float:
        match, scale = self._match, self._battle.rules["scale"][0]
        if self._is_sparse:
            return (int(match["won"]) - int(match["allies_defeated"])) / self._reward_unit
        return float(match["reward"] * scale / self._reward_unit)

    def _best_reward(self, death_value: float, win: float) -> float:
        _, enemies = scenario_set(self.map_name).largest
        kinds = self._table[[UNIT_NAMES.index(kind) for count, kind in enemies for _ in range(count)]]
        return float(len(kinds) * death_value + win + kinds["health"].sum() + kinds["shield"].sum())
