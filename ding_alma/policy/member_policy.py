"""Acting of masked PPO: what environments show, what their members do, and the record of both."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.actor_critic.interface import ActorCriticOutput
from ding_alma.policy.member_credit import own_rewards
from ding_alma.policy.member_view import VIEWS, usable_masks
from ding_alma.policy.observation import stack_observations
from ding_alma.policy.recording_policy import RecordingPolicy
from ding_alma.replay.member_recorder import MemberRecorder
from ding_alma.replay.member_rollout import INDICES
from ding_alma.rl.transfer import to_device, to_host


class MemberPolicy(RecordingPolicy):
    """Samples the members' actions and records episodes with what the acting networks thought.

    Subclasses define ``config``, `_create_model` (a `MemberActorCritic`) and how to learn; they count their updates in
    ``_version``.
    """

    unread = (*RecordingPolicy.unread, "model.actor_hidden_size_list")

    def _read_config(self, cfg: EasyDict) -> None:
        self._view = VIEWS[cfg.view](cfg)
        self._version = 0

    def observation_keys(self) -> tuple[str, ...]:
        return self._view.keys

    def _observe(self, data: Mapping[int, Any]) -> tuple[np.ndarray, dict[str, Tensor]]:
        """Environment ids (n,) and what was observed, (n, P, ...) per key."""
        ids, observation = stack_observations(data, self.observation_keys())
        return ids, self._view.teams(observation)

    def _set_training(self, training: bool) -> None:
        """Change the mode of all layers, unless it is the present one: there are hundreds of layers to go through."""
        if self._model.training != training:
            self._model.train(training)

    def _judge_there(self, observed: dict[str, Tensor], active: Tensor) -> ActorCriticOutput:
        """As `_judge`, of what the host holds."""
        moved = to_device({**observed, "active": active}, self._device)
        return self._judge({key: moved[key] for key in observed}, moved["active"])

    @torch.no_grad()
    def _judge(self, observed: dict[str, Tensor], active: Tensor) -> ActorCriticOutput:
        """Of observations (n, P, ...) per key; shapes (n P, M)."""
        flat = {key: value.flatten(0, 1) for key, value in observed.items()}
        return self._model(flat, active.flatten(0, 1))

    def _init_collect(self) -> None:
        self._unroll_len = self._cfg.collect.unroll_len
        self._collect_generator = self._new_generator()
        self._recorder = MemberRecorder(self._cfg.collect.get("env_num", 1))

    def _forward_collect(self, data: dict[int, Any], **exploration: float) -> dict[int, Any]:
        ids, observed = self._observe(data)
        active = self._view.active(observed)
        observed = {**observed, "action_mask": usable_masks(observed["action_mask"], active)}
        self._set_training(not self._cfg.map.rollout_bn_eval)
        judged = self._judge_there(observed, active)
        action = judged.actions.sample(self._collect_generator)
        done = {"action": action, "log_prob": judged.actions.log_prob(action), "value": judged.value}
        done = {key: value.view(active.shape) for key, value in to_host(done).items()}
        self._recorder.begin_step(
            ids,
            _stored(observed),
            done["action"].to(torch.int16),
            done["log_prob"],
            done["value"],
            self._version,
        )
        return self._outputs(ids, done["action"])

    def _outputs(self, ids: np.ndarray, action: Tensor) -> dict[int, dict[str, Any]]:
        joint = self._view.joint_action(action).numpy()
        return {int(i): {"action": joint[row], "env_id": int(i)} for row, i in enumerate(ids)}

    def _process_transition(self, obs: Any, policy_output: dict[str, Any], timestep: Any) -> dict[str, Any]:
        env, info = policy_output["env_id"], timestep.info
        reward = float(timestep.reward[0])
        action = torch.as_tensor(policy_output["action"]).view(-1, self._view.members)
        left = torch.zeros(action.shape, dtype=torch.bool)
        if "member_done" in info:
            left = torch.as_tensor(info["member_done"]).view(action.shape) > 0.5
        own = own_rewards(self._cfg.credit.own, reward, obs, action, info)
        self._recorder.end_step(env, reward, own, left)
        if timestep.done:
            _, final = self._observe({env: timestep.obs})
            self._recorder.close(
                env, {key: value[0] for key, value in _stored(final).items()}, bool(info["time_limit"])
            )
        return {"env_id": env}

    def _reset_collect(self, data_id: list[int] | None = None) -> None:
        self._recorder.reset(None if data_id is None else np.asarray(data_id))

    def _init_eval(self) -> None:
        self._eval_generator = self._new_generator()

    def _forward_eval(self, data: dict[int, Any], **kwargs: Any) -> dict[int, Any]:
        ids, observed = self._observe(data)
        active = self._view.active(observed)
        observed = {**observed, "action_mask": usable_masks(observed["action_mask"], active)}
        self._set_training(False)
        actions = self._judge_there(observed, active).actions
        chosen = actions.sample(self._eval_generator) if self._cfg.ppo.sample_in_evaluation else actions.mode()
        return self._outputs(ids, chosen.cpu().view(active.shape))


def _stored(observed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Observations in the types that they are recorded in."""
    return {key: value.to(INDICES.get(key, value.dtype)) for key, value in observed.items()}
