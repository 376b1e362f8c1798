"""Multi-army StarCraft for DI-engine."""

from typing import Any, ClassVar

import numpy as np
from ding.envs import BaseEnvTimestep
from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector


@ENV_REGISTRY.register("smac_multiarmy")
class SmacMultiArmyEnv(EntityEnv):
    """One battle for DI-engine; see `SmacMultiArmyVector` for the meaning of the keys."""

    config: ClassVar[dict[str, Any]] = dict(
        # (str, dict or list) Name of a scenario set: one of the paper's, or a map of SMAC such as '2s3z'; a scenario
        # such as dict(agents=dict(stalker=2), armies=[dict(zealot=1), dict(zealot=2)]), or a list of them; None is
        # '6-8sz_maxsize4_maxarmies3_symmetric'.
        scenario=None,
        # (str) What plays the battles: 'embedded', or 'sc2' for the real game.
        engine="embedded",
        # (dict) Entries that replace those of engines.SC2_CONFIG.
        sc2={},
        # (str) Unit data of the embedded engine: 'lotv', 'wol' or '4.1'.
        unit_profile="lotv",
        # (list) Rows of the scenario set that only evaluators draw; None lets all draw from all.
        test_scenarios=None,
        # (int) Steps after which an episode is cut; None takes the scenario set's.
        episode_limit=None,
        # (str) Hand-made allocation: 'matching', 'dynamic', or keys such as 'type-unassigned-diff'.
        heuristic_style="matching",
        # (bool) Armies come from evenly spread directions; False draws how far they are spread.
        spread_armies=True,
        # (bool) Draw the entities' tags in every episode; None does so in all sets but SMAC's own maps.
        random_tags=None,
        # (dict) Entries that replace those of settings.REWARD_CONFIG.
        reward_config={},
        # (bool) A time limit only cuts an episode, and policies continue in the value of what was seen last. In the
        # originals it is a true end.
        continuing_episode=False,
        # (bool) Pay and spread armies, and count healed agents, as the original does, mistakes included.
        reference_compat=False,
        # (str) What an illegal action does: 'raise' or 'noop' (the agent stops).
        illegal_action="raise",
    )

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> SmacMultiArmyVector:
        """The batch for a complete configuration."""
        keys = (*SmacMultiArmyEnv.config, "is_test", "observation")
        chosen = {key: cfg[key] for key in keys if key != "scenario" or cfg[key] is not None}
        return SmacMultiArmyVector(num_envs, **chosen)

    def step(self, action: np.ndarray) -> BaseEnvTimestep:
        """Advance by one joint action; see `EntityEnv.step`.

        An episode that ended because its game was lost is marked ``info['abnormal']`` in training: collectors drop it
        and reset the environment. Not in tests: DI-engine's evaluator would wait for the environment for ever.
        """
        timestep = super().step(action)
        if timestep.done and not self._cfg.is_test and timestep.info["episode_info"]["restarts"]:
            timestep.info["abnormal"] = True
        return timestep
