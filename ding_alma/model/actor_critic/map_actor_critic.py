"""Actor and critic over maps, read at the tiles where units and factories stand
(docs/reference/mppo.md#network-over-maps)."""

from collections.abc import Sequence

import torch
from ding.utils import MODEL_REGISTRY
from torch import Tensor, nn

from ding_alma.model.actor_critic.action_tree import ActionTree, TreeCategorical
from ding_alma.model.actor_critic.categorical import ActionDistribution, MaskedCategorical
from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.model.actor_critic.map_blocks import ConvBlock, MapEmbedding, PlaneValue, initialise, say_what_follows

TRUNK_WIDTH = 8
VALUE_WIDTH = 4
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
"""Precision of a map's features by name; None is torch's default precision."""


class FlatActor(nn.Module):
    """One linear map to all actions; the mask tells the types apart."""

    def __init__(self, width: int, actions: int) -> None:
        super().__init__()
        self.output = nn.Linear(width, actions)
        say_what_follows(self.output, "output")

    def forward(self, at_member: Tensor, mask: Tensor) -> ActionDistribution:
        """Args: at_member (N, M, width); mask (N, M, U) bool."""
        return MaskedCategorical(self.output(at_member), mask)


class StagedActor(nn.Module):
    """One linear map per decision: the type of action first, then that type's parameters.

    Args:
        width: of the features at a member's tile.
        heads: outputs of each linear map, in the order of the tree's columns; columns that no path uses are allowed.
        paths: the columns of every action, see `ActionTree`.
    """

    def __init__(self, width: int, heads: Sequence[int], paths: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.tree = ActionTree(paths)
        if sum(heads) < self.tree.columns:
            raise ValueError(f"the heads have {sum(heads)} outputs, but the actions' paths use {self.tree.columns}")
        self.outputs = nn.ModuleList(nn.Linear(width, outputs) for outputs in heads)
        for output in self.outputs:
            say_what_follows(output, "output")

    def forward(self, at_member: Tensor, mask: Tensor) -> ActionDistribution:
        """Args: at_member (N, M, width); mask (N, M, U) bool."""
        logits = torch.cat([output(at_member) for output in self.outputs], -1)
        return TreeCategorical(self.tree, logits, mask)


@MODEL_REGISTRY.register("mppo_map")
class MapActorCritic(MemberActorCritic):
    """Two embeddings of the map, one read by the actor and one by the critic.

    A member's value is the critic's local plane of the member's type at its tile, plus the board mean of the global
    plane of that type.

    Args:
        planes: channels of the map.
        member_types: kinds of members, each with value planes of its own.
        actor: what reads the features at a member's tile, `FlatActor` or `StagedActor`.
        width, squeezed, blocks: of the embeddings.
        local_critic: values have a local part; without it they are the board's (ablation).
        weight_scale: see `initialise`.
        precision: of the embeddings' and the trunk's results, one of `PRECISIONS`; everything else is in torch's
            default precision.
    """

    def __init__(
        self,
        planes: int,
        member_types: int,
        actor: FlatActor | StagedActor,
        width: int = 32,
        squeezed: int = 8,
        blocks: int = 2,
        local_critic: bool = True,
        weight_scale: float = 0.01,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self._precision = PRECISIONS[precision]
        self.actor_embedding = MapEmbedding(planes, width, squeezed, blocks)
        self.critic_embedding = MapEmbedding(planes, width, squeezed, blocks)
        self.actor = actor
        self.trunk = ConvBlock(width, TRUNK_WIDTH)
        self.board_value = nn.ModuleList(PlaneValue(TRUNK_WIDTH, VALUE_WIDTH) for _ in range(member_types))
        self.local_value = None
        if local_critic:
            self.local_value = nn.ModuleList(PlaneValue(TRUNK_WIDTH, VALUE_WIDTH) for _ in range(member_types))
        initialise(self, weight_scale)

    def act(self, observation: dict[str, Tensor], active: Tensor) -> ActionDistribution:
        """Args: observation of `ding_alma.policy.member_view.MapView`, (N, ...) per key; active (N, M) bool, unused:
        the maps are computed whole and inactive members only read them."""
        embedded = self.actor_embedding(_boards(observation["planes"], self._precision))
        at_member = _read(embedded, observation["member_position"]).to(torch.get_default_dtype())
        return self.actor(at_member, observation["action_mask"])

    def evaluate(self, observation: dict[str, Tensor], active: Tensor) -> Tensor:
        """Args: as `act`."""
        embedded = self.critic_embedding(_boards(observation["planes"], self._precision))
        trunk = self.trunk(embedded).to(torch.get_default_dtype())
        board = torch.cat([head(trunk).mean((-2, -1)) for head in self.board_value], -1)
        member_type = observation["member_type"]
        value = board.gather(1, member_type)
        if self.local_value is not None:
            local = _read(torch.cat([head(trunk) for head in self.local_value], 1), observation["member_position"])
            value = value + local.gather(-1, member_type.unsqueeze(-1)).squeeze(-1)
        return value


def _boards(planes: Tensor, precision: torch.dtype | None) -> Tensor:
    """(N, C, H, W) floats in the order of memory that convolutions like best: channels last on a CPU, where every
    layer would otherwise put them into another order and back."""
    order = torch.channels_last if planes.device.type == "cpu" else torch.preserve_format
    return planes.to(precision or torch.get_default_dtype(), memory_format=order)


def _read(planes: Tensor, position: Tensor) -> Tensor:
    """(N, M, C) of planes (N, C, H, W) at the tiles (N, M, 2) int64; tiles outside read one inside."""
    rows, columns = planes.shape[-2:]
    team = torch.arange(len(planes), device=planes.device).unsqueeze(1)
    x, y = position[..., 0].clamp(0, rows - 1), position[..., 1].clamp(0, columns - 1)
    return planes.permute(0, 2, 3, 1)[team, x, y]
