"""What masked PPO sees of an environment: P teams of M members each, at every step.

Two kinds of environment are known. Those of the entity contract (`dizoo_ext.contract`) hold one team whose agents are
the members. Environments of maps hand out

======================  ==============  =======  ===============================================================
key                     shape           dtype    meaning
======================  ==============  =======  ===============================================================
``planes``              (P, C, H, W)    any      one map per team, stored in the type it is handed out in
``member_mask``         (P, M)          bool     the member acts at this step
``member_type``         (P, M)          int64    which value planes are the member's
``member_position``     (P, M, 2)       int64    row and column in the planes
``action_mask``         (P, M, U)       bool     allowed now; rows of members that do not act may hold anything
``member_trajectory``   (P, M)          int64    number in [0, M) of its trajectory; only under ``trajectories='given'``
======================  ==============  =======  ===============================================================

and take actions (P, M). In ``info`` they put ``member_reward`` (P, M) float32, what every member earned in the
transition, and where a slot may pass to another member without a step in between, ``member_done`` (P, M) bool, True for
the one that left. An environment of the entity contract may do the same, (A,).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.actor_critic.entity_actor_critic import EntityActorCritic
from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.model.actor_critic.lux_heads import LUX_HEADS, LUX_PATHS
from ding_alma.model.actor_critic.map_actor_critic import FlatActor, MapActorCritic, StagedActor
from ding_alma.policy.sizes import check_observation, read_sizes
from dizoo_ext.strict_config import check_choice, check_range

ACTORS = ("flat", "lux_stages")
"""How the actor over maps chooses: among all actions at once, or type first and then that type's parameters."""


class MemberView(ABC):
    """Reads one kind of environment."""

    keys: tuple[str, ...]
    """Keys of the observation that are asked for."""
    members: int
    """M."""
    actions: int
    """U."""

    @abstractmethod
    def teams(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Observations (n, ...) per key, checked and with a team axis: (n, P, ...).

        Raises:
            ValueError: shapes that the policy was not configured for.
        """

    @abstractmethod
    def active(self, observed: Mapping[str, Tensor]) -> Tensor:
        """(..., M) bool, the members that act, of observations (..., ...) from `teams`."""

    @abstractmethod
    def joint_action(self, action: Tensor) -> Tensor:
        """What the environments take, (n, ...), of actions (n, P, M) int64."""

    @abstractmethod
    def create_model(self, cfg: EasyDict, local_critic: bool) -> MemberActorCritic:
        """Networks of the sizes in the policy's config."""


class EntityView(MemberView):
    """Environments of the entity contract: one team, every agent a member."""

    _shown = ("entities", "entity_mask", "obs_mask", "action_mask")
    # Read only to tell another scenario from the one that the policy was configured for.
    keys = (*_shown, "subtask_mask")

    def __init__(self, cfg: EasyDict) -> None:
        """Raises a ValueError unless the config's sizes fit each other (see `read_sizes`)."""
        self._sizes = read_sizes(cfg)
        self.members, self.actions = self._sizes.agents, self._sizes.actions

    def teams(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        check_observation(observation, self._sizes)
        return {key: observation[key].unsqueeze(1) for key in self._shown}

    def active(self, observed: Mapping[str, Tensor]) -> Tensor:
        return observed["entity_mask"][..., : self.members]

    def joint_action(self, action: Tensor) -> Tensor:
        return action.squeeze(1)

    def create_model(self, cfg: EasyDict, local_critic: bool) -> EntityActorCritic:
        network = cfg.network
        return EntityActorCritic(
            self._sizes.features,
            self.actions,
            network.attention_dim,
            network.attention_heads,
            network.hidden_dim,
            local_critic,
            network.look,
            self._sizes.coordinates,
        )


class MapView(MemberView):
    """Environments of maps: one or more teams, members at tiles."""

    def __init__(self, cfg: EasyDict) -> None:
        """Raises a ValueError for impossible sizes in ``policy.model`` and ``policy.map``."""
        check_range(cfg.model.agent_num, "policy.model.agent_num", 1)
        check_range(cfg.model.action_shape, "policy.model.action_shape", 1)
        for name in ("planes", "member_types", "width", "squeezed", "blocks"):
            check_range(cfg.map[name], f"policy.map.{name}", 1)
        check_choice(cfg.map.actor, ACTORS, "policy.map.actor")
        if cfg.map.actor == "lux_stages" and cfg.model.action_shape != len(LUX_PATHS):
            raise ValueError(
                f"policy.map.actor = 'lux_stages' knows {len(LUX_PATHS)} actions, but policy.model.action_shape = "
                f"{cfg.model.action_shape}; use 'flat'"
            )
        self.members, self.actions = cfg.model.agent_num, cfg.model.action_shape
        self._planes = cfg.map.planes
        self.keys = ("planes", "member_mask", "member_type", "member_position", "action_mask")
        if cfg.trajectories == "given":
            self.keys += ("member_trajectory",)

    def teams(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        teams = observation["planes"].shape[1]
        expected = {"action_mask": (teams, self.members, self.actions), "planes": (teams, self._planes)}
        shown = {"action_mask": tuple(observation["action_mask"].shape[1:])}
        shown["planes"] = tuple(observation["planes"].shape[1:3])
        if shown != expected:
            raise ValueError(
                f"the environment's observations have the shapes {shown}, but policy.map.planes, "
                f"policy.model.agent_num and policy.model.action_shape make them {expected}"
            )
        return observation

    def active(self, observed: Mapping[str, Tensor]) -> Tensor:
        return observed["member_mask"]

    def joint_action(self, action: Tensor) -> Tensor:
        return action

    def create_model(self, cfg: EasyDict, local_critic: bool) -> MapActorCritic:
        sizes = cfg.map
        staged = sizes.actor == "lux_stages"
        actor = (
            StagedActor(sizes.width, LUX_HEADS, LUX_PATHS) if staged else FlatActor(sizes.width, cfg.model.action_shape)
        )
        return MapActorCritic(
            sizes.planes,
            sizes.member_types,
            actor,
            sizes.width,
            sizes.squeezed,
            sizes.blocks,
            local_critic,
            sizes.weight_scale,
            sizes.precision,
        )


VIEWS: dict[str, Callable[[EasyDict], MemberView]] = {"entities": EntityView, "map": MapView}
"""By the names that configs use."""


def check_typed(cfg: EasyDict, joint: bool) -> None:
    """Raise a ValueError where trajectories have no type that ``policy.reduction.member_type`` could name.

    Args: joint, all members share one trajectory.
    """
    if cfg.view != "map" or cfg.trajectories != "agent" or joint:
        raise ValueError(
            "policy.reduction.member_type needs policy.view = 'map', policy.trajectories = 'agent' and a "
            "policy.separation other than 'none': a trajectory of several members is of no type"
        )


def usable_masks(action_mask: Tensor, active: Tensor) -> Tensor:
    """Legal actions (..., M, U) bool, action 0 alone for members that do not act.

    Args: action_mask (..., M, U) bool; active (..., M) bool.

    Raises:
        ValueError: a member that acts has no legal action.
    """
    if (active & ~action_mask.any(-1)).any():
        raise ValueError("the environment forbids every action of a member that acts; allow it a no-op")
    only_first = torch.arange(action_mask.shape[-1]) == 0
    return torch.where(active.unsqueeze(-1), action_mask, only_first)
