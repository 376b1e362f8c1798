import numpy as np
import pytest
from toy_env import AGENTS, ToyEnv, ToyVector

from dizoo_ext.check import ContractViolation, check_env


@pytest.mark.parametrize("observation", ["both", "entities", "flat"])
def test_toy_environment_conforms(observation):
    check_env(ToyEnv({"observation": observation}), episodes=10)


@pytest.mark.parametrize("num_envs", [1, 2, 5])
def test_toy_batch_conforms(num_envs):
    check_env(ToyVector(num_envs), episodes=10)


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="got dict"):
        check_env({})


class Altered(ToyVector):
    """A batch with one fault in each observation."""

    def __init__(self, alter, num_envs=2, observation="both"):
        super().__init__(num_envs, observation=observation)
        self._alter = alter

    def _observe(self, ids):
        observation = super()._observe(ids)
        return self._alter(observation) or observation


def setting(key, index, value):
    def alter(observation):
        observation[key][index] = value

    return alter


def dropping(key):
    return lambda observation: {name: value for name, value in observation.items() if name != key}


def casting(key, dtype):
    return lambda observation: {**observation, key: observation[key].astype(dtype)}


def zero_dead_action_masks(observation):
    observation["action_mask"][:, :, 0] = 0


def allow_resting_to_all(observation):
    observation["action_mask"][:, :, 1] = 1


def fill_absent_rows(observation):
    observation["entities"][~observation["entity_mask"], 2] = 1


def see_everything(observation):
    observation["obs_mask"][:, 0] = True


def assign_finished(observation):
    observation["heuristic_allocation"][:] = observation["subtask_mask"].argmin(axis=1)[:, None]


def swap_tail(observation):
    state = observation["agent_state"]
    tail = state[..., -AGENTS:].copy()
    state[..., -AGENTS - 4 : -4] = tail


def shift_own_row(observation):
    observation["agent_state"][..., :3] *= 2


ONE = np.s_[0, 0]
OBSERVATION_FAULTS = {
    "missing key": (dropping("obs_mask"), "keys"),
    "missing entry": (lambda o: {**o, "entities": o["entities"][:, :, :2]}, "shapes"),
    "wide floats": (casting("entities", np.float64), "dtypes"),
    "mask as bytes": (casting("entity_mask", np.uint8), "dtypes"),
    "not a number": (setting("entities", (0, 0, 2), np.nan), "finite"),
    "subtask out of range": (setting("entity_subtask", (0, -1), 2), "subtask_ids"),
    "tie out of range": (setting("action_subtask", (0, 0, 1), -2 - AGENTS), "subtask_ids"),
    "fractional mask": (setting("action_mask", (0, 0, 1), 0.5), "action_mask"),
    "nothing allowed": (zero_dead_action_masks, "action_mask"),
    "rest for the dead": (allow_resting_to_all, "no_op_only"),
    "features of the absent": (fill_absent_rows, "absent_rows"),
    "sees the absent": (see_everything, "absent_unseen"),
    "blind to itself": (setting("obs_mask", (slice(None), 0, 0), False), "sees_itself"),
    "agent owned by a subtask": (setting("entity_subtask", ONE, 0), "agent_subtask"),
    "heuristic to a finished subtask": (assign_finished, "heuristic_allocation"),
    "subtask never masked": (setting("subtask_mask", slice(None), True), "subtask_mask"),
    "tail in the wrong order": (swap_tail, "flat_layout"),
    "other own row": (shift_own_row, "flat_layout"),
    "short global state": (setting("global_state", (0, 2), -1), "flat_layout"),
}


@pytest.mark.parametrize(("alter", "rule"), OBSERVATION_FAULTS.values(), ids=OBSERVATION_FAULTS)
def test_faulty_observations_are_caught(alter, rule):
    with pytest.raises(ContractViolation) as caught:
        check_env(Altered(alter), episodes=5)
    assert caught.value.rule == rule, caught.value


def test_flat_observation_alone_still_has_its_tail_checked():
    with pytest.raises(ContractViolation) as caught:
        check_env(Altered(setting("agent_state", np.s_[:, :, -AGENTS - 1], 1), observation="flat"))
    assert caught.value.rule == "flat_layout"


class KeptMemory(ToyVector):
    def _observe(self, ids):
        observation = super()._observe(ids)
        if len(ids) != self.num_envs:
            return observation
        self._kept = getattr(self, "_kept", observation["entities"])
        self._kept[:] = observation["entities"]
        return {**observation, "entities": self._kept}


class IgnoresItsSeed(ToyVector):
    def seed(self, seeds, ids=None):
        self._rng = [np.random.default_rng() for _ in range(self.num_envs)]


class SharedGenerator(ToyVector):
    def seed(self, seeds, ids=None):
        self._rng = [np.random.default_rng(seeds[0])] * self.num_envs


class WalksOn(ToyVector):
    def step(self, actions, ids=None):
        self._is_running[:] = True
        return super().step(actions, ids)


class Lenient(ToyVector):
    """Replaces what is not allowed by resting."""

    def step(self, actions, ids=None):
        rows = self._ids(ids)
        allowed = self._allowed(rows)
        inside = np.clip(actions, 0, 3)
        legal = np.take_along_axis(allowed, inside[:, :, None], axis=2)[:, :, 0] if inside.shape[1] == AGENTS else True
        return super().step(np.where((actions == inside) & ~legal, allowed.argmax(axis=2), actions), ids)


class Crashes(ToyVector):
    def step(self, actions, ids=None):
        np.zeros(4)[actions]
        return super().step(actions, ids)


class Changed(ToyVector):
    """A batch whose steps are altered by ``change``."""

    def __init__(self, change):
        super().__init__(2)
        self._change = change

    def step(self, actions, ids=None):
        step = super().step(actions, ids)
        return step._replace(**self._change(step))


def with_metrics(change):
    return lambda step: {"episode_info": {row: change(dict(info)) for row, info in step.episode_info.items()}}


STEP_FAULTS = {
    "kept memory": (KeptMemory(2), "fresh_memory"),
    "seed ignored": (IgnoresItsSeed(2), "determinism"),
    "one generator for all": (SharedGenerator(2), "independence"),
    "steps after the end": (WalksOn(2), "step_after_done"),
    "illegal becomes legal": (Lenient(2), "illegal_action"),
    "other error": (Crashes(2), "illegal_action"),
    "reward per agent": (Changed(lambda s: {"reward": s.reward[:, None]}), "step_layout"),
    "narrow reward": (Changed(lambda s: {"reward": s.reward.astype(np.float32)}), "step_layout"),
    "infinite reward": (Changed(lambda s: {"reward": s.reward / 0.0}), "finite"),
    "always at the limit": (Changed(lambda s: {"time_limit": ~s.time_limit}), "time_limit"),
    "limit for every end": (Changed(lambda s: {"time_limit": s.done}), "time_limit"),
    "change unseen": (Changed(lambda s: {"subtasks_changed": s.subtasks_changed & False}), "subtasks_changed"),
    "done kept back": (Changed(lambda s: {"subtask_done": s.subtask_done & False}), "subtasks_changed"),
    "metrics missing": (Changed(lambda s: {"episode_info": {}}), "episode_info"),
    "no return": (Changed(with_metrics(lambda m: {"solved": m["solved"]})), "episode_info"),
    "wrong return": (Changed(with_metrics(lambda m: {**m, "return": m["return"] + 1})), "episode_info"),
    "metric in words": (Changed(with_metrics(lambda m: {**m, "solved": "yes"})), "episode_info"),
    "names change": (Changed(with_metrics(lambda m: {**m, f"after {m['length']}": 1.0})), "episode_info"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("env", "rule"), STEP_FAULTS.values(), ids=STEP_FAULTS)
def test_faulty_batches_are_caught(env, rule):
    with pytest.raises(ContractViolation) as caught:
        check_env(env, episodes=5)
    assert caught.value.rule == rule, caught.value


class Door(ToyEnv):
    """The toy environment with its timestep altered."""

    def step(self, action):
        return self.alter(super().step(action))


class VectorReward(Door):
    def alter(self, timestep):
        return timestep._replace(reward=np.zeros(AGENTS, np.float32))


class NumpyDone(Door):
    def alter(self, timestep):
        return timestep._replace(done=np.bool_(timestep.done))


class LacksSubtaskReward(Door):
    def alter(self, timestep):
        del timestep.info["subtask_reward"]
        return timestep


class ObjectInInfo(Door):
    def alter(self, timestep):
        timestep.info["armies"] = {1, 2}
        return timestep


class OtherSpace(Door):
    def alter(self, timestep):
        timestep.obs["entities"] = timestep.obs["entities"].astype(np.float64)
        return timestep


class ChoosesBlindly(ToyEnv):
    def random_action(self):
        return np.full(AGENTS, 2)


@pytest.mark.parametrize(
    ("env_class", "rule"),
    [
        (VectorReward, "reward"),
        (NumpyDone, "timestep"),
        (LacksSubtaskReward, "info"),
        (ObjectInInfo, "convertible"),
        (OtherSpace, "spaces"),
        (ChoosesBlindly, "random_action"),
    ],
)
def test_faulty_ding_interfaces_are_caught(env_class, rule):
    with pytest.raises(ContractViolation) as caught:
        check_env(env_class())
    assert caught.value.rule == rule, caught.value


def test_the_message_says_what_and_where():
    with pytest.raises(AssertionError, match=r"rule 'agent_subtask': .* must be -1 \(first broken at index \[0, 0\]\)"):
        check_env(Altered(setting("entity_subtask", ONE, 0)))
