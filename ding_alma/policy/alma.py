"""ALMA as a DI-engine policy: wiring of the allocator, the subtask-masked agents and their two updates."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ding.policy.command_mode_policy_instance import EpsCommandModePolicy
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.allocator import Allocator
from ding_alma.model.alma import AlmaModel
from ding_alma.model.decision_state import DecisionState
from ding_alma.model.low_level import LowLevel, LowLevelShape
from ding_alma.policy.allocation_hold import AllocationHold
from ding_alma.policy.episode_policy import EpisodePolicy
from ding_alma.replay.episode import Episode, table_of
from ding_alma.replay.recorder import recorded_keys
from ding_alma.replay.store import TrainData
from ding_alma.replay.windows import draw_rows
from ding_alma.rl.allocation import AllocationDraws, AllocationLossConfig, allocation_losses
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.decision_points import decision_points
from ding_alma.rl.exploration import epsilon_greedy, heuristic_allocation, learned_allocation, random_allocation
from ding_alma.rl.low_level import LowLevelConfig, LowLevelDraws, low_level_loss
from ding_alma.rl.low_level_acting import acting_utilities
from ding_alma.rl.masks import available_actions
from ding_alma.rl.optimisation import descend
from ding_alma.rl.schedules import linear
from dizoo_ext.strict_config import check_choice, check_range

LOW_LEVEL_METRICS = ("q_loss", "td_error_abs", "q_taken_mean", "target_mean", "q_grad_norm")
ALLOCATION_METRICS = (
    "alloc_q_loss",
    "alloc_amort_loss",
    "alloc_entropy",
    "alloc_q_grad_norm",
    "alloc_pi_grad_norm",
    "best_prob",
    "perc_ag_changed",
    "ag_task_concentration",
    "any_task_no_agents_pi",
)
EXPLORATION = ("epsilon", "alloc_eps", "prop_alloc_eps")
"""Names of the values a learner iteration reports, as the reference logs them."""
ALLOCATION_SOURCES = ("learned", "heuristic", "random")
POPART_ALPHA = 0.01


@POLICY_REGISTRY.register("alma")
class AlmaPolicy(EpisodePolicy):
    """ALlocator-Actor Multi-Agent Architecture (NeurIPS 2022).

    A learned allocator assigns agents to subtasks every few steps (amortised Q-learning over proposed allocations);
    the agents see and act upon their own subtask alone and are trained on its reward.
    """

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="alma",
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
            # (bool) Agents may use actions tied to another subtask only if they are allocated to it
            # (reference: mask_subtask_actions; StarCraft true, SaveTheCity false).
            tie_actions=False,
        ),
        # (dict) Agents and mixer (spec 1.2, 1.4).
        network=dict(
            # (int) Width of the agents' entity encoding and attention.
            attention_dim=128,
            # (int) Attention heads, in agents, hypernetworks and proposal network.
            attention_heads=4,
            # (int) Width of the agents' last hidden layer.
            hidden_dim=64,
            # (int) Width of the hypernetworks' entity encoding and attention.
            hypernet_dim=128,
            # (int) Width of the mixing layer.
            mixing_dim=32,
            # (bool) Mixing weights by softmax (else by absolute value).
            softmax_mixing=True,
            # (bool) Mixer biases made non-negative, as in the reference (original REFIL: signed).
            mixer_bias_abs=True,
            # (bool) Pop-Art normalisation of both levels' targets.
            popart=True,
        ),
        # (dict) Allocation controller (spec 2).
        allocation=dict(
            # (str) Who allocates: 'learned', 'heuristic' (the environment's rule) or 'random'.
            source="learned",
            # (int) Steps between decisions (reference: action_length).
            period=5,
            # (int) Width of the proposal network and the allocation critic.
            dim=128,
            # (int) Attention heads of the allocation critic.
            heads=4,
            # (int) Allocations proposed per decision, 2 or more.
            proposals=32,
            # (float) Weight of the proposal network's entropy.
            entropy_weight=0.01,
            # (int) Decision points of one update at most.
            max_points=400,
            # (float) Learning rate of critic and proposal network.
            learning_rate=5e-4,
            # (int) Updates between copies to the target critic (reference: 50 episodes, which happens every 56).
            target_update=56,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=1.0, end=0.0, length=750_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=3_000_000),
        ),
        learn=dict(
            # (int) Updates after each collection.
            update_per_collect=8,
            # (int) Rows in a batch.
            batch_size=32,
            # (float) Learning rate of agents and mixer.
            learning_rate=5e-4,
            # (float) RMSprop's smoothing, all optimisers.
            rmsprop_alpha=0.99,
            # (float) RMSprop's epsilon, all optimisers.
            rmsprop_eps=1e-5,
            # (float) Largest global norm of a gradient, per optimiser.
            grad_norm_clip=10.0,
            # (float) Discount per step, and per decision in the allocation critic.
            discount_factor=0.99,
            # (bool) Double Q-learning in the agents' target.
            double_q=True,
            # (int) Updates between copies to the target agents and mixer (reference: 200 episodes).
            target_update=200,
            # (int) Updates between readings of the monitored values (each reading waits for the device).
            monitor_interval=10,
        ),
        collect=dict(
            # (int) Kept at 1: an episode is one sample.
            unroll_len=1,
            # (int) Episodes per collection.
            n_episode=8,
        ),
        eval=dict(),
        other=dict(
            # (dict) Probability of a random action, falling from start to end over `decay` environment steps.
            eps=dict(type="linear", start=1.0, end=0.05, decay=2_000_000),
            replay_buffer=dict(
                # (int) Episodes kept.
                replay_buffer_size=5000,
                # (int) Steps of a training row.
                window=64,
                # (int) The allocator learns from episodes at most this old (environment steps), the older the less
                # (reference: decay_old).
                recent_steps=150_000,
            ),
        ),
    )

    def __init__(
        self, cfg: EasyDict, model: torch.nn.Module | None = None, enable_field: list[str] | None = None
    ) -> None:
        check_choice(cfg.allocation.source, ALLOCATION_SOURCES, "policy.allocation.source")
        check_range(cfg.allocation.period, "policy.allocation.period", 1)
        check_range(cfg.allocation.proposals, "policy.allocation.proposals", 2)
        check_range(cfg.allocation.max_points, "policy.allocation.max_points", 2)
        super().__init__(cfg, model, enable_field)

    def observation_keys(self) -> tuple[str, ...]:
        keys = tuple(self.recorded_keys())
        return (*keys, "heuristic_allocation") if self._cfg.allocation.source == "heuristic" else keys

    def recorded_keys(self) -> dict[str, torch.dtype]:
        return recorded_keys(self._cfg.entity.tie_actions)

    def default_model(self) -> tuple[str, list[str]]:
        """Name in DI-engine's model registry and the package that registers it."""
        return "alma", ["ding_alma"]

    def _create_model(self, cfg: EasyDict, model: torch.nn.Module | None = None) -> torch.nn.Module:
        if model is not None:
            return super()._create_model(cfg, model)
        sizes, network, allocation = self._sizes, cfg.network, cfg.allocation
        shape = LowLevelShape(
            features=sizes.features,
            actions=sizes.actions,
            subtasks=sizes.subtasks,
            attention_dim=network.attention_dim,
            attention_heads=network.attention_heads,
            hidden_dim=network.hidden_dim,
            hypernet_dim=network.hypernet_dim,
            mixing_dim=network.mixing_dim,
        )
        low_level = LowLevel(
            shape,
            softmax_mixing=network.softmax_mixing,
            mixer_bias_abs=network.mixer_bias_abs,
            popart=network.popart,
        )
        allocator = None
        if allocation.source == "learned":
            allocator = Allocator(
                features=sizes.features,
                subtasks=sizes.subtasks,
                proposals=allocation.proposals,
                proposal_dim=allocation.dim,
                proposal_heads=network.attention_heads,
                critic_dim=allocation.dim,
                critic_heads=allocation.heads,
                popart_alpha=POPART_ALPHA if network.popart else None,
            )
        return AlmaModel(low_level, allocator)

    @torch.no_grad()
    def _choose(
        self,
        ids: np.ndarray,
        observation: dict[str, Tensor],
        hold: AllocationHold,
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> dict[str, Tensor]:
        due, held, last_action = hold.begin_step(ids, observation["subtask_mask"])
        allocation = held.clone()
        if due.any():
            deciding = {key: value[due] for key, value in observation.items()}
            allocation[due] = self._allocate(deciding, held[due], generator, exploration)
        seen = {key: value.to(self._device) for key, value in observation.items()}
        at_device = allocation.to(self._device)
        utilities, _ = acting_utilities(
            self._model.low_level,
            seen["entities"],
            last_action.to(self._device),
            seen["entity_mask"],
            seen["obs_mask"],
            seen["entity_subtask"],
            at_device,
            self._sizes.subtasks,
        )
        available = available_actions(seen["action_mask"], seen.get("action_subtask"), at_device)
        action = epsilon_greedy(utilities, available, exploration.get("eps", 0.0), generator).cpu()
        hold.end_step(ids, due, allocation, action)
        return {"allocation": allocation, "decision": due, "action": action}

    def _allocate(
        self,
        observation: dict[str, Tensor],
        held: Tensor,
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> Tensor:
        """New allocations (n, A) on the CPU for the environments that decide now."""
        state = DecisionState(
            *(observation[key].to(self._device) for key in ("entities", "entity_mask", "entity_subtask")),
            subtask_mask=observation["subtask_mask"].to(self._device),
            last_allocation=held.to(self._device),
        )
        source = self._cfg.allocation.source
        if source == "heuristic":
            return heuristic_allocation(state, observation["heuristic_allocation"].to(self._device)).cpu()
        if source == "random":
            return random_allocation(state, generator).cpu()
        return learned_allocation(
            self._model.allocator,
            state,
            generator,
            proposal_epsilon=exploration.get("prop_alloc_eps", 0.0),
            agent_epsilon=exploration.get("alloc_eps", 0.0),
        ).cpu()

    def _init_learn(self) -> None:
        learn, allocation = self._cfg.learn, self._cfg.allocation
        self._priority = self._cfg.priority
        self._target = copy.deepcopy(self._model).requires_grad_(False)
        self._low_level_config = LowLevelConfig(
            gamma=learn.discount_factor, double_q=learn.double_q, tie_actions=self._cfg.entity.tie_actions
        )
        self._allocation_config = AllocationLossConfig(
            discount=learn.discount_factor,
            entropy_weight=allocation.entropy_weight,
            age_limit=self._cfg.other.replay_buffer.recent_steps,
        )
        self._optimisers = {"low_level": self._optimiser(self._model.low_level, learn.learning_rate)}
        if self._model.allocator is not None:
            self._optimisers["critic"] = self._optimiser(self._model.allocator.critic, allocation.learning_rate)
            self._optimisers["proposal"] = self._optimiser(self._model.allocator.proposal, allocation.learning_rate)
        self._learn_generator = self._new_generator()
        self._window_random = np.random.default_rng(int(torch.randint(2**31, ())))
        self._updates = {"low_level": 0, "allocator": 0}
        self._env_step = 0
        self._exploration = dict.fromkeys(EXPLORATION, math.nan)
        self._last_metrics = dict.fromkeys(self._monitor_vars_learn(), math.nan)

    def _optimiser(self, network: torch.nn.Module, learning_rate: float) -> torch.optim.Optimizer:
        learn = self._cfg.learn
        return torch.optim.RMSprop(
            network.parameters(), lr=learning_rate, alpha=learn.rmsprop_alpha, eps=learn.rmsprop_eps
        )

    def _forward_learn(self, data: TrainData | list[Episode]) -> dict[str, float]:
        if isinstance(data, list):
            data = self._train_data(data)
        metrics = self._low_level_update(data.batch.to(self._device))
        if self._model.allocator is not None and data.recent is not None:
            metrics |= self._allocation_update(data.recent.to(self._device), data.env_step)
        if (self._updates["low_level"] - 1) % self._cfg.learn.monitor_interval == 0:
            read = torch.stack([value.float().reshape(()) for value in metrics.values()]).tolist()
            self._last_metrics |= dict(zip(metrics, read, strict=True))
        return self._last_metrics | self._exploration

    def _train_data(self, episodes: list[Episode]) -> TrainData:
        """What the ring buffer would make of these episodes, for buffers that hand out lists.

        The allocator gets the same episodes as the agents; old ones weigh nothing there.
        """
        table = table_of(episodes)
        rows = draw_rows(
            table.lengths + 1, self._cfg.other.replay_buffer.window, self._window_random.random(len(episodes))
        )
        batch = table.batch(np.arange(len(episodes)), rows)
        return TrainData(batch, batch, self._env_step)

    def _low_level_update(self, batch: EpisodeBatch) -> dict[str, Tensor]:
        live, target = self._model.low_level, self._target.low_level
        draws = LowLevelDraws.draw(live, batch, self._low_level_config, self._learn_generator)
        loss, metrics = low_level_loss(live, target, batch, self._low_level_config, draws)
        metrics["q_grad_norm"] = self._descend(loss, "low_level", live)
        self._count_update("low_level", self._cfg.learn.target_update)
        return metrics

    def _allocation_update(self, batch: EpisodeBatch, env_step: int) -> dict[str, Tensor]:
        live, allocation = self._model.allocator, self._cfg.allocation
        points = decision_points(batch, allocation.period, allocation.max_points)
        draws = AllocationDraws.draw(self._learn_generator, live, points)
        critic_loss, proposal_loss, metrics = allocation_losses(
            live, self._target.allocator, points, env_step, self._allocation_config, draws
        )
        metrics["alloc_q_grad_norm"] = self._descend(critic_loss, "critic", live.critic)
        metrics["alloc_pi_grad_norm"] = self._descend(proposal_loss, "proposal", live.proposal)
        self._count_update("allocator", allocation.target_update)
        return metrics

    def _descend(self, loss: Tensor, name: str, network: torch.nn.Module) -> Tensor:
        synchronise = (lambda: self.sync_gradients(network)) if self._cfg.multi_gpu else None
        return descend(loss, self._optimisers[name], network.parameters(), self._cfg.learn.grad_norm_clip, synchronise)

    def _count_update(self, name: str, interval: int) -> None:
        self._updates[name] += 1
        if self._updates[name] % interval == 0:
            getattr(self._target, name).load_state_dict(getattr(self._model, name).state_dict())

    def _monitor_vars_learn(self) -> list[str]:
        return [*LOW_LEVEL_METRICS, *(ALLOCATION_METRICS if self._model.allocator is not None else ()), *EXPLORATION]

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
        state: dict[str, Any] = {
            name: getattr(self, f"_{name}_generator").get_state()
            for name in ("learn", "collect", "eval")
            if hasattr(self, f"_{name}_generator")
        }
        return {**state, "window": self._window_random.bit_generator.state}

    def _load_state_dict_learn(self, state_dict: dict[str, Any]) -> None:
        self._model.load_state_dict(state_dict["model"])
        self._target.load_state_dict(state_dict["target"])
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(state_dict["optimisers"][name])
        self._updates = dict(state_dict["updates"])
        self._env_step = state_dict["env_step"]
        self._last_metrics = dict(state_dict["metrics"])
        for name, state in state_dict["random"].items():
            if name == "window":
                self._window_random.bit_generator.state = state
            elif hasattr(self, f"_{name}_generator"):
                getattr(self, f"_{name}_generator").set_state(state)


@POLICY_REGISTRY.register("alma_command")
class AlmaCommandPolicy(AlmaPolicy, EpsCommandModePolicy):
    """`AlmaPolicy` with the schedules of exploration, as DI-engine's pipelines ask for it."""

    def _get_setting_collect(self, command_info: dict[str, Any]) -> dict[str, float]:
        """Probabilities of exploration, all by the step counter at the start of the collection."""
        step = command_info["envstep"]
        allocation = self._cfg.allocation
        setting = super()._get_setting_collect(command_info)
        setting["alloc_eps"] = linear(**allocation.random_agent, step=step)
        setting["prop_alloc_eps"] = linear(**allocation.random_proposal, step=step)
        self._env_step = step
        self._exploration = dict(zip(EXPLORATION, map(float, setting.values()), strict=True))
        return {**setting, "env_step": step}
