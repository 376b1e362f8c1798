"""An A-QMIX that takes a number of steps to look ahead instead of a discount."""

from dataclasses import replace

from ding.utils import POLICY_REGISTRY

from ding_alma.policy.aqmix import AqmixPolicy
from ding_alma.policy.value_policy import ExplorationCommand
from dizoo_ext.strict_config import check_range


@POLICY_REGISTRY.register("aqmix_horizon")
class HorizonPolicy(AqmixPolicy):
    """A-QMIX with the discount 1 - 1 / horizon."""

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="aqmix_horizon",
        learn=dict(
            # (int) Steps that a reward is felt over.
            horizon=50,
        ),
    )

    def check_values(self, cfg):
        super().check_values(cfg)
        check_range(cfg.learn.horizon, "policy.learn.horizon", minimum=1)

    def _loss_config(self):
        return replace(super()._loss_config(), gamma=1 - 1 / self._cfg.learn.horizon)


@POLICY_REGISTRY.register("aqmix_horizon_command")
class HorizonCommandPolicy(HorizonPolicy, ExplorationCommand):
    """`HorizonPolicy` with the schedule of exploration."""
