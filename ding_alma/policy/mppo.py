"""Masked PPO with a trajectory per member or for several, as a DI-engine policy."""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import torch
from ding.policy.command_mode_policy_instance import DummyCommandModePolicy
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.actor_critic.entity_look import LOOKS
from ding_alma.model.actor_critic.map_actor_critic import PRECISIONS
from ding_alma.model.processes import average
from ding_alma.policy.config_check import check_heads
from ding_alma.policy.heap import keep_heap
from ding_alma.policy.member_credit import OWN_REWARDS, check_credit
from ding_alma.policy.member_policy import MemberPolicy
from ding_alma.policy.member_view import VIEWS, check_typed
from ding_alma.policy.on_policy import ON_POLICY_UNREAD, check_fresh, update_once
from ding_alma.replay.member_recorder import MemberEpisode
from ding_alma.replay.member_rollout import MemberRollout, member_rollout
from ding_alma.rl.optimisation import require_finite
from ding_alma.rl.ppo import NORMALISATIONS, PpoConfig
from ding_alma.rl.ppo_descent import METRICS, PpoDescent, PpoDescentConfig
from ding_alma.rl.ppo_update import PpoRows
from ding_alma.rl.sample_reduction import REDUCTIONS, largest, reduction_score
from ding_alma.rl.schedules import linear
from ding_alma.rl.separation import SEPARATIONS
from ding_alma.rl.trajectories import explained_variance
from ding_alma.rl.trajectory_examples import (
    SHARED_CHOICES,
    ExampleConfig,
    TrajectoryExamples,
    trajectory_examples,
)
from dizoo_ext.strict_config import check_choice

TRAJECTORIES = ("agent", "given")


@POLICY_REGISTRY.register("mppo")
class MppoPolicy(MemberPolicy):
    """Trajectory-separated masked PPO (MagMA, for Lux AI Season 2; docs/reference/mppo.md).

    On-policy: it learns once from every collection, in several epochs of minibatches inside one update. Under
    ``ding -m serial`` the buffer must be 'episode_ring', which it tells to hand out everything at once.
    """

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="mppo",
        # (bool) Train on the GPU.
        cuda=False,
        # (bool) Data are learnt from once.
        on_policy=True,
        # (bool) Prioritised replay; there is nothing to choose from.
        priority=False,
        # (str) What the policy looks at: 'entities' (the entity contract) or 'map' (planes, members at tiles).
        view="entities",
        # (dict) Sizes of the entity view; every config of such an environment states them.
        entity=dict(
            # (int) Entities, agents first.
            entities=0,
            # (int) Features per entity.
            features=0,
            # (int) Subtasks, padded maximum.
            subtasks=0,
            # (list) Features that say where an entity is, compared where `network.look` is 'pairwise'.
            coordinates=[],
        ),
        # (dict) Actor and critic under view='entities'.
        network=dict(
            # (int) Width of the entity encoding and attention, usually 32 to 256; wider ones express and cost more.
            attention_dim=128,
            # (int) Attention heads, usually 1 to 8; with more heads each is narrower.
            attention_heads=4,
            # (int) Width of the last hidden layers, usually 32 to 256; wider ones express and cost more.
            hidden_dim=64,
            # (str) How actor and critic look at entities: by 'attention', or 'pairwise', which compares the agent with
            # each entity that is seen.
            look="attention",
        ),
        # (dict) Actor and critic under view='map' (docs/reference/mppo.md#network-over-maps).
        map=dict(
            # (int) Channels of the maps.
            planes=18,
            # (int) Kinds of members (Lux: factories, units).
            member_types=2,
            # (str) 'flat', one choice among all actions, or 'lux_stages', the type of action first.
            actor="flat",
            # (int) Channels of the embeddings, usually 16 to 64; more express more, at a quadratic cost.
            width=32,
            # (int) Channels that a board is squeezed into, usually 4 to 16; more lose less information.
            squeezed=8,
            # (int) Residual blocks in each half of an embedding, usually 1 to 4; with more of them a tile sees further.
            blocks=2,
            # (float) Factor on all initial weights of convolutions and linear maps, usually 0.01 to 1; with a small one
            # Adam turns convolutions faster, and actions begin with nearly even chances (docs/reference/mppo.md).
            weight_scale=0.01,
            # (str) 'float32', or 'bfloat16' for the features of the tiles: half the time and memory where the processor
            # multiplies such numbers (AMX, GPUs), with three significant digits. Weights, heads and losses stay as they
            # are.
            precision="float32",
            # (bool) Batch normalisation acts by its running statistics in collection (thesis: False, by those of the
            # environments' present step).
            rollout_bn_eval=True,
            # (bool) On a CPU, keep freed memory for the next minibatch rather than give it back to the system: large
            # boards learn in three fifths of the time with twice the memory.
            keep_memory=True,
        ),
        # (str) Who shares a trajectory: 'agent', nobody, or 'given', members whom the environment gives the same
        # 'member_trajectory' (view='map' alone).
        trajectories="agent",
        # (str) What is kept per trajectory: 'full' (the method), 'none' (one joint trajectory), or all but one part:
        # 'global_reward', 'global_critic', 'global_advantage' (both), 'global_dones', 'global_log_prob' or
        # 'global_entropy'.
        separation="full",
        # (dict) Which reward a trajectory learns from (docs/reference/mppo.md#own-and-shared-rewards).
        credit=dict(
            # (str) A member's own reward: 'team', the environment's global reward; 'subtask', the reward of the subtask
            # that its action is tied to; 'given', info['member_reward'] (view='map' alone).
            own="team",
            # (str) What trajectories share: 'team', the environment's global reward; 'sum' or 'mean' of their own.
            shared="team",
            # (float) Share of the own reward, in [0, 1]; the rest is the shared one (thesis: 1, .75, .5, 0). Larger
            # ones say more clearly who earned what, and reward less what helps others.
            own_weight=1.0,
        ),
        # (dict) The update (docs/reference/mppo.md#update).
        ppo=dict(
            # (int) Passes over a collection, usually 3 to 15; more make more use of it, until it is too far off-policy
            # (`approx_kl`).
            epochs=10,
            # (int) Steps of one team in a minibatch, all trajectories of each, usually 128 to 4096; larger ones make
            # fewer, steadier updates.
            minibatch_steps=512,
            # (int) Minibatches per team that an epoch stops after; 0 = all (thesis' code as published: 1).
            minibatches_per_epoch=0,
            # (float) Learning rate of Adam, usually 1e-4 to 1e-3; learning with a larger one is faster and less stable.
            learning_rate=2e-4,
            # (int) Environment steps over which the learning rate falls to zero, usually those of the run (thesis: a
            # hundred times as many); 0 = it stays.
            anneal_steps=10_000_000,
            # (float) Adam's epsilon, usually 1e-8 to 1e-5; a larger one slows parameters with small gradients.
            adam_eps=1e-5,
            # (float) Largest global norm of the gradient, usually 0.5 to 10; a larger one lets outliers through.
            grad_norm_clip=0.5,
            # (float) Decay of the advantage's trace (paper: lambda), usually 0.9 to 1; a larger one trusts what
            # followed more and the critic less.
            gae_lambda=0.95,
            # (float) Largest change of probability ratios, and of values, that is rewarded, usually 0.1 to 0.3; a
            # larger one lets the policy change more with every collection.
            clip=0.2,
            # (bool) Clip the value loss too.
            clip_value=True,
            # (float) Weight of the entropy, usually 0 to 0.02; a larger one keeps actions random for longer.
            entropy_weight=1e-3,
            # (float) Weight of the value loss, usually 0.25 to 1; a larger one gives the critic more of the clipped
            # gradient.
            value_weight=0.5,
            # (str) Advantages are normalised over 'active' trajectories, over all slots 'padded' with zeros (thesis'
            # code) or not at all: 'none'.
            normalisation="active",
            # (bool) Leave trajectories out whose action was forced, as the thesis' code did.
            drop_forced=False,
            # (float) Stop the epochs once an epoch's mean approx_kl exceeds this, usually 0.01 to 0.05; 0 = never.
            target_kl=0.0,
            # (bool) Episodes that a time limit cut go on in the value of what was seen last (thesis: False).
            bootstrap_time_limit=True,
            # (bool) Evaluation samples actions, as the thesis does, rather than take the likeliest.
            sample_in_evaluation=True,
        ),
        # (dict) Learning from the most telling trajectories of a step alone (docs/reference/mppo.md#sample-reduction).
        reduction=dict(
            # (int) Trajectories kept per step, usually 0, for all, or half of the members; fewer make an update
            # cheaper.
            keep=0,
            # (str) By 'advantage', 'abs_advantage', 'return' or 'random'.
            by="advantage",
            # (int) Members of this type alone are thinned out (view='map'); -1 = all.
            member_type=-1,
        ),
        learn=dict(
            # (int) One update per collection, whatever a config shared with off-policy policies says.
            update_per_collect=1,
            # (int) Read by DI-engine alone: an update takes all that was collected.
            batch_size=1,
            # (float) Discount per step, usually 0.95 to 0.999; a larger one looks further ahead, at noisier returns.
            discount_factor=0.99,
            # (int) Collections between readings of monitored values, usually 1 to 10; a reading waits for the device.
            monitor_interval=1,
            # (bool) On a GPU: record the update of a minibatch as a CUDA graph and replay it (docs/scale.md).
            capture=False,
        ),
        collect=dict(
            # (int) Kept at 1: an episode is one sample.
            unroll_len=1,
            # (int) Episodes per collection, usually 8 to 64; more make fewer, steadier updates.
            n_episode=16,
        ),
        eval=dict(),
        other=dict(
            replay_buffer=dict(
                # (int) Episodes that may wait to be learnt from.
                replay_buffer_size=5000,
                # (bool) Hand out everything at once and keep nothing.
                consume=True,
            ),
        ),
    )

    ranges = {
        "network.attention_dim": (1, None),
        "network.attention_heads": (1, None),
        "network.hidden_dim": (1, None),
        "map.planes": (1, None),
        "map.member_types": (1, None),
        "map.width": (1, None),
        "map.squeezed": (1, None),
        "map.blocks": (1, None),
        "map.weight_scale": (0.0, None),
        "credit.own_weight": (0.0, 1.0),
        "ppo.epochs": (1, None),
        "ppo.minibatch_steps": (1, None),
        "ppo.minibatches_per_epoch": (0, None),
        "ppo.learning_rate": (0.0, None),
        "ppo.anneal_steps": (0, None),
        "ppo.adam_eps": (0.0, None),
        "ppo.grad_norm_clip": (0.0, None),
        "ppo.gae_lambda": (0.0, 1.0),
        "ppo.clip": (0.0, None),
        "ppo.entropy_weight": (0.0, None),
        "ppo.value_weight": (0.0, None),
        "ppo.target_kl": (0.0, None),
        "reduction.keep": (0, None),
        "learn.discount_factor": (0.0, 1.0),
        "learn.monitor_interval": (1, None),
    }

    unread = (*MemberPolicy.unread, *ON_POLICY_UNREAD, "learn.update_per_collect", "other.eps")
    has_fixed_form = True

    def check_values(self, cfg: EasyDict) -> None:
        check_choice(cfg.view, VIEWS, "policy.view")
        check_choice(cfg.trajectories, TRAJECTORIES, "policy.trajectories")
        if cfg.trajectories != "agent" and cfg.view != "map":
            raise ValueError(f"policy.trajectories = {cfg.trajectories!r} needs policy.view = 'map'")
        check_choice(cfg.map.precision, PRECISIONS, "policy.map.precision")
        check_choice(cfg.separation, SEPARATIONS, "policy.separation")
        check_choice(cfg.credit.own, OWN_REWARDS, "policy.credit.own")
        check_choice(cfg.credit.shared, SHARED_CHOICES, "policy.credit.shared")
        check_credit(cfg.credit, cfg.view)
        check_choice(cfg.network.look, LOOKS, "policy.network.look")
        heads = cfg.network.attention_heads
        check_heads(cfg.network.attention_dim, heads, "policy.network.attention_dim", "policy.network.attention_heads")
        check_choice(cfg.ppo.normalisation, NORMALISATIONS, "policy.ppo.normalisation")
        check_choice(cfg.reduction.by, REDUCTIONS, "policy.reduction.by")
        if cfg.reduction.member_type >= 0:
            check_typed(cfg, SEPARATIONS[cfg.separation].joint)

    def _read_config(self, cfg: EasyDict) -> None:
        super()._read_config(cfg)
        self._separation = SEPARATIONS[cfg.separation]
        update_once(cfg)

    def default_model(self) -> tuple[str, list[str]]:
        """Name in DI-engine's model registry and the package that registers it."""
        return f"mppo_{self._cfg.view}", ["ding_alma"]

    def _create_model(self, cfg: EasyDict, model: torch.nn.Module | None = None) -> torch.nn.Module:
        if model is not None:
            return super()._create_model(cfg, model)
        return self._view.create_model(cfg, local_critic=not self._separation.critic)

    def _init_learn(self) -> None:
        self._priority = self._cfg.priority
        self._on_policy = self._cfg.on_policy
        ppo, credit = self._cfg.ppo, self._cfg.credit
        self._example_config = ExampleConfig(
            discount=self._cfg.learn.discount_factor,
            trace=ppo.gae_lambda,
            own_weight=credit.own_weight,
            shared=credit.shared,
            separation=self._separation,
        )
        self._descent = PpoDescent(
            self._model,
            PpoDescentConfig(**{field.name: ppo[field.name] for field in fields(PpoDescentConfig)}),
            self._separation,
            PpoConfig(ppo.clip, ppo.clip_value, ppo.entropy_weight, ppo.value_weight),
            partial(self._average_gradients, self._model) if self._cfg.multi_gpu else None,
            self._device,
            # A run that goes on on a machine without a GPU has none to capture.
            captures=bool(self._cfg.learn.capture and self._cuda),
        )
        self._learn_generator = self._new_generator()
        self._env_step = 0
        self._minibatch_listener: Callable[[int, int], None] | None = None
        if self._cfg.view == "map" and self._cfg.map.keep_memory and not self._cfg.cuda:
            keep_heap()
        self._last_metrics = dict.fromkeys(self._monitor_vars_learn(), math.nan)

    def _forward_learn(self, data: list[MemberEpisode]) -> list[dict[str, float]]:
        """Learn once from every episode. Returns the monitored values of each minibatch.

        Raises:
            ValueError: an episode was played by older networks.
        """
        check_fresh("mppo", data, self._version)
        self._version += 1
        ppo = self._cfg.ppo
        if ppo.anneal_steps:
            self._descent.optimiser.set_rate(linear(ppo.learning_rate, 0.0, ppo.anneal_steps, self._env_step))
        on_host = member_rollout(data, [self._view.active(episode["observed"]) for episode in data])
        rollout = on_host.to(self._device)
        examples = self._examples(rollout)
        telling = on_host.telling_rows(self._separation, ppo.drop_forced)
        metrics = self._train(rollout, examples, telling)
        explained = explained_variance(examples.value, examples.returns, examples.active)
        return self._monitored(metrics, torch.stack([explained, examples.active.sum(-1).float().mean()]))

    def _monitored(self, metrics: list[Tensor], of_collection: Tensor) -> list[dict[str, float]]:
        """Values of every minibatch; between two readings those of the last one that was read, as often."""
        if metrics and (self._version - 1) % self._cfg.learn.monitor_interval == 0:
            # One tensor, because each would wait for the device.
            read = torch.cat([average(torch.stack(metrics)).flatten(), of_collection]).tolist()
            ends = range(len(METRICS), len(read), len(METRICS))
            each = [[*read[end - len(METRICS) : end], *read[-len(of_collection) :]] for end in ends]
            for values in each:
                require_finite(values[0], values[len(METRICS) - 1])
            names = self._monitor_vars_learn()
            self._last_metrics = dict(zip(names, each[-1], strict=True))
            return [dict(zip(names, values, strict=True)) for values in each]
        return [dict(self._last_metrics) for _ in range(max(1, len(metrics)))]

    def _examples(self, rollout: MemberRollout) -> TrajectoryExamples:
        """What every row of the rollout has to say, (R, G)."""
        steps, ppo, reduction = rollout.steps, self._cfg.ppo, self._cfg.reduction
        if ppo.bootstrap_time_limit:
            self._set_training(not self._cfg.map.rollout_bn_eval)
            final = {key: value.unsqueeze(1) for key, value in rollout.final.items()}
            steps = rollout.with_final_values(self._judge(final, self._view.active(final)).value)
        examples = trajectory_examples(steps, self._example_config)
        examples = TrajectoryExamples(**{f.name: rollout.rows(getattr(examples, f.name)) for f in fields(examples)})
        active = examples.active & (examples.log_prob != 0) if ppo.drop_forced else examples.active
        if reduction.keep:
            of_type = rollout.observed["member_type"] == reduction.member_type if reduction.member_type >= 0 else active
            score = reduction_score(reduction.by, examples.advantage, examples.returns, self._learn_generator)
            active = largest(score, active & of_type, reduction.keep) | (active & ~of_type)
        return replace(examples, active=active)

    def _train(self, rollout: MemberRollout, examples: TrajectoryExamples, teams: list[Tensor]) -> list[Tensor]:
        """All epochs; returns (8,) values of `METRICS` of every minibatch."""
        trajectory = rollout.steps.trajectory
        rows = PpoRows(
            rollout.observed,
            rollout.rows(rollout.steps.active[:-1]),
            rollout.action,
            None if trajectory is None else rollout.rows(trajectory[:-1]),
            examples,
        )
        return self._descent.learn(rows, teams, self._learn_generator, self._tell)

    def _tell(self, done: int, planned: int) -> None:
        if self._minibatch_listener is not None:
            self._minibatch_listener(done, planned)

    def _monitor_vars_learn(self) -> list[str]:
        return [*METRICS, "explained_variance", "active_trajectories"]

    def _state_dict_learn(self) -> dict[str, Any]:
        return {
            "model": self._model.state_dict(),
            "optimiser": self._descent.state_dict(),
            "version": self._version,
            "env_step": self._env_step,
            "metrics": dict(self._last_metrics),
            "random": self._random_states(),
        }

    def _load_state_dict_learn(self, state_dict: dict[str, Any]) -> None:
        self._model.load_state_dict(state_dict["model"])
        self._descent.load_state_dict(state_dict["optimiser"])
        self._version = state_dict["version"]
        self._env_step = state_dict["env_step"]
        self._last_metrics = dict(state_dict["metrics"])
        self._load_random_states(state_dict["random"])


@POLICY_REGISTRY.register("mppo_command")
class MppoCommandPolicy(MppoPolicy, DummyCommandModePolicy):
    """`MppoPolicy` as DI-engine's pipelines drive it; it explores by sampling and asks for no probabilities."""

    def _get_setting_collect(self, command_info: dict[str, Any]) -> dict[str, float]:
        self._env_step = command_info["envstep"]
        return {}
