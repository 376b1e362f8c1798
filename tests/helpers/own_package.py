"""The examples in docs/examples: where they are, and how to take back that they were loaded."""

import sys
from pathlib import Path

from ding.utils import ENV_REGISTRY, POLICY_REGISTRY

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
EXAMPLE = EXAMPLES / "own_package"
NAMES = ("dikes", "orchard", "large_orchard")


def forget_package() -> None:
    """As if neither an example nor a page that shows its code had been run in this process."""
    for name in [name for name in sys.modules if name.partition(".")[0] in NAMES]:
        del sys.modules[name]
    for name in NAMES:
        ENV_REGISTRY.pop(name, None)
    for name in ("aqmix_horizon", "aqmix_horizon_command"):
        POLICY_REGISTRY.pop(name, None)
