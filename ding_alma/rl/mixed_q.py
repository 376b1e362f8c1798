"""The loss of agents and mixer: double Q-learning on mixed values (docs/reference/alma.md#loss-of-the-agents)."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ding_alma.model.attention.attention_plan import AttentionPlan, plan_attention
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.one_hot import one_hot
from ding_alma.model.processes import mean_count
from ding_alma.model.subtask_embedding import draw_permutation
from ding_alma.model.value.agent import Agent
from ding_alma.model.value.copa import Gaussian, hold
from ding_alma.model.value.value_network import ValueNetwork
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.network_inputs import (
    agent_allowed,
    available_actions,
    mixer_allowed,
    mixer_inputs,
    mixer_membership,
    subtask_label,
    subtask_of_entities,
)
from ding_alma.rl.refil import Split, agent_views, common_pairs, draw_groups, given_pairs, split_pairs
from ding_alma.rl.returns import traced_returns
from ding_alma.rl.strategies import coach_batch, held_strategy, recognise, strategy_losses


@dataclass(frozen=True)
class MixedQConfig:
    """Constants of the loss; defaults are the paper's ALMA on SaveTheCity."""

    gamma: float = 0.99
    double_q: bool = True
    td_lambda: float = 0.0
    """Share of what truly followed in the targets, in [0, 1]; 0 = one step, as in the papers."""
    tie_actions: bool = False
    """Actions tied to a subtask are open to its agents only; for policies that allocate agents to subtasks."""
    imagined_weight: float = 0.0
    """REFIL's lambda in [0, 1], the share of the imagined loss; 0 = no REFIL."""
    imagined_groups: str = "random"
    """One of `ding_alma.rl.refil.GROUPINGS`."""
    strategy_weight: float = 5e-5
    """COPA's vi_lambda, weight of the recognised strategies' likelihood."""
    strategy_entropy_weight: float = 5e-6
    """Weight of the entropy of COPA's strategies."""
    episode_end_is_terminal: bool = False
    """A true end of the episode ends every subtask; in the reference unfinished ones bootstrap
    (docs/reference/quirks.md#q8)."""
    unlabelled_refil: bool = False
    """Live agents lose their subtask embedding under REFIL, as in the reference (docs/reference/quirks.md#q4)."""


@dataclass(frozen=True)
class MixedQDraws:
    """All random numbers of one loss; entries that the networks do not need are None."""

    groups: Tensor | None = None
    """(B, E) bool, REFIL's split."""
    agent_permutation: Tensor | None = None
    target_agent_permutation: Tensor | None = None
    coach_permutation: Tensor | None = None
    target_coach_permutation: Tensor | None = None
    recognition_permutation: Tensor | None = None
    coach_noise: Tensor | None = None
    """(V, D, A, Z) standard normal for D decision steps, V = 3 with REFIL, else 1; in fixed form D = B T."""
    target_coach_noise: Tensor | None = None
    """(1, D, A, Z)."""

    @classmethod
    def draw(
        cls, networks: ValueNetwork, batch: EpisodeBatch, config: MixedQConfig, generator: torch.Generator | None = None
    ) -> "MixedQDraws":
        """Fresh draws for one batch from a CPU generator (default: the global one)."""
        device = batch.entities.device
        draws: dict[str, Tensor] = {}
        if config.imagined_weight and config.imagined_groups != "given":
            rows, _, entities = batch.entity_mask.shape
            draws["groups"] = draw_groups(rows, entities, generator).to(device, non_blocking=True)
        embedded = {
            "agent_permutation": networks.agent,
            "target_agent_permutation": networks.agent,
            "coach_permutation": networks.coach,
            "target_coach_permutation": networks.coach,
            "recognition_permutation": networks.recognition,
        }
        for name, network in embedded.items():
            if network is not None and network.encoder.embedding is not None:
                draws[name] = draw_permutation(network.encoder.embedding, generator)
        if networks.coach is not None:
            size = (int(batch.host_steps().decision.sum()), batch.action.shape[-1], networks.coach.mean.out_features)
            views = 3 if config.imagined_weight else 1
            draws["coach_noise"] = torch.randn(views, *size, generator=generator).to(device, non_blocking=True)
            draws["target_coach_noise"] = torch.randn(1, *size, generator=generator).to(device, non_blocking=True)
        return cls(**draws)

    def fixed(self, batch: EpisodeBatch, steps: int) -> "MixedQDraws":
        """The same random numbers for the fixed form of ``batch`` with ``steps`` steps in a row: a coach's noise at
        every step, zero where nothing is decided."""
        if self.coach_noise is None or self.target_coach_noise is None:
            return self
        rows, length = batch.decision.shape
        at = batch.decision_places()
        at = at // length * steps + at % length

        def spread(noise: Tensor) -> Tensor:
            return noise.new_zeros(len(noise), rows * steps, *noise.shape[2:]).index_copy_(1, at, noise)

        return replace(self, coach_noise=spread(self.coach_noise), target_coach_noise=spread(self.target_coach_noise))


class _Steps(NamedTuple):
    """A batch with rows and time merged, ``N = B T``, as the live and the target networks need it."""

    inputs: EntityInputs
    """Of N x E entities, with last actions where these are shown."""
    first: Tensor
    """(B, T) bool as `EpisodeBatch.first`, an episode starts here."""
    present: Tensor
    """(N, A) bool."""
    starts: Tensor
    """(N,) bool, a transition that counts starts here."""
    follows: Tensor
    """(N,) bool, a transition that counts ends here."""
    subtask: Tensor
    """(N, E) int64."""
    previous_subtask: Tensor
    """(N, E) int64, of the step before, which is what the target networks go by."""


def mixed_q_loss(
    live: ValueNetwork, target: ValueNetwork, batch: EpisodeBatch, config: MixedQConfig, draws: MixedQDraws
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of one update; moves the live mixer's Pop-Art statistics.

    Args:
        live: networks to be trained.
        target: their older copies, evaluated without gradient.
        batch: (B, T) steps; transitions start at the steps 0 ... T - 2 that are valid.
        config: constants.
        draws: random numbers.

    Returns:
        The total loss and detached scalars named as the reference logs them: ``q_loss`` (the total), ``td_error_abs``,
        ``q_taken_mean``, ``target_mean`` (the last two on the normalised scale, divided by A), with REFIL ``im_loss``,
        with COPA ``copa_vi_loss`` and ``copa_entropy_loss``.

    Raises:
        ValueError: draws or parts of the batch that the networks or the configuration call for are missing.
    """
    _check_draws(live, config, draws)
    rows, steps, agents = batch.action.shape
    merged = _merge(batch, live.shown_actions)
    split = _imagined_split(batch, config, draws) if config.imagined_weight else None

    strategy = coach = None
    if live.coach is not None:
        coach = coach_batch(live.coach, batch, draws.coach_permutation, split)
        strategy = held_strategy(coach, _drawn(draws.coach_noise), batch.decision)
    utilities = _live_utilities(live, batch, merged, config, draws, split, strategy)
    taken = utilities.gather(-1, batch.action.flatten(0, 1).expand(len(utilities), -1, -1).unsqueeze(-1)).squeeze(-1)
    targets = _targets(target, batch, merged, config, draws, utilities[0].detach())
    mask = _target_mask(live.conditioning, batch, merged.starts.view(rows, steps))[:, :-1]

    weights = live.mixer.weights(*_mixer_view(live, batch, merged, merged.subtask, merged.starts, split))
    raw = live.mixer.mix(taken[:1], weights).view(rows, steps, -1)[:, :-1]
    value, normalised = live.mixer.popart.predict_across_update(raw, targets, mask)
    mask = mask.float()
    share = mask / mean_count(mask)
    error = value - normalised
    loss = (share * error.square()).sum()
    metrics = {
        "td_error_abs": (share * error.abs()).sum(),
        "q_taken_mean": (share * value).sum() / agents,
        "target_mean": (share * normalised).sum() / agents,
    }

    if split is not None:
        raw = live.mixer.mix(taken[1:], weights, slice(1, 3)).view(rows, steps, -1)[:, :-1]
        imagined_loss = (share * (live.mixer.popart(raw) - normalised).square()).sum()
        loss = (1 - config.imagined_weight) * loss + config.imagined_weight * imagined_loss
        metrics["im_loss"] = imagined_loss

    if live.recognition is not None and coach is not None and strategy is not None:
        wanted = merged.present & merged.starts.unsqueeze(-1)
        guess = recognise(live.recognition, batch, draws.recognition_permutation, wanted)
        held = Gaussian(*(hold(part[:1], batch.decision).flatten(0, 2) for part in coach))
        vi_loss, entropy_loss = strategy_losses(strategy[0], guess, held, merged.present, merged.starts)
        loss = loss + config.strategy_weight * vi_loss + config.strategy_entropy_weight * entropy_loss
        metrics |= {"copa_vi_loss": vi_loss, "copa_entropy_loss": entropy_loss}
    return loss, {"q_loss": loss.detach(), **{name: value.detach() for name, value in metrics.items()}}


def _check_draws(live: ValueNetwork, config: MixedQConfig, draws: MixedQDraws) -> None:
    needed = {
        "groups": bool(config.imagined_weight) and config.imagined_groups != "given",
        "agent_permutation": live.agent.encoder.embedding is not None and not config.unlabelled_refil,
        "target_agent_permutation": live.agent.encoder.embedding is not None,
        "coach_noise": live.coach is not None,
        "target_coach_noise": live.coach is not None,
    }
    missing = [name for name, wanted in needed.items() if wanted and getattr(draws, name) is None]
    if missing:
        raise ValueError(f"the loss needs the draws {missing}; make them with MixedQDraws.draw")


def _drawn(draw: Tensor | None) -> Tensor:
    """A draw that `_check_draws` has found to be there."""
    assert draw is not None
    return draw


def _imagined_split(batch: EpisodeBatch, config: MixedQConfig, draws: MixedQDraws) -> Split:
    """The imagined groups of every row; drawn ones know of existence at the row's first step only."""
    agents = batch.action.shape[-1]
    if config.imagined_groups == "random":
        return split_pairs(_drawn(draws.groups), batch.entity_mask[:, 0], agents)
    if batch.groups is None:
        raise ValueError(f"imagined groups {config.imagined_groups!r} need a batch with the entities' true groups")
    given = given_pairs(batch.groups, batch.entity_mask, agents)
    if config.imagined_groups == "given":
        return given
    return common_pairs(split_pairs(_drawn(draws.groups), batch.entity_mask[:, 0], agents), given)


def _merge(batch: EpisodeBatch, shown_actions: int) -> _Steps:
    """Rows and time as one axis, and the steps whose transitions count."""
    starts = batch.valid.clone()
    starts[:, -1] = False
    subtask = subtask_of_entities(batch.allocation, batch.entity_subtask)
    return _Steps(
        inputs=EntityInputs(batch.entities.flatten(0, 1), batch.last_action.flatten(0, 1), shown_actions),
        first=batch.first(),
        present=batch.entity_mask[..., : batch.action.shape[-1]].flatten(0, 1),
        starts=starts.flatten(),
        follows=starts.roll(1, 1).flatten(),
        subtask=subtask.flatten(0, 1),
        previous_subtask=subtask.roll(1, 1).flatten(0, 1),
    )


def _live_utilities(
    live: ValueNetwork,
    batch: EpisodeBatch,
    merged: _Steps,
    config: MixedQConfig,
    draws: MixedQDraws,
    split: Split | None,
    strategy: Tensor | None,
) -> Tensor:
    """Utilities (V, N, A, U) of the stored allocations; imagined views are not masked by subtask
    (docs/reference/quirks.md#q2)."""
    obs_mask = batch.obs_mask.flatten(0, 1)
    views = [agent_allowed(live.conditioning, obs_mask, merged.subtask)]
    if split is not None:
        views += [view.flatten(0, 1) for view in agent_views(batch.obs_mask, split)]
    plan = plan_attention(torch.stack(views), _asking(live.agent, merged, merged.starts | merged.follows))
    permutation = None if split is not None and config.unlabelled_refil else draws.agent_permutation
    label = subtask_label(merged.subtask, batch.subtask_mask.shape[-1], permutation)
    return live.agent.unroll(merged.inputs, plan, merged.first, label, strategy)


def _asking(agent: Agent, merged: _Steps, wanted: Tensor) -> Tensor:
    """(N, A) bool, agents whose view is computed: at the steps ``wanted`` (N,) or, to have a memory, at all."""
    return merged.present if agent.memory_dim else merged.present & wanted.unsqueeze(-1)


@torch.no_grad()
def _targets(
    target: ValueNetwork,
    batch: EpisodeBatch,
    merged: _Steps,
    config: MixedQConfig,
    draws: MixedQDraws,
    live_utilities: Tensor,
) -> Tensor:
    """Targets (B, T - 1, G) on the scale of returns; the next step is seen with this step's allocation."""
    rows, steps, agents = batch.action.shape
    subtasks = batch.subtask_mask.shape[-1]
    subtask = merged.previous_subtask
    strategy = None
    if target.coach is not None:
        coach = coach_batch(target.coach, batch, draws.target_coach_permutation)
        strategy = held_strategy(coach, _drawn(draws.target_coach_noise), batch.decision)
    seen = agent_allowed(target.conditioning, batch.obs_mask.flatten(0, 1), subtask)
    plan = plan_attention(seen.unsqueeze(0), _asking(target.agent, merged, merged.follows))
    label = subtask_label(subtask, subtasks, draws.target_agent_permutation)
    utilities = target.agent.unroll(merged.inputs, plan, merged.first, label, strategy).squeeze(0)

    available = available_actions(batch.action_mask.flatten(0, 1), _ties(batch, config), subtask[:, :agents])
    judge = live_utilities if config.double_q else utilities
    best = judge.masked_fill(~available, -torch.inf).argmax(-1, keepdim=True)
    utility = utilities.gather(-1, best).squeeze(-1)

    view = _mixer_view(target, batch, merged, subtask, merged.follows, None)
    popart = target.mixer.popart
    value = popart.denormalise(popart(target.mixer(utility, *view))).view(rows, steps, -1)[:, 1:]
    if target.conditioning == "none":
        reward, done = batch.reward.unsqueeze(-1), batch.terminated.unsqueeze(-1)
    else:
        reward, done = batch.subtask_reward, batch.subtask_done
        if config.episode_end_is_terminal:
            done = done | batch.terminated.unsqueeze(-1)
    reward, done = reward[:, :-1], done[:, :-1]
    if not config.td_lambda:
        return reward + config.gamma * (~done) * value
    trace = config.td_lambda * _goes_on(target.conditioning, batch, merged.starts.view(rows, steps))
    return traced_returns(reward, done, value, trace, config.gamma)


def _ties(batch: EpisodeBatch, config: MixedQConfig) -> Tensor | None:
    """(N, A, U) int64, what every action is tied to; None if that is not looked at."""
    if not config.tie_actions:
        return None
    if batch.action_subtask is None:
        raise ValueError("tied actions need a batch with the subtasks that actions are tied to")
    return batch.action_subtask.flatten(0, 1)


def _goes_on(conditioning: str, batch: EpisodeBatch, starts: Tensor) -> Tensor:
    """(B, T - 1, G) bool: the next transition counts, and the same agents are still at the same subtask."""
    counts = starts[:, 1:].unsqueeze(-1)
    if conditioning == "none":
        return counts
    team = one_hot(batch.allocation, batch.subtask_mask.shape[-1])
    return counts & (team[:, 1:] == team[:, :-1]).all(2)


def _mixer_view(
    networks: ValueNetwork, batch: EpisodeBatch, merged: _Steps, subtask: Tensor, wanted: Tensor, split: Split | None
) -> tuple[EntityInputs, AttentionPlan, Tensor]:
    """Inputs, plan and membership of a mixer at the steps ``wanted`` (N,) bool, entities grouped by ``subtask``."""
    agents, subtasks = batch.action.shape[-1], batch.subtask_mask.shape[-1]
    kind = networks.conditioning
    views = [mixer_allowed(kind, batch.entity_mask.flatten(0, 1), subtask, agents)]
    if split is not None:
        views += [pairs & (views[0] if kind == "mask" else True) for pairs in split.steps(batch.action.shape[1])]
    plan = plan_attention(torch.stack(views), merged.present & wanted.unsqueeze(-1))
    inputs = mixer_inputs(kind, merged.inputs, subtask, subtasks)
    return inputs, plan, mixer_membership(kind, subtask[:, :agents])


def _target_mask(conditioning: str, batch: EpisodeBatch, starts: Tensor) -> Tensor:
    """(B, T, G) bool: transitions that count; a subtask's must be unfinished and have agents."""
    if conditioning == "none":
        return starts.unsqueeze(-1)
    finished = batch.subtask_done.roll(1, 1)
    finished[:, 0] = False
    staffed = one_hot(batch.allocation, batch.subtask_mask.shape[-1]).any(2)
    return starts.unsqueeze(-1) & ~finished & staffed
