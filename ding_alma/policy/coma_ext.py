"""COMA with the defects of DI-engine's version repaired, on DI-engine's networks, as a DI-engine policy."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from ding.model.template.coma import COMACriticNetwork
from ding.policy import COMAPolicy
from ding.policy.command_mode_policy_instance import EpsCommandModePolicy
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.actor_critic.categorical import MixedCategorical
from ding_alma.policy.observation import stack_observations
from ding_alma.policy.on_policy import ON_POLICY_UNREAD, check_fresh, iterate_once
from ding_alma.policy.recording_policy import RecordingPolicy
from ding_alma.replay.flat_recorder import FLAT_OBSERVED, FlatEpisode, FlatRecorder, coma_batch
from ding_alma.rl.coma import ComaBatch, actor_loss, critic_loss, lambda_returns, taken
from ding_alma.rl.optimisation import Descent
from ding_alma.rl.transfer import to_device
from dizoo_ext.strict_config import check_range

METRICS = ("policy_loss", "entropy", "value_loss", "q_taken_mean", "target_mean", "actor_grad_norm", "critic_grad_norm")
"""Monitored values of an update; the critic's are those of its last step."""


@POLICY_REGISTRY.register("coma_ext")
class ComaExtPolicy(RecordingPolicy, COMAPolicy):
    """COMA (AAAI 2018) that sees an episode's last reward and its end, and learns from what it just did.

    Of `COMAPolicy` it keeps the networks and the losses' form; docs/rivals_of_ding.md lists what differs and why.
    On-policy: under ``ding -m serial`` the buffer must be 'episode_ring', which hands out everything at once.
    """

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="coma_ext",
        # (bool) Train on the GPU.
        cuda=False,
        # (bool) Data are learnt from once.
        on_policy=True,
        # (bool) Prioritised replay; there is nothing to choose from.
        priority=False,
        learn=dict(
            # (int) Always one update per collection. In a config shared with off-policy policies: what they make, by
            # which eval_freq and save_ckpt_after_iter are divided.
            update_per_collect=1,
            # (int) Read by DI-engine alone: an update takes all that was collected.
            batch_size=1,
            # (int) Steps of the critic's optimiser per update, usually 1 to 30; the actor makes one. More follow the
            # policy closer and cost more. DI-engine's COMA: 20 of both.
            critic_updates=20,
            # (float) Learning rate of Adam, actor's and critic's, usually 1e-4 to 1e-3; learning with a larger one is
            # faster and less stable.
            learning_rate=5e-4,
            # (float) Largest global norm of a gradient, actor's and critic's, usually 1 to 20; a larger one lets
            # outliers through.
            grad_norm_clip=10.0,
            # (float) Share of the new weights in the target critic's, per update (paper: copied every 150 episodes),
            # usually 0.01 to 1; a larger one follows sooner and less steadily.
            target_update_theta=0.2,
            # (float) Discount per step, usually 0.95 to 0.999; a larger one looks further ahead, at noisier returns.
            discount_factor=0.99,
            # (float) Decay of the returns' trace (paper: lambda), usually 0.5 to 1; a larger one trusts what followed
            # more and the critic less.
            td_lambda=0.8,
            # (float) Weight of the entropy against the policy's loss (paper: 0), usually 0 to 0.02; a larger one keeps
            # actions random for longer.
            entropy_weight=0.01,
        ),
        collect=dict(
            # (int) Kept at 1: an episode is one sample.
            unroll_len=1,
            # (int) Episodes per collection, usually 8 to 64; more make fewer, steadier updates.
            n_episode=16,
        ),
        eval=dict(),
        other=dict(
            # (dict) Share of the uniform distribution in the agents' policies (paper: 0.5 to 0.02 over 750 episodes),
            # usually over 5 to 30 % of the run; agents with a longer schedule try more and learn later.
            eps=dict(type="linear", start=0.5, end=0.02, decay=50_000),
            replay_buffer=dict(
                # (int) Episodes that may wait to be learnt from.
                replay_buffer_size=5000,
                # (bool) Hand out everything at once and keep nothing.
                consume=True,
            ),
        ),
    )

    unread = (*RecordingPolicy.unread, *ON_POLICY_UNREAD)

    def check_values(self, cfg: EasyDict) -> None:
        learn = cfg.learn
        check_range(learn.critic_updates, "policy.learn.critic_updates", 1)
        for name in ("target_update_theta", "discount_factor", "td_lambda"):
            check_range(learn[name], f"policy.learn.{name}", 0.0, 1.0)
        for key in ("agent_num", "obs_shape", "action_shape", "actor_hidden_size_list"):
            if key not in cfg.model:
                raise ValueError(f"policy.model.{key} is missing; it is one of the keys shared with DI-engine's COMA")

    def _read_config(self, cfg: EasyDict) -> None:
        model = cfg.model
        self._shapes = {
            "agent_state": (model.agent_num, model.obs_shape.agent_state),
            "global_state": (model.obs_shape.global_state,),
            "action_mask": (model.agent_num, model.action_shape),
        }
        self._version = 0
        iterate_once(cfg)

    def observation_keys(self) -> tuple[str, ...]:
        return FLAT_OBSERVED

    def _init_learn(self) -> None:
        self._priority = self._cfg.priority
        self._target_critic = copy.deepcopy(self._model.critic).requires_grad_(False)
        learn = self._cfg.learn
        optimiser = partial(torch.optim.Adam, lr=learn.learning_rate)
        self._optimisers = {
            name: Descent(network, optimiser, learn.grad_norm_clip, partial(self._average_gradients, network))
            for name, network in self._model.named_children()
        }
        self._learn_generator = self._new_generator()

    def _forward_learn(self, data: list[FlatEpisode]) -> dict[str, float]:
        """Learn once from every episode.

        Raises:
            ValueError: an episode was played by older networks.
        """
        check_fresh("coma_ext", data, self._version)
        self._version += 1
        batch = coma_batch(data).to(self._device)
        self._model.train()
        counts = batch.acting & batch.valid.unsqueeze(-1)
        policy = self._policy(batch)
        action = torch.where(batch.valid.unsqueeze(-1), batch.action, policy.sample(self._learn_generator))
        inputs = critic_inputs(self._model.critic, batch, action)
        returns = self._returns(batch, inputs, action)
        judged, done, target = inputs[counts], action[counts], returns[counts]
        all_count = torch.ones_like(done, dtype=torch.bool)
        for _ in range(self._cfg.learn.critic_updates):
            value_loss = critic_loss(self._model.critic.mlp(judged), done, target, all_count)
            critic_norm = self._optimisers["critic"].step(value_loss)
        q_value = torch.zeros(batch.action_mask.shape, device=self._device)
        with torch.no_grad():
            q_value[counts] = self._model.critic.mlp(judged)
        policy_loss, entropy = actor_loss(policy, q_value, action, counts)
        actor_norm = self._optimisers["actor"].step(policy_loss - self._cfg.learn.entropy_weight * entropy)
        self._follow()
        number = counts.sum().clamp_min(1)
        means = [torch.where(counts, value, 0.0).sum() / number for value in (taken(q_value, action), returns)]
        read = torch.stack([policy_loss, entropy, value_loss, *means, actor_norm, critic_norm]).tolist()
        return dict(zip(METRICS, read, strict=True))

    def _policy(self, batch: ComaBatch) -> MixedCategorical:
        """What the agents' actions were drawn from, (S, B, A) distributions with gradient."""
        agents = batch.action.shape[-1]
        observed = {"agent_state": batch.agent_state, "action_mask": batch.action_mask}
        no_memory = [[None] * agents for _ in range(batch.action.shape[1])]
        logit = self._model.actor({"obs": observed, "prev_state": no_memory})["logit"]
        return MixedCategorical(logit, batch.action_mask, batch.epsilon.unsqueeze(-1))

    @torch.no_grad()
    def _returns(self, batch: ComaBatch, inputs: Tensor, action: Tensor) -> Tensor:
        """The critic's targets, (S, B, A)."""
        q_taken = taken(self._target_critic.mlp(inputs), action)
        learn = self._cfg.learn
        return lambda_returns(
            q_taken,
            batch.acting,
            batch.reward,
            batch.terminated,
            batch.valid,
            learn.discount_factor,
            learn.td_lambda,
        )

    @torch.no_grad()
    def _follow(self) -> None:
        for old, new in zip(self._target_critic.parameters(), self._model.critic.parameters(), strict=True):
            old.lerp_(new, self._cfg.learn.target_update_theta)

    def _init_collect(self) -> None:
        self._unroll_len = self._cfg.collect.unroll_len
        self._collect_memory: dict[int, list[Any]] = {}
        self._collect_generator = self._new_generator()
        self._recorder = FlatRecorder(self._cfg.collect.get("env_num", 1))

    def _forward_collect(self, data: dict[int, Any], eps: float = 0.0, **exploration: float) -> dict[int, Any]:
        ids, observed = self._observe(data)
        logit = self._logit(ids, observed, self._collect_memory)
        action = MixedCategorical(logit, observed["action_mask"], eps).sample(self._collect_generator)
        self._recorder.begin_step(ids, observed, action, eps, self._version)
        return _outputs(ids, action)

    def _process_transition(self, obs: Any, policy_output: dict[str, Any], timestep: Any) -> dict[str, Any]:
        env = policy_output["env_id"]
        terminated = bool(timestep.done) and not bool(timestep.info["time_limit"])
        self._recorder.end_step(env, float(timestep.reward[0]), terminated)
        if timestep.done:
            self._recorder.close(env, self._observe({env: timestep.obs})[1])
        return {"env_id": env}

    def _reset_collect(self, data_id: list[int] | None = None) -> None:
        _forget(self._collect_memory, data_id)
        self._recorder.reset(None if data_id is None else np.asarray(data_id))

    def _init_eval(self) -> None:
        self._eval_memory: dict[int, list[Any]] = {}

    def _forward_eval(self, data: dict[int, Any], **kwargs: Any) -> dict[int, Any]:
        ids, observed = self._observe(data)
        logit = self._logit(ids, observed, self._eval_memory)
        return _outputs(ids, logit.masked_fill(~observed["action_mask"], -torch.inf).argmax(-1))

    def _reset_eval(self, data_id: list[int] | None = None) -> None:
        _forget(self._eval_memory, data_id)

    def _observe(self, data: Mapping[int, Any]) -> tuple[np.ndarray, dict[str, Tensor]]:
        """Environment ids (n,) and what was observed, (n, ...) per key."""
        ids, observed = stack_observations(data, self.observation_keys())
        shown = {key: tuple(value.shape[1:]) for key, value in observed.items()}
        if shown != self._shapes:
            raise ValueError(
                f"the environment's observations have the shapes {shown}, but policy.model makes them {self._shapes}; "
                "the sizes of env and policy must be those of the same scenario"
            )
        if not observed["action_mask"].any(-1).all():
            raise ValueError("the environment forbids every action of an agent; allow it a no-op")
        return ids, observed

    @torch.no_grad()
    def _logit(self, ids: np.ndarray, observed: Mapping[str, Tensor], memory: dict[int, list[Any]]) -> Tensor:
        """(n, A, U) on the CPU; the agents' memories go on."""
        self._model.eval()
        nothing = [None] * self._cfg.model.agent_num
        shown = to_device({key: observed[key] for key in ("agent_state", "action_mask")}, self._device)
        output = self._model.actor({"obs": shown, "prev_state": [memory.get(int(env), nothing) for env in ids]})
        memory.update(zip(ids.tolist(), output["next_state"], strict=True))
        return output["logit"].cpu()

    def _monitor_vars_learn(self) -> list[str]:
        return [*METRICS]

    def _state_dict_learn(self) -> dict[str, Any]:
        return {
            "model": self._model.state_dict(),
            "target_critic": self._target_critic.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
            "version": self._version,
            "random": self._random_states(),
        }

    def _load_state_dict_learn(self, state_dict: dict[str, Any]) -> None:
        self._model.load_state_dict(state_dict["model"])
        self._target_critic.load_state_dict(state_dict["target_critic"])
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(state_dict["optimisers"][name])
        self._version = state_dict["version"]
        self._load_random_states(state_dict["random"])


def critic_inputs(critic: COMACriticNetwork, batch: ComaBatch, action: Tensor) -> Tensor:
    """What ``critic.mlp`` reads, (S, B, A, I): each agent beside the others' actions (S, B, A) as they are.

    `COMACriticNetwork.forward` puts it together anew at every call, which takes longer than the network itself.
    """
    observed = {"agent_state": batch.agent_state, "global_state": batch.global_state}
    return critic._preprocess_data({"obs": observed, "action": action})


def _outputs(ids: np.ndarray, action: Tensor) -> dict[int, dict[str, Any]]:
    joint = action.numpy()
    return {int(env): {"action": joint[row], "env_id": int(env)} for row, env in enumerate(ids)}


def _forget(memory: dict[int, list[Any]], ids: list[int] | None) -> None:
    for env in list(memory) if ids is None else ids:
        memory.pop(int(env), None)


@POLICY_REGISTRY.register("coma_ext_command")
class ComaExtCommandPolicy(ComaExtPolicy, EpsCommandModePolicy):
    """`ComaExtPolicy` with the schedule of the uniform policy's share."""
