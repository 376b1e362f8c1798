"""DI-engine hooks shared by the policies that record whole episodes while they act."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from easydict import EasyDict
from torch import Tensor

from ding_alma.policy.batch_mode import BatchMode
from ding_alma.policy.carried_state import CarriedState
from ding_alma.policy.observation import observed_tensors, stack_observations
from ding_alma.policy.recording_policy import RecordingPolicy
from ding_alma.policy.sizes import check_observation, read_sizes
from ding_alma.replay.recorder import EpisodeRecorder
from dizoo_ext.vector_env import VectorStep


class EpisodePolicy(RecordingPolicy):
    """Acting, recording and bookkeeping; a subclass says how it chooses and how it learns.

    Subclasses define ``config``, `observation_keys`, `recorded_keys`, `_create_model`, `_initially_held`, `_choose` and
    how to learn.
    """

    unread = (*RecordingPolicy.unread, "model.actor_hidden_size_list")

    def _read_config(self, cfg: EasyDict) -> None:
        self._sizes = read_sizes(cfg)

    def recorded_keys(self) -> dict[str, torch.dtype]:
        """Keys of the observation that learning reads, with the types they are stored in."""
        raise NotImplementedError

    def _choose(
        self,
        ids: np.ndarray,
        observation: dict[str, Tensor],
        carried: CarriedState,
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """Allocation (n, A), decision (n,) and action (n, A) for the environments ``ids``, on the CPU.

        Policies that allocate nobody give -1; a decision is whatever the clock of ``hold`` called for.

        Args:
            generator: source of all draws.
            exploration: probabilities by name; empty in evaluation.
        """
        raise NotImplementedError

    def _initially_held(self) -> dict[str, Tensor]:
        """What an episode carries from step to step, as it is before the first one (see `CarriedState`)."""
        raise NotImplementedError

    def _decision_period(self) -> int | None:
        """Steps between decisions; None where nothing is decided by the clock."""
        return None

    def _new_carried_state(self, environments: int) -> CarriedState:
        return CarriedState(self._initially_held(), self._sizes.subtasks, self._decision_period(), max(environments, 1))

    def _observe(self, data: Mapping[int, Any]) -> tuple[np.ndarray, dict[str, Tensor]]:
        """Environment ids (n,) and what was observed, (n, ...) per key."""
        ids, observation = stack_observations(data, self.observation_keys())
        check_observation(observation, self._sizes)
        return ids, observation

    def _get_batch_mode(self) -> BatchMode:
        """What `BatchEpisodeCollector` calls, which finds it by DI-engine's ``get_attribute("batch_mode")``."""
        return BatchMode(self.observation_keys(), self._forward_batch, self._end_batch)

    def _init_collect(self) -> None:
        environments = self._cfg.collect.get("env_num", 1)
        self._unroll_len = self._cfg.collect.unroll_len
        self._collect_state = self._new_carried_state(environments)
        self._collect_generator = self._new_generator()
        self._recorder = EpisodeRecorder(self.recorded_keys(), environments)

    def _forward_collect(self, data: dict[int, Any], env_step: int = 0, **exploration: float) -> dict[int, Any]:
        ids, observation = self._observe(data)
        return _per_environment(ids, self._act(ids, observation, env_step, exploration))

    def _forward_batch(
        self, ids: np.ndarray, observation: Mapping[str, np.ndarray], env_step: int = 0, **exploration: float
    ) -> np.ndarray:
        seen = observed_tensors(ids, observation, self.observation_keys())
        check_observation(seen, self._sizes)
        return self._act(ids, seen, env_step, exploration)["action"].numpy()

    def _act(
        self, ids: np.ndarray, observation: dict[str, Tensor], env_step: int, exploration: Mapping[str, float]
    ) -> dict[str, Tensor]:
        choice = self._choose(ids, observation, self._collect_state, self._collect_generator, exploration)
        self._recorder.begin_step(ids, observation, choice, env_step)
        return choice

    def _process_transition(self, obs: Any, policy_output: dict[str, Any], timestep: Any) -> dict[str, Any]:
        env, info = policy_output["env_id"], timestep.info
        self._recorder.end_step(
            env,
            float(timestep.reward[0]),
            info["subtask_reward"],
            info["subtask_done"],
            bool(timestep.done) and not bool(info["time_limit"]),
        )
        if timestep.done:
            self._recorder.close(env, timestep.obs)
        return {"env_id": env}

    def _end_batch(self, ids: np.ndarray, step: VectorStep) -> None:
        terminated = step.done & ~step.time_limit
        self._recorder.end_step(ids, step.reward, step.subtask_reward, step.subtask_done, terminated)
        ended = np.flatnonzero(step.done)
        if ended.size:
            final = {key: step.observation[key][ended] for key in self.recorded_keys()}
            self._recorder.close(ids[ended], final)

    def _reset_collect(self, data_id: list[int] | None = None) -> None:
        ids = None if data_id is None else np.asarray(data_id)
        self._collect_state.reset(ids)
        self._recorder.reset(ids)

    def _init_eval(self) -> None:
        self._eval_state = self._new_carried_state(self._cfg.eval.get("env_num", 1))
        self._eval_generator = self._new_generator()

    def _forward_eval(self, data: dict[int, Any], **kwargs: Any) -> dict[int, Any]:
        ids, observation = self._observe(data)
        return _per_environment(ids, self._choose(ids, observation, self._eval_state, self._eval_generator, {}))

    def _reset_eval(self, data_id: list[int] | None = None) -> None:
        self._eval_state.reset(None if data_id is None else np.asarray(data_id))


def _per_environment(ids: np.ndarray, choice: dict[str, Tensor]) -> dict[int, dict[str, Any]]:
    action, allocation = choice["action"].numpy(), choice["allocation"].numpy()
    return {
        int(i): {"action": action[row], "allocation": allocation[row], "env_id": int(i)} for row, i in enumerate(ids)
    }
