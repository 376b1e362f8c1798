"""Group Matching for DI-engine."""

from typing import Any, ClassVar

from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.group_matching.vector import GroupMatchingVector


@ENV_REGISTRY.register("group_matching")
class GroupMatchingEnv(EntityEnv):
    """One game for DI-engine; see `GroupMatchingVector`. Defaults are the paper's experiment."""

    config: ClassVar[dict[str, Any]] = dict(
        # (int) Agents on the ring.
        agents=8,
        # (int) Cells of the ring.
        cells=6,
        # (int) Groups.
        groups=2,
        # (float) Probability that an agent's action is replaced by a random one.
        random_move=0.1,
        # (int) Steps after which an episode is cut.
        episode_limit=50,
    )

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> GroupMatchingVector:
        """The batch for a complete configuration."""
        return GroupMatchingVector(num_envs, **{key: cfg[key] for key in (*GroupMatchingEnv.config, "observation")})
