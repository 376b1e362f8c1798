"""Wiring of the agents, the mixer and their update, shared by ALMA and its rivals."""

import copy
import math
from functools import partial
from typing import Any

import numpy as np
import torch
from ding.policy.command_mode_policy_instance import EpsCommandModePolicy
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.processes import average
from ding_alma.model.value.value_network import ValueShape
from ding_alma.policy.config_check import check_heads, check_schedule
from ding_alma.policy.episode_policy import EpisodePolicy
from ding_alma.replay.episode import Episode, table_of
from ding_alma.replay.store import TrainData
from ding_alma.replay.training_sequences import draw_sequences
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.captured_update import CapturedUpdate
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss
from ding_alma.rl.optimisation import Descent, require_finite
from ding_alma.rl.schedules import linear
from dizoo_ext.strict_config import check_choice, check_range

VALUE_METRICS = ("q_loss", "td_error_abs", "q_taken_mean", "target_mean", "q_grad_norm")
"""Names of the values a learner iteration reports, as the reference logs them."""
LAST_LEARNING_RATE = 0.1
"""Share of the learning rates that is left after ``learn.anneal_steps``."""


class ValuePolicy(EpisodePolicy):
    """Trains the networks of `ValueNetwork`, kept as ``value_network`` in the model, on batches of episodes.

    Subclasses define `default_model`, `_create_model`, `_loss_config` and what `EpisodePolicy` leaves open; they may
    add parts to `_init_learn`, `_update` and `_monitor_vars_learn`.
    """

    config = dict(
        # (bool) Train on the GPU.
        cuda=False,
        # (bool) Data are re-used from a replay buffer.
        on_policy=False,
        # (bool) Prioritised replay; episodes carry no priority.
        priority=False,
        # (dict) Sizes of the entity view; every config states them.
        entity=dict(
            # (int) Entities, agents first.
            entities=0,
            # (int) Features per entity.
            features=0,
            # (int) Subtasks, padded maximum.
            subtasks=0,
            # (list) Features that say where an entity is, compared by agents of the kind 'pairwise'.
            coordinates=[],
        ),
        # (dict) Agents and mixer (docs/reference/alma.md#low-level).
        network=dict(
            # (int) Width of the agents' entity encoding and attention, usually 32 to 256; wider ones express more and
            # cost more.
            attention_dim=128,
            # (int) Attention heads, in agents, hypernetworks and proposal network, usually 1 to 8; with more heads each
            # is narrower.
            attention_heads=4,
            # (int) Width of the agents' last hidden layer, usually 32 to 256; wider ones express more and cost more.
            hidden_dim=64,
            # (int) Width of the hypernetworks' entity encoding and attention, usually 32 to 256; wider ones express
            # more and cost more.
            hypernet_dim=128,
            # (int) Width of the mixing layer, usually 16 to 64; wider ones express more and cost more.
            mixing_dim=32,
            # (bool) Mixing weights by softmax (else by absolute value).
            softmax_mixing=True,
            # (bool) Mixer biases made non-negative, as in the reference (original REFIL: signed).
            mixer_bias_abs=True,
            # (bool) Pop-Art normalisation of the targets.
            popart=True,
        ),
        learn=dict(
            # (int) Updates after each collection, usually so many that a step is learnt from 5 to 30 times; more need
            # fewer steps and more time.
            update_per_collect=8,
            # (int) Rows in a batch, usually 8 to 64; more make steadier updates, at a proportional cost.
            batch_size=32,
            # (float) Learning rate of agents and mixer, usually 1e-4 to 1e-3; learning with a larger one is faster and
            # less stable.
            learning_rate=5e-4,
            # (int) Environment steps over which all learning rates fall to a tenth, where they stay; 0 = they do not
            # (papers). As many as the run has, or fewer: the team then changes less from update to update.
            anneal_steps=0,
            # (float) RMSprop's smoothing, all optimisers, usually 0.9 to 0.999; a larger one averages over more
            # updates.
            rmsprop_alpha=0.99,
            # (float) RMSprop's epsilon, all optimisers, usually 1e-8 to 1e-3; a larger one slows parameters with small
            # gradients.
            rmsprop_eps=1e-5,
            # (float) Largest global norm of a gradient, per optimiser, usually 1 to 20; a larger one lets outliers
            # through.
            grad_norm_clip=10.0,
            # (float) Discount per step, and per decision in an allocation critic, usually 0.9 to 0.99; a larger one
            # looks further ahead, which takes longer to learn.
            discount_factor=0.99,
            # (bool) Double Q-learning in the agents' target.
            double_q=True,
            # (float) Share of the rewards that truly followed in the agents' targets, 0 to 1 (papers: 0, one step).
            # Values of 0.5 to 0.9 carry news back faster and trust old, exploring play more.
            td_lambda=0.0,
            # (bool) A true end of the episode ends every subtask; in the papers' code unfinished ones bootstrap
            # (docs/reference/quirks.md#q8).
            episode_end_is_terminal=False,
            # (int) Updates between copies to the target agents and mixer (reference: 200 episodes), usually 50 to 500;
            # more make learning steadier and slower.
            target_update=200,
            # (int) Updates between readings of the monitored values, usually 1 to 100; each reading waits for the
            # device.
            monitor_interval=10,
            # (bool) On a GPU: record an update once as a CUDA graph and replay it, which saves the launches of its
            # hundreds of kernels. Every row of a batch is then filled up to other.replay_buffer.sequence_length, so do
            # not set that far above the episode limit (docs/scale.md).
            capture=False,
        ),
        collect=dict(
            # (int) Kept at 1: an episode is one sample.
            unroll_len=1,
            # (int) Episodes per collection, usually one or two for each environment; with more, the networks that act
            # are older.
            n_episode=8,
        ),
        eval=dict(),
        other=dict(
            # (dict) Probability of a random action, falling from start to end over `decay` environment steps, usually 5
            # to 30 % of the run; agents with a longer schedule try more and learn later.
            eps=dict(type="linear", start=1.0, end=0.05, decay=2_000_000),
            replay_buffer=dict(
                # (int) Episodes kept, usually 1000 to 10000; more learn from older play, too, and take more memory.
                replay_buffer_size=5000,
                # (int) Steps of a training sequence, usually 16 to 64; longer ones truncate less. More than the episode
                # limit gives whole episodes.
                sequence_length=64,
            ),
        ),
    )

    ranges = {
        "network.attention_dim": (1, None),
        "network.attention_heads": (1, None),
        "network.hidden_dim": (1, None),
        "network.hypernet_dim": (1, None),
        "network.mixing_dim": (1, None),
        "learn.learning_rate": (0.0, None),
        "learn.anneal_steps": (0, None),
        "learn.rmsprop_alpha": (0.0, 1.0),
        "learn.rmsprop_eps": (0.0, None),
        "learn.grad_norm_clip": (0.0, None),
        "learn.discount_factor": (0.0, 1.0),
        "learn.td_lambda": (0.0, 1.0),
        "learn.target_update": (1, None),
        "learn.monitor_interval": (1, None),
        "other.replay_buffer.replay_buffer_size": (1, None),
        "other.replay_buffer.sequence_length": (2, None),
        "other.replay_buffer.recent_steps": (0, None),
    }

    exploration_names: tuple[str, ...] = ("epsilon",)
    """Names under which the probabilities of exploration are monitored, actions' first."""

    def check_values(self, cfg: EasyDict) -> None:
        super().check_values(cfg)
        network, eps = cfg.network, cfg.other.eps
        for width in self.attending_widths(network):
            check_heads(
                network[width], network.attention_heads, f"policy.network.{width}", "policy.network.attention_heads"
            )
        check_choice(eps.type, ("linear", "exp"), "policy.other.eps.type")
        check_schedule(eps, "policy.other.eps", "decay")
        episodes = cfg.other.replay_buffer.replay_buffer_size
        if episodes < cfg.learn.batch_size:
            raise ValueError(
                f"policy.other.replay_buffer.replay_buffer_size = {episodes} never fills a batch of "
                f"policy.learn.batch_size = {cfg.learn.batch_size}"
            )

    def attending_widths(self, network: EasyDict) -> tuple[str, ...]:
        """Keys of ``policy.network`` with the widths of what attends: heads must divide them."""
        return "attention_dim", "hypernet_dim"

    def exploration_schedules(self, env_step: int) -> dict[str, float]:
        """Probabilities of exploration beside that of a random action, by the names that acting knows."""
        return {}

    def _loss_config(self) -> MixedQConfig:
        """Constants of the agents' loss."""
        raise NotImplementedError

    def _value_shape(self, last_action: bool = True) -> ValueShape:
        sizes, network = self._sizes, self._cfg.network
        return ValueShape(
            features=sizes.features,
            actions=sizes.actions,
            subtasks=sizes.subtasks,
            attention_dim=network.attention_dim,
            attention_heads=network.attention_heads,
            hidden_dim=network.hidden_dim,
            hypernet_dim=network.hypernet_dim,
            mixing_dim=network.mixing_dim,
            extra_subtasks=self._cfg.entity.get("extra_subtasks", 0),
            coordinates=sizes.coordinates,
            last_action=last_action,
        )

    def _init_learn(self) -> None:
        self._priority = self._cfg.priority
        self._target = copy.deepcopy(self._model).requires_grad_(False)
        self._value_config = self._loss_config()
        # A run that goes on on a machine without a GPU has none to capture.
        self._captures = bool(self._cfg.learn.capture and self._cuda)
        self._captured = {"value_network": CapturedUpdate(self._value_descent, self._device)} if self._captures else {}
        check_range(self._value_config.imagined_weight, "policy.learn.imagined_weight", 0.0, 1.0)
        self._optimisers: dict[str, Descent] = {}
        self._add_optimiser("value_network", self._model.value_network, self._cfg.learn.learning_rate)
        self._learn_generator = self._new_generator()
        self._sequence_random = np.random.default_rng(int(torch.randint(2**31, ())))
        self._updates = {"value_network": 0}
        self._env_step = 0
        self._exploration = dict.fromkeys(self.exploration_names, math.nan)
        self._last_metrics = dict.fromkeys(self._monitor_vars_learn(), math.nan)

    def _add_optimiser(self, name: str, network: torch.nn.Module, learning_rate: float) -> None:
        learn = self._cfg.learn
        optimiser = partial(
            torch.optim.RMSprop,
            lr=learning_rate,
            alpha=learn.rmsprop_alpha,
            eps=learn.rmsprop_eps,
            capturable=self._captures,
            # torch's loop over single parameters reads a learning rate that is a tensor.
            foreach=True if self._captures else None,
        )
        synchronise = partial(self._average_gradients, network)
        self._optimisers[name] = Descent(network, optimiser, learn.grad_norm_clip, synchronise)

    def _forward_learn(self, data: TrainData | list[Episode]) -> dict[str, float]:
        if isinstance(data, list):
            data = self._train_data(data)
        if self._cfg.learn.anneal_steps:
            factor = linear(1.0, LAST_LEARNING_RATE, self._cfg.learn.anneal_steps, data.env_step)
            for optimiser in self._optimisers.values():
                optimiser.scale_learning_rate(factor)
        metrics = self._update(data)
        if (self._updates["value_network"] - 1) % self._cfg.learn.monitor_interval == 0:
            read = average(torch.stack([value.float().reshape(()) for value in metrics.values()])).tolist()
            require_finite(*read)
            self._last_metrics |= dict(zip(metrics, read, strict=True))
        return self._last_metrics | self._exploration

    def _train_data(self, episodes: list[Episode]) -> TrainData:
        """What the ring buffer would make of these episodes, for buffers that hand out lists.

        The batch of recent episodes holds the same ones.
        """
        table = table_of(episodes)
        length = self._cfg.other.replay_buffer.sequence_length
        rows = draw_sequences(table.lengths + 1, length, self._sequence_random.random(len(episodes)))
        batch = table.batch(np.arange(len(episodes)), rows)
        return TrainData(batch, batch, self._env_step)

    def _update(self, data: TrainData) -> dict[str, Tensor]:
        """Train once; returns detached scalars by name."""
        return self._value_update(data.batch.to(self._device))

    def _value_update(self, batch: EpisodeBatch) -> dict[str, Tensor]:
        draws = MixedQDraws.draw(self._model.value_network, batch, self._value_config, self._learn_generator)
        if self._captures:
            steps = self._cfg.other.replay_buffer.sequence_length
            metrics = dict(self._captured["value_network"](batch.fixed(steps), draws.fixed(batch, steps)))
        else:
            metrics = self._value_descent(batch, draws)
        self._count_update("value_network", self._cfg.learn.target_update)
        return metrics

    def _value_descent(self, batch: EpisodeBatch, draws: MixedQDraws) -> dict[str, Tensor]:
        """One step of agents and mixer; returns detached scalars to be monitored by name."""
        loss, metrics = self._value_loss(batch, draws)
        metrics["q_grad_norm"] = self._optimisers["value_network"].step(loss)
        return metrics

    def _value_loss(self, batch: EpisodeBatch, draws: MixedQDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """What the optimiser of agents and mixer descends, and detached scalars by name."""
        return mixed_q_loss(self._model.value_network, self._target.value_network, batch, self._value_config, draws)

    def _count_update(self, name: str, interval: int) -> None:
        self._updates[name] += 1
        if self._updates[name] % interval == 0:
            getattr(self._target, name).load_state_dict(getattr(self._model, name).state_dict())

    def _monitor_vars_learn(self) -> list[str]:
        imagined = ("im_loss",) if self._value_config.imagined_weight else ()
        return [*VALUE_METRICS, *imagined, *self.exploration_names]

    def _state_dict_learn(self) -> dict[str, Any]:
        return {
            "model": self._model.state_dict(),
            "target": self._target.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
            "updates": dict(self._updates),
            "env_step": self._env_step,
            "metrics": dict(self._last_metrics),
            "random": self._random_state(),
        }

    def _random_state(self) -> dict[str, Any]:
        return {**self._random_states(), "sequences": self._sequence_random.bit_generator.state}

    def _load_state_dict_learn(self, state_dict: dict[str, Any]) -> None:
        self._model.load_state_dict(state_dict["model"])
        self._target.load_state_dict(state_dict["target"])
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(state_dict["optimisers"][name])
        for captured in self._captured.values():
            captured.forget()
        self._updates = dict(state_dict["updates"])
        self._env_step = state_dict["env_step"]
        self._last_metrics = dict(state_dict["metrics"])
        self._sequence_random.bit_generator.state = state_dict["random"]["sequences"]
        self._load_random_states(state_dict["random"])


class ExplorationCommand(EpsCommandModePolicy):
    """To be mixed into a `ValuePolicy`: its schedules of exploration, as DI-engine's pipelines ask for them."""

    def _get_setting_collect(self, command_info: dict[str, Any]) -> dict[str, float]:
        """Probabilities of exploration, all by the step counter at the start of the collection."""
        step = command_info["envstep"]
        setting = {**super()._get_setting_collect(command_info), **self.exploration_schedules(step)}
        self._env_step = step
        self._exploration = dict(zip(self.exploration_names, map(float, setting.values()), strict=True))
        return {**setting, "env_step": step}
