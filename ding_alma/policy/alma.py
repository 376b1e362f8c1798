"""ALMA as a DI-engine policy: wiring of the allocator, the subtask-masked agents and their two updates."""

from collections.abc import Mapping

import numpy as np
import torch
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.allocation.allocator import NETWORKS as ALLOCATION_NETWORKS
from ding_alma.model.allocation.allocator import Allocator
from ding_alma.model.allocation.alma_model import AlmaModel
from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.model.processes import joint_size
from ding_alma.model.subtask_embedding import draw_permutation
from ding_alma.model.value.value_network import ValueNetwork
from ding_alma.policy.allocation_sources import ALLOCATION_SOURCES
from ding_alma.policy.carried_state import CarriedState
from ding_alma.policy.config_check import check_heads, check_schedule
from ding_alma.policy.value_policy import ExplorationCommand, ValuePolicy
from ding_alma.replay.recorder import recorded_keys
from ding_alma.replay.store import TrainData
from ding_alma.rl.allocation import AllocationDraws, AllocationLossConfig, allocation_losses
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.captured_update import CapturedUpdate
from ding_alma.rl.decision_points import DecisionPoints, decision_points
from ding_alma.rl.exploration import epsilon_greedy, heuristic_allocation, learned_allocation, random_allocation
from ding_alma.rl.mixed_q import MixedQConfig
from ding_alma.rl.network_inputs import available_actions
from ding_alma.rl.schedules import linear
from ding_alma.rl.transfer import to_device, to_host
from ding_alma.rl.value_acting import acting_utilities
from dizoo_ext.strict_config import check_choice

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
"""Names of the values an update of the allocator reports, as the reference logs them."""
DECIDED_UPON = ("entities", "entity_mask", "entity_subtask", "subtask_mask")
"""What an allocation is decided upon, beside the one that is held; in the order of `DecisionState`."""
SUBTASK_AGENTS = ("feedforward", "pairwise")
"""Agents without a memory: it would outlive the allocation under which it was made."""
SUBTASK_MIXERS = ("flex", "vdn")
"""Mixers that keep the values of subtasks apart."""
CONDITIONINGS = ("mask", "embed")
POPART_ALPHA = 0.01
NO_LOT = 2.0
"""In place of an episode's number in [0, 1), which says whether it is guided, before that is drawn; never guided."""


@POLICY_REGISTRY.register("alma")
class AlmaPolicy(ValuePolicy):
    """ALlocator-Actor Multi-Agent Architecture (NeurIPS 2022).

    A learned allocator assigns agents to subtasks every few steps (amortised Q-learning over proposed allocations);
    the agents see and act upon their own subtask alone and are trained on its reward.
    """

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="alma",
        # (dict) Sizes of the entity view; every config states them.
        entity=dict(
            # (bool) Agents may use actions tied to another subtask only if they are allocated to it
            # (reference: mask_subtask_actions; StarCraft true, SaveTheCity false).
            tie_actions=False,
            # (int) Further subtasks that networks reserve embeddings for, to play with more than were trained on
            # (reference: n_extra_tasks).
            extra_subtasks=0,
        ),
        # (dict) Agents and mixer (docs/reference/alma.md#low-level).
        network=dict(
            # (str) How agents know subtasks: 'mask', they see their own alone, or 'embed', they see everything with
            # labels ("ALMA No Mask").
            conditioning="mask",
            # (str) Agents: 'feedforward' (paper) or 'pairwise', which compare themselves with each entity that they see
            # instead of attending, and learn much sooner where to go if positions are absolute.
            subtask_agent="feedforward",
            # (str) How utilities of the agents at a subtask become its value: 'flex' (paper: hypernetworks, monotonic)
            # or 'vdn' (their sum: cheaper updates, less to express).
            subtask_mixer="flex",
        ),
        # (dict) Allocation controller (docs/reference/alma.md#allocation-controller).
        allocation=dict(
            # (str) Who allocates: 'learned', 'heuristic' (the environment's rule) or 'random'.
            source="learned",
            # (int) Steps between decisions (reference: action_length), usually 3 to 20; longer ones commit agents more,
            # and mistakes are corrected later.
            period=5,
            # (str) Proposal network and critic: 'attention' (paper) or 'pairwise', which compare every agent with every
            # subtask and learn sooner who is near.
            network="attention",
            # (int) Width of the allocation critic, usually 32 to 256; wider ones express more and cost more.
            dim=128,
            # (int) Width of the proposal network, 0 = as wide as the critic, usually so.
            proposal_dim=0,
            # (int) Attention heads of the allocation critic, usually 1 to 8; with more heads each is narrower.
            heads=4,
            # (int) Allocations proposed per decision, 2 or more, usually 8 to 64; more find better ones and cost more.
            proposals=32,
            # (float) Weight of the proposal network's entropy, usually 0.01 to 0.5; a larger one keeps proposals
            # different from each other for longer.
            entropy_weight=0.01,
            # (int) Decision points of one update at most, usually 100 to 1000; more make steadier updates, at a
            # proportional cost.
            max_points=400,
            # (float) Learning rate of critic and proposal network, usually 1e-4 to 2e-3; learning with a larger one is
            # faster and less stable.
            learning_rate=5e-4,
            # (int) Updates between copies to the target critic (reference: 50 episodes, which happens every 56),
            # usually 20 to 200; more make learning steadier and slower.
            target_update=56,
            # (dict) Probability that an agent's allocation is a random unfinished subtask, usually over 2 to 20 % of
            # the run; an allocator with a longer schedule tries more and learns later.
            random_agent=dict(start=1.0, end=0.0, length=750_000),
            # (dict) Probability that the whole allocation is an unranked proposal, usually over 5 to 30 % of the run;
            # an allocator with a longer schedule tries more and learns later.
            random_proposal=dict(start=1.0, end=0.05, length=3_000_000),
            # (dict) Probability that the environment's rule allocates throughout a collected episode, instead of the
            # learned allocator (papers: never). So agents learn under sensible allocations before any are learnt.
            guidance=dict(start=0.0, end=0.0, length=1),
        ),
        learn=dict(
            # (float) Share of REFIL's imagined groups in the agents' loss, usually 0, for none, or 0.5 (paper:
            # StarCraft); a larger one teaches more of small groups and less of the whole team.
            imagined_weight=0.0,
            # (bool) Under conditioning='embed', live agents lose their labels with imagined groups, as in the paper's
            # code (docs/reference/quirks.md#q4).
            unlabelled_refil=False,
        ),
        other=dict(
            replay_buffer=dict(
                # (int) The allocator learns from episodes at most this old (environment steps), the older the less
                # (reference: decay_old), usually 50 to 500 k; a larger value lets in the play of older policies. 0 =
                # from all alike.
                recent_steps=150_000,
            ),
        ),
    )

    ranges = {
        "entity.extra_subtasks": (0, None),
        "allocation.period": (1, None),
        "allocation.dim": (1, None),
        "allocation.proposal_dim": (0, None),
        "allocation.heads": (1, None),
        "allocation.proposals": (2, None),
        "allocation.entropy_weight": (0.0, None),
        "allocation.max_points": (2, None),
        "allocation.learning_rate": (0.0, None),
        "allocation.target_update": (1, None),
        "learn.imagined_weight": (0.0, 1.0),
    }

    has_fixed_form = True

    exploration_names = ("epsilon", "alloc_eps", "prop_alloc_eps", "guidance")

    def check_values(self, cfg: EasyDict) -> None:
        super().check_values(cfg)
        check_choice(cfg.allocation.source, ALLOCATION_SOURCES, "policy.allocation.source")
        check_choice(cfg.allocation.network, ALLOCATION_NETWORKS, "policy.allocation.network")
        check_choice(cfg.network.conditioning, CONDITIONINGS, "policy.network.conditioning")
        check_choice(cfg.network.subtask_agent, SUBTASK_AGENTS, "policy.network.subtask_agent")
        check_choice(cfg.network.subtask_mixer, SUBTASK_MIXERS, "policy.network.subtask_mixer")
        allocation = cfg.allocation
        for name in ("random_agent", "random_proposal", "guidance"):
            check_schedule(allocation[name], f"policy.allocation.{name}", "length")
        if allocation.source == "learned":
            check_heads(allocation.dim, allocation.heads, "policy.allocation.dim", "policy.allocation.heads")
            width = "proposal_dim" if allocation.proposal_dim else "dim"
            heads = cfg.network.attention_heads
            check_heads(allocation[width], heads, f"policy.allocation.{width}", "policy.network.attention_heads")
            _check_sequence_length(cfg.other.replay_buffer.sequence_length, allocation.period)

    def observation_keys(self) -> tuple[str, ...]:
        keys = tuple(self.recorded_keys())
        allocation = self._cfg.allocation
        advised = allocation.source == "heuristic" or allocation.guidance.start > 0
        return (*keys, "heuristic_allocation") if advised else keys

    def recorded_keys(self) -> dict[str, torch.dtype]:
        return recorded_keys(self._cfg.entity.tie_actions)

    def default_model(self) -> tuple[str, list[str]]:
        """Name in DI-engine's model registry and the package that registers it."""
        return "alma", ["ding_alma"]

    def _create_model(self, cfg: EasyDict, model: torch.nn.Module | None = None) -> torch.nn.Module:
        if model is not None:
            return super()._create_model(cfg, model)
        sizes, network, allocation = self._sizes, cfg.network, cfg.allocation
        value_network = ValueNetwork(
            self._value_shape(),
            network.conditioning,
            softmax_mixing=network.softmax_mixing,
            mixer_bias_abs=network.mixer_bias_abs,
            popart=network.popart,
            agent=network.subtask_agent,
            mixer=network.subtask_mixer,
        )
        allocator = None
        if allocation.source == "learned":
            allocator = Allocator(
                features=sizes.features,
                subtasks=sizes.subtasks,
                proposals=allocation.proposals,
                proposal_dim=allocation.proposal_dim or allocation.dim,
                proposal_heads=network.attention_heads,
                critic_dim=allocation.dim,
                critic_heads=allocation.heads,
                popart_alpha=POPART_ALPHA if network.popart else None,
                extra_subtasks=cfg.entity.extra_subtasks,
                network=allocation.network,
                coordinates=sizes.coordinates,
            )
        return AlmaModel(value_network, allocator)

    def _initially_held(self) -> dict[str, Tensor]:
        nobody = torch.full((self._sizes.agents,), -1)
        return {"allocation": nobody, "last_action": nobody, "lot": torch.tensor(NO_LOT)}

    def _decision_period(self) -> int:
        return self._cfg.allocation.period

    def exploration_schedules(self, env_step: int) -> dict[str, float]:
        """Probabilities of exploring among allocations, see `learned_allocation`."""
        allocation = self._cfg.allocation
        return {
            "alloc_eps": linear(**allocation.random_agent, step=env_step),
            "prop_alloc_eps": linear(**allocation.random_proposal, step=env_step),
            "guidance": linear(**allocation.guidance, step=env_step),
        }

    @torch.inference_mode()
    def _choose(
        self,
        ids: np.ndarray,
        observation: dict[str, Tensor],
        carried: CarriedState,
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> dict[str, Tensor]:
        due, held = carried.begin_step(ids, observation["subtask_mask"])
        if exploration.get("guidance", 0.0) > 0:
            fresh = torch.rand(len(ids), generator=generator)
            held["lot"] = torch.where(held["lot"] == NO_LOT, fresh, held["lot"])
        seen = to_device({**observation, **held}, self._device)
        allocation = self._allocate(due, seen, generator, exploration)
        embedding = self._model.value_network.agent.encoder.embedding
        utilities, _ = acting_utilities(
            self._model.value_network,
            seen["entities"],
            seen["last_action"],
            seen["entity_mask"],
            seen["obs_mask"],
            seen["entity_subtask"],
            allocation,
            self._sizes.subtasks,
            permutation=None if embedding is None else draw_permutation(embedding, generator),
        )
        available = available_actions(seen["action_mask"], seen.get("action_subtask"), allocation)
        action = epsilon_greedy(utilities, available, exploration.get("eps", 0.0), generator)
        chosen = to_host({"allocation": allocation, "action": action})
        carried.end_step(ids, due, allocation=chosen["allocation"], last_action=chosen["action"], lot=held["lot"])
        return {**chosen, "decision": due}

    def _allocate(
        self,
        due: Tensor,
        seen: dict[str, Tensor],
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> Tensor:
        """Allocations (n, A): new ones where ``due`` (n,), which is on the CPU, else those that were held."""
        held = seen["allocation"]
        if not due.any():
            return held
        places = due.nonzero().squeeze(1).to(self._device, non_blocking=True)
        source, guidance = self._cfg.allocation.source, exploration.get("guidance", 0.0)
        if source == "heuristic" or guidance > 0:
            active = seen["entity_mask"][places, : held.shape[1]]
            advised = heuristic_allocation(active, seen["heuristic_allocation"][places])
        if source == "heuristic":
            return held.index_copy(0, places, advised)
        state = DecisionState(
            **{key: seen[key][places] for key in DECIDED_UPON},
            last_allocation=held[places],
        )
        if source == "random":
            new = random_allocation(state, generator)
        else:
            new = learned_allocation(
                self._model.allocator,
                state,
                generator,
                proposal_epsilon=exploration.get("prop_alloc_eps", 0.0),
                agent_epsilon=exploration.get("alloc_eps", 0.0),
            )
            if guidance > 0:
                new = torch.where((seen["lot"][places] < guidance).unsqueeze(1), advised, new)
        return held.index_copy(0, places, new)

    def _loss_config(self) -> MixedQConfig:
        learn = self._cfg.learn
        return MixedQConfig(
            gamma=learn.discount_factor,
            double_q=learn.double_q,
            td_lambda=learn.td_lambda,
            episode_end_is_terminal=learn.episode_end_is_terminal,
            unlabelled_refil=learn.unlabelled_refil,
            tie_actions=self._cfg.entity.tie_actions,
            imagined_weight=learn.imagined_weight,
        )

    def _init_learn(self) -> None:
        super()._init_learn()
        allocation = self._cfg.allocation
        self._allocation_config = AllocationLossConfig(
            discount=self._cfg.learn.discount_factor,
            entropy_weight=allocation.entropy_weight,
            age_limit=self._cfg.other.replay_buffer.recent_steps,
        )
        self._updates["allocator"] = 0
        if self._model.allocator is not None:
            self._add_optimiser("critic", self._model.allocator.critic, allocation.learning_rate)
            self._add_optimiser("proposal", self._model.allocator.proposal, allocation.learning_rate)
            if self._captures:
                self._captured["allocator"] = CapturedUpdate(self._allocation_descent, self._device)

    def _update(self, data: TrainData) -> dict[str, Tensor]:
        metrics = super()._update(data)
        if self._model.allocator is None:
            return metrics
        batch = data.recent if self._allocation_config.age_limit else data.batch
        # All processes that learn together have one, or none learns.
        if joint_size(int(batch is None)) == 0 and batch is not None:
            metrics |= self._allocation_update(batch.to(self._device), data.env_step)
        return metrics

    def _allocation_update(self, batch: EpisodeBatch, env_step: int) -> dict[str, Tensor]:
        allocation = self._cfg.allocation
        points = decision_points(batch, allocation.period, allocation.max_points)
        draws = AllocationDraws.draw(self._learn_generator, self._model.allocator, points)
        if self._captures:
            alike = points.fixed(allocation.max_points), draws.fixed(allocation.max_points), torch.tensor(env_step)
            metrics = dict(self._captured["allocator"](*alike))
        else:
            metrics = self._allocation_descent(points, draws, env_step)
        self._count_update("allocator", allocation.target_update)
        return metrics

    def _allocation_descent(
        self, points: DecisionPoints, draws: AllocationDraws, env_step: int | Tensor
    ) -> dict[str, Tensor]:
        """One step of critic and proposal network; returns detached scalars to be monitored by name."""
        critic_loss, proposal_loss, metrics = allocation_losses(
            self._model.allocator, self._target.allocator, points, env_step, self._allocation_config, draws
        )
        metrics["alloc_q_grad_norm"] = self._optimisers["critic"].step(critic_loss)
        metrics["alloc_pi_grad_norm"] = self._optimisers["proposal"].step(proposal_loss)
        return metrics

    def _monitor_vars_learn(self) -> list[str]:
        return [*super()._monitor_vars_learn(), *(ALLOCATION_METRICS if self._model.allocator is not None else ())]


def _check_sequence_length(length: int, period: int) -> None:
    """Rows must hold decisions with what followed from them, not only those that an episode's end cut short."""
    if length <= period:
        raise ValueError(
            f"policy.other.replay_buffer.sequence_length = {length} must exceed policy.allocation.period = {period}, "
            "better by some times: in shorter sequences no decisions are seen to their ends but the last ones of "
            "episodes, and the allocator would learn from those alone"
        )


@POLICY_REGISTRY.register("alma_command")
class AlmaCommandPolicy(AlmaPolicy, ExplorationCommand):
    """`AlmaPolicy` with the schedules of exploration."""
