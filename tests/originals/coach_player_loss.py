"""The loss of the original COPA, A-QMIX and AI-QMIX on segments (docs/reference/copa.md#loss-of-the-original).

The policy `copa` trains by `ding_alma.rl.mixed_q`; this is for the original's checkpoints and results.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from coach_player import Player, StrategyCoach, StrategyRecognition
from coach_player_mixer import CoachMixer, TeamMixer
from torch import Tensor, nn

from ding_alma.model.value.copa import Gaussian


@dataclass(frozen=True)
class CoachPlayerConfig:
    """Constants of the loss; defaults are the original's."""

    gamma: float = 0.99
    strategy_weight: float = 1e-3
    """Of the variational terms; the entropy gets a tenth of it."""
    imagined_weight: float = 0.0
    """Share of AI-QMIX's imagined loss; 0 = none."""
    embedding_as_memory: bool = True
    """Players remember the last view instead of their memory (the original's slip)."""
    absent_count: bool = True
    """Variational terms average over all agents, absent ones included, and the likelihood over segments whose first
    agent is present (the original's slip); otherwise over present agents."""


@dataclass(frozen=True)
class Segment:
    """B segments of T transitions, T + 1 steps, that begin with a decision."""

    agents: Tensor
    """(B, T + 1, A, F) float32, observation and centred attributes, zero for absent agents."""
    others: Tensor
    """(B, T + 1, E_o, F_o) float32."""
    partial: Tensor
    """(B, T + 1, A, A + E_o) bool, what agents see."""
    full: Tensor
    """(B, T + 1, A, A + E_o) bool, what is present, seen from present agents."""
    action: Tensor
    """(B, T + 1, A) int64, 0 for absent agents; the last one is not used."""
    reward: Tensor
    """(B, T + 1) float32; the last one is not used."""

    @property
    def present(self) -> Tensor:
        """(B, T + 1, A) bool."""
        return self.full.any(-1)

    @property
    def previous_action(self) -> Tensor:
        """(B, T + 1, A) int64, 0 at the first step."""
        return F.pad(self.action[:, :-1], (0, 0, 1, 0))


@dataclass(frozen=True)
class SegmentDraws:
    """The random numbers of one loss; entries that the networks do not need are None."""

    coach_noise: Tensor | None = None
    """(B, A, Z) standard normal, live strategies at the first step."""
    target_first_noise: Tensor | None = None
    target_last_noise: Tensor | None = None
    chosen: Tensor | None = None
    """(B, A + E_o) bool, AI-QMIX's random subset of entities."""


class CoachPlayer(nn.Module):
    """Container of the trained networks. With a coach the mixer is a `CoachMixer`, without one a `TeamMixer`."""

    def __init__(
        self,
        player: Player,
        mixer: CoachMixer | TeamMixer,
        coach: StrategyCoach | None = None,
        recognition: StrategyRecognition | None = None,
    ) -> None:
        super().__init__()
        if isinstance(mixer, CoachMixer) != (coach is not None):
            raise ValueError("a coach goes with a CoachMixer, players without one with a TeamMixer")
        self.player = player
        self.mixer = mixer
        self.coach = coach
        self.recognition = recognition


def coach_player_loss(
    live: CoachPlayer, target: CoachPlayer, segment: Segment, config: CoachPlayerConfig, draws: SegmentDraws
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of one update.

    Args:
        live: networks to be trained.
        target: older copies, evaluated without gradient; their recognition network is not used.
        draws: random numbers.

    Returns:
        The total loss and detached scalars: ``q_loss`` (of the values, imagined ones included), ``td_loss``, with
        imagined groups ``im_td_loss``, with a recognition network ``vi_loss`` and ``entropy``.
    """
    steps = segment.reward.shape[1] - 1
    first = _strategies(live, segment, 0)
    strategy = None if first is None else first.sample(draws.coach_noise)
    value = _values(live, segment, _taken(live.player, segment, strategy, config), slice(0, steps))
    targets = _targets(target, segment, config, draws)
    td_loss = (value - targets).square().mean()
    loss = td_loss
    metrics = {"td_loss": td_loss}
    if config.imagined_weight:
        imagined = (_imagined_values(live, segment, config, draws.chosen) - targets).square().mean()
        loss = (1 - config.imagined_weight) * td_loss + config.imagined_weight * imagined
        metrics["im_td_loss"] = imagined
    metrics["q_loss"] = loss
    if live.recognition is not None:
        likelihood = recognised_likelihood(live.recognition, segment, strategy)
        entropy = (first.log_variance + math.log(2 * math.pi * math.e)).div(2).clamp(0, 10).mean(-1)
        counted = segment.present[:, 0]
        vi_loss = -likelihood[counted[:, 0]].mean() if config.absent_count else -likelihood[counted].mean()
        entropy = entropy.mean() if config.absent_count else entropy[counted].mean()
        loss = loss + config.strategy_weight * (vi_loss - entropy / 10)
        metrics |= {"vi_loss": vi_loss, "entropy": entropy}
    return loss, {name: value.detach() for name, value in metrics.items()}


def recognised_likelihood(recognition: StrategyRecognition, segment: Segment, strategy: Tensor) -> Tensor:
    """Log-likelihood (B, A) of strategies (B, A, Z) under the recognition, summed over the T transitions.

    The first step is recognised from the full view, the others from the partial one.
    """
    seen = torch.cat([segment.full[:, :1], segment.partial[:, 1:-1]], 1).flatten(0, 1)
    agents, others, action = (part[:, :-1].flatten(0, 1) for part in (segment.agents, segment.others, segment.action))
    guess = recognition(agents, action, others, seen)
    guess = Gaussian(*(part.unflatten(0, (len(strategy), -1)) for part in guess))
    deviation = (strategy.unsqueeze(1) - guess.mean) / (guess.log_variance / 2).exp()
    density = -(deviation.square() + guess.log_variance + math.log(2 * math.pi)) / 2
    return density.clamp(-1000, 0).sum((1, 3))


def imagined_subsets(segment: Segment, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """AI-QMIX's two complementary sets of entities per agent, (B, A, A + E_o) bool each: a present agent gets the
    ``chosen`` (B, A + E_o) ones and an absent agent the rest, whichever set it is in itself (other than REFIL)."""
    present = segment.partial[:, 0].any(-1, keepdim=True)
    inside = torch.where(present, chosen.unsqueeze(1), ~chosen.unsqueeze(1))
    return inside, ~inside


def _strategies(networks: CoachPlayer, segment: Segment, step: int) -> Gaussian | None:
    if networks.coach is None:
        return None
    encoder = networks.coach.encoder
    return networks.coach(encoder(segment.agents[:, step], segment.others[:, step], segment.full[:, step]))


def _utilities(player: Player, segment: Segment, seen: Tensor, strategy: Tensor | None, config: CoachPlayerConfig):
    """Utilities (V, B, S, A, U) of S steps. Args: seen (V, B, S, A, A + E_o); strategy (S, B, A, Z)."""
    views, rows, steps, agents, _ = seen.shape
    memory = seen.new_zeros(views * rows, agents, player.recurrence.hidden_size, dtype=segment.agents.dtype)
    utilities = []
    for t in range(steps):
        utility, embedding, after = player.step(
            segment.agents[:, t].repeat(views, 1, 1),
            segment.previous_action[:, t].repeat(views, 1),
            segment.others[:, t].repeat(views, 1, 1),
            seen[:, :, t].flatten(0, 1),
            memory,
            None if strategy is None else strategy[t].repeat(views, 1, 1),
        )
        memory = embedding if config.embedding_as_memory else after
        utilities.append(utility.unflatten(0, (views, rows)))
    return torch.stack(utilities, 2)


def _taken(player: Player, segment: Segment, strategy: Tensor | None, config: CoachPlayerConfig) -> Tensor:
    """Utilities (1, B, T, A) of the actions taken, under one strategy (B, A, Z)."""
    seen = segment.partial[:, :-1].unsqueeze(0)
    held = None if strategy is None else strategy.expand(seen.shape[2], *strategy.shape)
    utilities = _utilities(player, segment, seen, held, config)
    return _of_actions(utilities, segment)


def _of_actions(utilities: Tensor, segment: Segment) -> Tensor:
    action = segment.action[:, :-1].unsqueeze(-1).expand(len(utilities), -1, -1, -1, -1)
    return utilities.gather(-1, action).squeeze(-1)


def _values(
    networks: CoachPlayer, segment: Segment, utilities: Tensor, steps: slice, seen: Tensor | None = None
) -> Tensor:
    """Values (B, S) of utilities (V, B, S, A) at the ``steps``; ``seen`` (V, B, S, A, A + E_o), None = full view."""
    rows = segment.reward.shape[0]
    agents, others, full = (part[:, steps].flatten(0, 1) for part in (segment.agents, segment.others, segment.full))
    utilities = utilities.flatten(1, 2)
    if networks.coach is not None:
        encoding = networks.coach.encoder(agents, others, full)
        value = networks.mixer(utilities[0], encoding, full.any(-1))
    else:
        views = full.unsqueeze(0) if seen is None else seen.flatten(1, 2)
        value = networks.mixer(utilities, agents, others, views, full)
    return value.view(rows, -1)


@torch.no_grad()
def _targets(target: CoachPlayer, segment: Segment, config: CoachPlayerConfig, draws: SegmentDraws) -> Tensor:
    """One-step targets (B, T); the last step is valued under the next decision's strategy."""
    steps = segment.reward.shape[1]
    strategy = None
    if target.coach is not None:
        first = _strategies(target, segment, 0).sample(draws.target_first_noise)
        last = _strategies(target, segment, steps - 1).sample(draws.target_last_noise)
        strategy = torch.stack([first] * (steps - 1) + [last])
    best = _utilities(target.player, segment, segment.partial.unsqueeze(0), strategy, config).amax(-1)
    value = _values(target, segment, best[:, :, 1:], slice(1, steps))
    return segment.reward[:, :-1] + config.gamma * value


def _imagined_values(
    networks: CoachPlayer, segment: Segment, config: CoachPlayerConfig, chosen: Tensor | None
) -> Tensor:
    """Values (B, T) put together from utilities inside and outside of a random subset of entities."""
    if networks.coach is not None or chosen is None:
        raise ValueError("imagined values need players without a coach and a drawn subset of entities")
    subsets = torch.stack(imagined_subsets(segment, chosen)).unsqueeze(2)
    utilities = _utilities(networks.player, segment, subsets & segment.partial[:, :-1], None, config)
    steps = slice(0, segment.reward.shape[1] - 1)
    return _values(networks, segment, _of_actions(utilities, segment), steps, subsets & segment.full[:, :-1])
