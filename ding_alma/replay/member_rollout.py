"""Finished episodes laid side by side, as masked PPO learns from them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ding_alma.replay.member_recorder import MemberEpisode
from ding_alma.rl.separation import Separation
from ding_alma.rl.trajectory_examples import MemberSteps, acting_trajectories

INDICES = {"member_type": torch.int8, "member_position": torch.int16, "member_trajectory": torch.int16}
"""Keys that are stored in small integers and read as int64."""


@dataclass(frozen=True)
class MemberRollout:
    """E episodes of P teams: N = E P team episodes, team by team within an episode, padded to the longest.

    R rows are the real steps of all team episodes, one after the other.
    """

    steps: MemberSteps
    """(T, N, ...); values after the last step are zero, see `with_final_values`."""
    observed: dict[str, Tensor]
    """(R, ...) per key."""
    action: Tensor
    """(R, M) int64."""
    team: Tensor
    """(R,) int64 in [0, P)."""
    final: dict[str, Tensor]
    """(N, ...) per key, observations after the last step."""
    cut: Tensor
    """(N,) bool, a time limit ended the episode."""
    places: Tensor
    """(R,) int64, where the rows stand among T N, step by step."""

    def rows(self, x: Tensor) -> Tensor:
        """(T, N, ...) to (R, ...)."""
        return x.flatten(0, 1)[self.places]

    def telling_rows(self, separation: Separation, drop_forced: bool) -> list[Tensor]:
        """Numbers of the rows (n,) that teach something, of each team.

        A step on which nobody acts teaches nothing, and a minibatch of such steps would still move Adam's momenta.
        Reduction leaves a trajectory in every row that has one.

        Args:
            separation: what is kept per trajectory.
            drop_forced: an action that was forced teaches nothing either.
        """
        active, log_prob = acting_trajectories(self.steps, separation)
        telling = self.rows(active & (log_prob != 0) if drop_forced else active).any(-1)
        return [(telling & (self.team == team)).nonzero().squeeze(1) for team in self.team.unique().tolist()]

    def to(self, device: torch.device | str) -> "MemberRollout":
        """The same rollout on another device, without waiting."""

        def moved(part: Any) -> Any:
            if isinstance(part, Tensor):
                return part.to(device, non_blocking=True)
            if isinstance(part, MemberSteps):
                return replace(part, **{f.name: moved(getattr(part, f.name)) for f in fields(part)})
            return part if part is None else {key: moved(value) for key, value in part.items()}

        return replace(self, **{f.name: moved(getattr(self, f.name)) for f in fields(self)})

    def with_final_values(self, value: Tensor) -> MemberSteps:
        """The steps with the values (N, M) of the final observations, from which episodes that were cut go on."""
        lengths = self.steps.valid.sum(0)
        episode = torch.arange(len(lengths), device=lengths.device)
        values = self.steps.value.clone()
        values[lengths, episode] = value
        over = self.steps.episode_over.clone()
        over[lengths - 1, episode] &= ~self.cut
        return replace(self.steps, value=values, episode_over=over)


def member_rollout(episodes: Sequence[MemberEpisode], active: Sequence[Tensor]) -> MemberRollout:
    """Lay episodes side by side.

    Args:
        episodes: of one number of teams.
        active: (L + 1, P, M) bool of each, the members that act, final observation last.
    """
    teams = active[0].shape[1]

    def by_team(parts: Sequence[Tensor]) -> list[Tensor]:
        """(L, P, ...) of each episode to (L, ...) of each team episode."""
        return [part[:, team] for part in parts for team in range(teams)]

    def padded(parts: Sequence[Tensor]) -> Tensor:
        return pad_sequence(by_team(parts))

    keys = tuple(episodes[0]["observed"])
    observed = {key: by_team([episode["observed"][key] for episode in episodes]) for key in keys}
    steps = {key: [episode["steps"][key] for episode in episodes] for key in episodes[0]["steps"]}
    reward = pad_sequence([episode["team_reward"] for episode in episodes for _ in range(teams)])
    lengths = torch.tensor([len(episode["team_reward"]) for episode in episodes for _ in range(teams)])
    step = torch.arange(len(reward)).unsqueeze(1)
    valid = step < lengths
    episode_of_row, step_of_row = valid.T.nonzero(as_tuple=True)
    value = padded(steps["value"])
    trajectory = None
    if "member_trajectory" in keys:
        trajectory = pad_sequence(observed["member_trajectory"]).long()
    return MemberRollout(
        MemberSteps(
            own_reward=padded(steps["own_reward"]),
            team_reward=reward,
            value=torch.cat([value, torch.zeros_like(value[:1])]),
            log_prob=padded(steps["log_prob"]),
            active=padded(active),
            left=padded(steps["member_done"]),
            episode_over=step == lengths - 1,
            valid=valid,
            trajectory=trajectory,
        ),
        observed={key: _read(key, torch.cat([part[:-1] for part in parts])) for key, parts in observed.items()},
        action=torch.cat(by_team(steps["action"])).long(),
        team=(torch.arange(len(lengths)) % teams).repeat_interleave(lengths),
        final={key: _read(key, torch.stack([part[-1] for part in parts])) for key, parts in observed.items()},
        cut=torch.tensor([episode["time_limit"] for episode in episodes for _ in range(teams)]),
        places=step_of_row * len(lengths) + episode_of_row,
    )


def _read(key: str, value: Tensor) -> Tensor:
    return value.long() if key in INDICES else value
