"""SaveTheCity for DI-engine."""

from typing import Any, ClassVar

from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.save_the_city.vector import SaveTheCityVector


@ENV_REGISTRY.register("save_the_city")
class SaveTheCityEnv(EntityEnv):
    """One city for DI-engine; see `SaveTheCityVector` for the meaning of the keys."""

    config: ClassVar[dict[str, Any]] = dict(
        # (str, dict or list) Name of a scenario set; a scenario such as dict(agents='BFG', buildings=6), or a list of
        # them or of teams such as ['BF', 'BG'], which have one building more than agents; None is '2-5a_2-5b'.
        scenario=None,
        # (int) Steps after which an episode is cut.
        episode_limit=150,
        # (dict) Entries that replace those of settings.GAME_CONFIG.
        game_config={},
        # (dict) Entries that replace those of settings.REWARD_CONFIG.
        reward_config={},
        # (float) Return that a perfect episode comes close to.
        reward_scale=20.0,
        # (bool) End an episode as soon as a building has burned down.
        end_on_any_burn=False,
        # (bool) Report how each agent type splits its building actions.
        track_action_types=False,
        # (int) Buildings stand within this many cells of the centre; 8 is the whole city.
        building_reach=8,
        # (str) What an illegal action does: 'raise' or 'noop' (the agent stays).
        illegal_action="raise",
    )

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> SaveTheCityVector:
        """The batch for a complete configuration."""
        keys = (*SaveTheCityEnv.config, "is_test", "observation")
        return SaveTheCityVector(num_envs, **{key: cfg[key] for key in keys if cfg[key] is not None})
