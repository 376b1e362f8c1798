"""A-QMIX as a DI-engine policy: QMIX with attention over entities."""

from ding.utils import POLICY_REGISTRY

from ding_alma.policy.flat import FlatPolicy
from ding_alma.policy.low_level_policy import ExplorationCommand


@POLICY_REGISTRY.register("aqmix")
class AqmixPolicy(FlatPolicy):
    """REFIL's ablation without imagined groups (ICML 2021), the "Flat" rival of ALMA on SaveTheCity."""

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="aqmix",
    )


@POLICY_REGISTRY.register("aqmix_command")
class AqmixCommandPolicy(AqmixPolicy, ExplorationCommand):
    """`AqmixPolicy` with the schedule of exploration."""
