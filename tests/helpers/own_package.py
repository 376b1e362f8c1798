"""The package in docs/examples: where it is, and how to take back that it was loaded."""

import sys
from pathlib import Path

from ding.utils import ENV_REGISTRY, POLICY_REGISTRY

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own_package"
NAME = "dikes"


def forget_package() -> None:
    """As if neither the package nor a page that shows its code had been run in this process."""
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]
    ENV_REGISTRY.pop(NAME, None)
    for name in ("aqmix_horizon", "aqmix_horizon_command"):
        POLICY_REGISTRY.pop(name, None)
