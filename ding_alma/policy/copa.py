"""COPA as a DI-engine policy: a coach that sees everything sends strategies to agents that do not."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.subtask_embedding import draw_permutation
from ding_alma.policy.aqmix import AqmixPolicy
from ding_alma.policy.value_policy import ExplorationCommand
from ding_alma.replay.episode import Episode
from ding_alma.replay.store import TrainData
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.mixed_q import MixedQConfig
from ding_alma.rl.strategies import broadcast
from ding_alma.rl.value_acting import acting_strategies


@POLICY_REGISTRY.register("copa")
class CopaPolicy(AqmixPolicy):
    """Coach-Player (ICML 2021) as the ALMA paper compares with it: its agents, mixer, clock and subtask labels.

    Strategies are sampled while collecting; evaluation takes their mean and numbers subtasks as they come, so that it
    repeats itself.
    """

    _sent: Tensor | int = 0
    """Messages of the evaluation so far."""
    _could_send: Tensor | int = 0
    """Present agents at its decisions, each of whom could have been sent one."""

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="copa",
        # (dict) Sizes of the entity view; every config states them.
        entity=dict(
            # (int) Further subtasks that the coach reserves labels for, to play with more than were trained on
            # (reference: n_extra_tasks).
            extra_subtasks=0,
        ),
        # (dict) The block of ALMA's allocations, whose clock also calls for strategies.
        allocation=dict(
            # (int) Steps between decisions (reference: action_length), usually 3 to 20; with more of them the coach
            # broadcasts less often.
            period=5,
        ),
        # (dict) Coach and recognition network (docs/reference/copa.md#the-policy).
        coach=dict(
            # (bool) They see everything, with the entities' subtasks as embedded labels; without labels each agent's
            # coach sees its own subtask only, which nobody has here: nothing.
            labels=True,
            # (float) Weight of the recognised strategies' likelihood (paper: lambda; 0 trains no recognition), usually
            # 1e-5 to 1e-3; a larger one ties strategies closer to what follows them.
            strategy_weight=5e-5,
            # (float) Weight of the strategies' entropy, usually a tenth of the above; a larger one makes strategies
            # more random.
            entropy_weight=5e-6,
            # (bool) The first step of a training row decides, as an episode's does; without it there are no strategies
            # until the row's first decision, as in the reference.
            first_step_decides=True,
            # (float) In evaluation an agent keeps its strategy unless the new one is further away than this; 0 sends
            # always (paper: beta; try 1.4 to 5.7 for 64 numbers).
            broadcast_threshold=0.0,
        ),
        learn=dict(
            # (float) Share of REFIL's imagined groups in the loss, usually 0, for none, or 0.5 (paper: StarCraft); a
            # larger one teaches more of small groups and less of the whole team.
            imagined_weight=0.0,
        ),
    )

    ranges = {
        "entity.extra_subtasks": (0, None),
        "allocation.period": (1, None),
        "coach.strategy_weight": (0.0, None),
        "coach.entropy_weight": (0.0, None),
        "coach.broadcast_threshold": (0.0, None),
        "learn.imagined_weight": (0.0, 1.0),
    }

    def attending_widths(self, network: EasyDict) -> tuple[str, ...]:
        # The coach attends whatever the agents do.
        return tuple(dict.fromkeys(("attention_dim", *super().attending_widths(network))))

    def _coach_options(self) -> dict[str, Any]:
        return {"coach": True, "coach_labels": self._cfg.coach.labels}

    def _loss_config(self) -> MixedQConfig:
        learn, coach = self._cfg.learn, self._cfg.coach
        return MixedQConfig(
            gamma=learn.discount_factor,
            double_q=learn.double_q,
            td_lambda=learn.td_lambda,
            imagined_weight=learn.imagined_weight,
            strategy_weight=coach.strategy_weight,
            strategy_entropy_weight=coach.entropy_weight,
        )

    def _decision_period(self) -> int:
        return self._cfg.allocation.period

    def _initially_held(self) -> dict[str, Tensor]:
        strategy = torch.zeros(self._sizes.agents, self._model.value_network.coach.mean.out_features)
        return {**super()._initially_held(), "strategy": strategy}

    def _decide(
        self,
        due: Tensor,
        held: dict[str, Tensor],
        observation: dict[str, Tensor],
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> dict[str, Tensor]:
        if not due.any():
            return {}
        places = due.nonzero().squeeze(1).to(self._device, non_blocking=True)
        deciding = {key: observation[key][places] for key in ("entities", "entity_mask", "entity_subtask")}
        first = (held["last_action"][places] < 0).all(1)
        coach = acting_strategies(
            self._model.value_network,
            **deciding,
            allocation=torch.full_like(held["last_action"][places], -1),
            subtasks=self._sizes.subtasks,
            permutation=self._numbering(generator if exploration else None),
        )
        if exploration:
            new = coach.sample(torch.randn(coach.mean.shape, generator=generator).to(self._device, non_blocking=True))
        else:
            present = deciding["entity_mask"][:, : self._sizes.agents]
            threshold = self._cfg.coach.broadcast_threshold
            new, receives = broadcast(coach.mean, held["strategy"][places], present, first, threshold)
            self._sent = self._sent + receives.sum()
            self._could_send = self._could_send + present.sum()
        return {"strategy": held["strategy"].index_copy(0, places, new)}

    def _numbering(self, generator: torch.Generator | None) -> Tensor | None:
        """Permutation of the subtasks' numbers for the coach: random, or none without a generator."""
        embedding = self._model.value_network.coach.encoder.embedding
        if embedding is None:
            return None
        return torch.arange(embedding.size) if generator is None else draw_permutation(embedding, generator)

    def _reset_eval(self, data_id: list[int] | None = None) -> None:
        super()._reset_eval(data_id)
        if data_id is None:
            self._sent = self._could_send = 0

    def broadcast_rate(self) -> float:
        """Strategies sent per present agent and decision in the last evaluation; NaN before any."""
        # Learning asks at every update, and only the first time may it wait for the device.
        self._sent, self._could_send = int(self._sent), int(self._could_send)
        return self._sent / self._could_send if self._could_send else math.nan

    def _forward_learn(self, data: TrainData | list[Episode]) -> dict[str, float]:
        return {**super()._forward_learn(data), "broadcast_rate": self.broadcast_rate()}

    def _value_update(self, batch: EpisodeBatch) -> dict[str, Tensor]:
        if self._cfg.coach.first_step_decides:
            batch = batch.deciding_at_first()
        return super()._value_update(batch)

    def _monitor_vars_learn(self) -> list[str]:
        return [*super()._monitor_vars_learn(), "copa_vi_loss", "copa_entropy_loss", "broadcast_rate"]


@POLICY_REGISTRY.register("copa_command")
class CopaCommandPolicy(CopaPolicy, ExplorationCommand):
    """`CopaPolicy` with the schedule of exploration."""
