"""Masked PPO's passes over a collection: epochs of minibatches, a step of Adam for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.model.processes import average, average_statistics
from ding_alma.rl.captured_update import CapturedSizes
from ding_alma.rl.optimisation import PortableOptimiser, clipped_step
from ding_alma.rl.ppo import PpoConfig
from ding_alma.rl.ppo_update import PpoRows, minibatch_backward, minibatch_rows
from ding_alma.rl.separation import Separation

METRICS = (
    "total_loss",
    "policy_loss",
    "value_loss",
    "entropy",
    "approx_kl",
    "old_approx_kl",
    "clip_frac",
    "grad_norm",
)
"""Of a minibatch: the fields of `ding_alma.rl.ppo.PpoLoss`, and the gradient's norm before clipping."""


@dataclass(frozen=True)
class PpoDescentConfig:
    """See ``ppo`` in the config of `ding_alma.policy.mppo.MppoPolicy`."""

    epochs: int
    minibatch_steps: int
    minibatches_per_epoch: int
    learning_rate: float
    adam_eps: float
    grad_norm_clip: float
    normalisation: str
    target_kl: float


class PpoDescent:
    """Adam on one actor-critic.

    Args:
        separation: what is kept per trajectory.
        loss: constants of the loss.
        synchronise: averages the gradients over processes; None in one process.
        device: of the network.
        captures: record the update of a minibatch as a CUDA graph, one for each of the few sizes that a collection is
            split into, and replay it.
    """

    def __init__(
        self,
        network: MemberActorCritic,
        config: PpoDescentConfig,
        separation: Separation,
        loss: PpoConfig,
        synchronise: Callable[[], None] | None,
        device: torch.device | str,
        captures: bool,
    ) -> None:
        self._network, self._config, self._separation, self._loss_config = network, config, separation, loss
        self._synchronise = synchronise
        self._device = device
        self.optimiser = PortableOptimiser(
            torch.optim.Adam(
                network.parameters(),
                lr=config.learning_rate,
                eps=config.adam_eps,
                capturable=captures,
                # torch's loop over single parameters reads a learning rate that is a tensor.
                foreach=True if captures else None,
            )
        )
        self._captured = CapturedSizes(self._minibatch, device) if captures else None

    def learn(
        self,
        rows: PpoRows,
        teams: Sequence[Tensor],
        generator: torch.Generator,
        tell: Callable[[int, int], None] = lambda done, planned: None,
    ) -> list[Tensor]:
        """All epochs.

        Args:
            rows: the collection, on the device.
            teams: (n,) int64 on the CPU, the numbers of each team's rows, which are never mixed.
            generator: shuffles, on the CPU.
            tell: called before every minibatch, and after the last, with the number of those that are done and of those
                that are planned.

        Returns:
            (8,) values of `METRICS` of every minibatch.
        """
        config = self._config
        self._network.train()
        metrics: list[Tensor] = []
        for epoch in range(config.epochs):
            begun = len(metrics)
            drawn = [
                numbers.to(self._device, non_blocking=True)
                for team in teams
                for numbers in minibatch_rows(team, config.minibatch_steps, config.minibatches_per_epoch, generator)
            ]
            if self._captured is not None and epoch == 0:
                self._captured.keep({len(numbers) for numbers in drawn})
            for numbers in drawn:
                tell(len(metrics), config.epochs * len(drawn))
                metrics.append(self._step(rows.pick(numbers)))
            if config.target_kl and metrics:
                kl = average(torch.stack(metrics[begun:])[:, METRICS.index("approx_kl")].mean())
                if kl > config.target_kl:
                    break
        # Epochs may have stopped early.
        tell(len(metrics), len(metrics))
        return metrics

    def _step(self, rows: PpoRows) -> Tensor:
        if self._captured is None:
            return torch.stack(list(self._minibatch(rows).values()))
        return torch.stack(list(self._captured(len(rows.acting), rows).values()))

    def _minibatch(self, rows: PpoRows) -> dict[str, Tensor]:
        """One step of the optimiser; returns `METRICS`."""
        config, optimiser = self._config, self.optimiser.torch
        optimiser.zero_grad()
        loss = minibatch_backward(self._network, rows, self._separation, config.normalisation, self._loss_config)
        if self._synchronise is not None:
            self._synchronise()
        norm = clipped_step(loss.total, optimiser, self._network.parameters(), config.grad_norm_clip)
        if self._synchronise is not None:
            average_statistics(self._network)
        return dict(zip(METRICS, [*loss, norm], strict=True))

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's."""
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.optimiser.load_state_dict(state)
        if self._captured is not None:
            self._captured.keep(())
