"""Replays recorded episodes in rows of a `SaveTheCityVector` and returns what happened in the recording's own terms."""

import json
from collections.abc import Sequence

import numpy as np

from dizoo_ext.save_the_city.vector import SaveTheCityVector

REPLAYED = (
    "agent_xy",
    "health",
    "fire",
    "time_to_next_fire",
    "time_since_last_fire",
    "complete",
    "burned",
    "entities",
    "avail",
    "task_mask",
    "heur_alloc",
    "obs_mask",
    "entity_mask",
    "entity2task_mask",
    "reward",
    "task_rewards",
    "tasks_terminated",
    "tasks_changed",
    "done",
    "episode_limit",
)
CONSTANT = ("obs_mask", "entity_mask", "entity2task_mask")
_OPTIONS = {"track_ac_type": "track_action_types"}


def meta_of(golden: dict) -> dict:
    return json.loads(str(golden["meta"]))


def make_env(meta: dict, num_envs: int, observation: str = "entities") -> SaveTheCityVector:
    options = {_OPTIONS.get(key, key): value for key, value in meta["env_kw"].items()}
    return SaveTheCityVector(num_envs, scenario=meta["scenario"], observation=observation, **options)


def replay(
    env: SaveTheCityVector, goldens: Sequence[dict], from_state: bool = False
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, float]]]:
    """Play ``goldens[row]`` in environment ``row``, all rows side by side, each until its own recording ends.

    With ``from_state`` the first state and every tie-break come from the recording, and no random number is drawn.

    Returns:
        One trace (arrays of `REPLAYED`) and one episode_info (empty if the recording stops before the end) per row.
    """
    traces: list[dict[str, list]] = [{key: [] for key in REPLAYED} for _ in goldens]
    infos: list[dict[str, float]] = [{} for _ in goldens]
    metas = [meta_of(golden) for golden in goldens]
    env.seed([meta["seed"] for meta in metas])
    for row, (golden, meta) in enumerate(zip(goldens, metas, strict=True)):
        env.reset(ids=[row], **meta["reset_kw"])
        if from_state:
            _write_first_state(env, row, golden)
    _record_observation(env, range(len(goldens)), env.observe(), traces)
    for t in range(max(meta["T"] for meta in metas)):
        rows = [row for row, meta in enumerate(metas) if t < meta["T"]]
        actions = np.zeros((len(rows), env.spec.agents), np.int64)
        for k, row in enumerate(rows):
            joint = goldens[row]["actions"][t]
            actions[k, : len(joint)] = joint
            if from_state:
                _force_recorded_picks(env, row, goldens[row]["collisions"], t)
        step = env.step(actions, ids=rows)
        _record_observation(env, rows, step.observation, traces)
        for k, row in enumerate(rows):
            trace = traces[row]
            trace["reward"].append(step.reward[k])
            trace["task_rewards"].append(step.subtask_reward[k])
            trace["tasks_terminated"].append(step.subtask_done[k])
            trace["tasks_changed"].append(step.subtasks_changed[k])
            trace["done"].append(step.done[k])
            trace["episode_limit"].append(step.time_limit[k])
            infos[row] = step.episode_info.get(k, {})
    stacked = [{key: np.stack(values) for key, values in trace.items()} for trace in traces]
    for trace in stacked:
        for key in CONSTANT:
            assert (trace[key] == trace[key][0]).all(), f"{key} changed during the episode"
            trace[key] = trace[key][0]
    return stacked, infos


def next_uniform(env: SaveTheCityVector, row: int) -> float:
    """The next uniform number of an environment's stream, drawn by numpy."""
    stream = np.random.RandomState()
    stream.set_state(("MT19937", env.cities["words"][row], int(env.cities["position"][row])))
    return stream.random_sample()


def reference_availability(action_mask: np.ndarray, action_subtask: np.ndarray) -> np.ndarray:
    """(A, U) 0 unavailable, 1 available, 2 + building for an action on a building."""
    return np.where(action_mask > 0, np.where(action_subtask >= 0, 2 + action_subtask, 1), 0)


def _write_first_state(env: SaveTheCityVector, row: int, golden: dict) -> None:
    """Overwrite a reset state by the recording's row 0, after spoiling everything that could leak from the reset."""
    city = env.get_state(row)
    agents, buildings = len(golden["agent_type"]), len(golden["bld_type"])
    for name in ("agent_type", "agent_x", "agent_y", "health", "fire", "period", "time_to_next_fire"):
        city[name] = 0
    city["words"] = 0
    city["agents"], city["buildings"] = agents, buildings
    city["agent_type"][:agents] = golden["agent_type"]
    city["agent_x"][:agents], city["agent_y"][:agents] = golden["agent_xy"][0].T
    city["building_type"][:buildings] = golden["bld_type"]
    city["building_x"][:buildings], city["building_y"][:buildings] = golden["bld_xy"].T
    city["period"][:buildings] = golden["bld_rate"]
    for name in ("health", "fire", "time_to_next_fire", "time_since_last_fire"):
        city[name][:buildings] = golden[name][0]
    env.set_state(city, row)


def _force_recorded_picks(env: SaveTheCityVector, row: int, collisions: np.ndarray, t: int) -> None:
    city = env.cities[row]
    assert city["forced_next"] == city["forced_count"], f"fewer collisions than recorded before step {t}"
    env.force_tie_breaks(collisions[collisions[:, 0] == t, 3].tolist(), row)


def _record_observation(env: SaveTheCityVector, rows: Sequence[int], observation: dict, traces: list) -> None:
    agents, subtasks = env.spec.agents, env.spec.subtasks
    for k, row in enumerate(rows):
        city, trace = env.cities[row], traces[row]
        n, m = city["agents"], city["buildings"]
        trace["agent_xy"].append(np.stack([city["agent_x"][:n], city["agent_y"][:n]], axis=-1))
        for name in ("health", "fire", "time_to_next_fire", "time_since_last_fire"):
            trace[name].append(city[name][:m].copy())
        trace["complete"].append(city["health"][:m] == 1.0)
        trace["burned"].append(city["health"][:m] == 0.0)
        trace["entities"].append(observation["entities"][k])
        trace["avail"].append(reference_availability(observation["action_mask"][k], observation["action_subtask"][k]))
        trace["task_mask"].append(~observation["subtask_mask"][k])
        trace["heur_alloc"].append(observation["heuristic_allocation"][k, :n])
        assert (observation["heuristic_allocation"][k, n:] == -1).all()
        # The reference also has rows for buildings, which see each other; only agents look in the contract.
        trace["obs_mask"].append(~observation["obs_mask"][k])
        trace["entity_mask"].append(~observation["entity_mask"][k])
        assert (observation["entity_subtask"][k, :agents] == -1).all()
        trace["entity2task_mask"].append(observation["entity_subtask"][k][:, None] != np.arange(subtasks))
