"""VDN by its own name: DI-engine's QMIX policy without a mixing network."""

from ding.policy import QMIXPolicy
from ding.policy.command_mode_policy_instance import EpsCommandModePolicy
from ding.utils import POLICY_REGISTRY


@POLICY_REGISTRY.register("vdn")
class VdnPolicy(QMIXPolicy):
    """Value decomposition networks (AAMAS 2018) as DI-engine trains them, for the flat view."""

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="vdn",
    )

    def default_model(self) -> tuple[str, list[str]]:
        """Name in DI-engine's model registry and the package that registers it."""
        return "vdn", ["ding_alma"]


@POLICY_REGISTRY.register("vdn_command")
class VdnCommandPolicy(VdnPolicy, EpsCommandModePolicy):
    """`VdnPolicy` with the schedule of exploration."""
