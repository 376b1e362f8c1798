"""What is kept per trajectory and what all trajectories of a team share: the thesis' ablations
(docs/reference/mppo.md#ablations-of-separation)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Separation:
    """True = shared by the team's trajectories instead of kept per trajectory."""

    reward: bool = False
    """Every trajectory is given the shared reward alone."""
    critic: bool = False
    """Values come from the whole state, without what lies at the trajectory itself."""
    done: bool = False
    """Trajectories end with the episode alone."""
    log_prob: bool = False
    """The log-probabilities of all trajectories are summed and the sum is used for each."""
    entropy: bool = False
    """As ``log_prob``, with entropies."""
    joint: bool = False
    """All members form one trajectory: everything is summed."""


SEPARATIONS: dict[str, Separation] = {
    "full": Separation(),
    "global_reward": Separation(reward=True),
    "global_critic": Separation(critic=True),
    "global_advantage": Separation(reward=True, critic=True),
    "global_dones": Separation(done=True),
    "global_log_prob": Separation(log_prob=True),
    "global_entropy": Separation(entropy=True),
    "none": Separation(reward=True, done=True, joint=True),
}
"""The rows of the thesis' table, by the names that configs use."""
FULL_SEPARATION = SEPARATIONS["full"]
