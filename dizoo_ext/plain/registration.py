"""Names for ``gymnasium.make``."""

import gymnasium

from dizoo_ext.save_the_city.scenarios import SCENARIO_SETS as CITIES
from dizoo_ext.smac_multiarmy.scenarios import SCENARIO_SETS as BATTLES

NAMESPACE = "ding_alma"
ENVIRONMENTS: dict[str, dict[str, str]] = {
    **{f"SaveTheCity-{scenario}": dict(name="save_the_city", scenario=scenario) for scenario in CITIES},
    **{f"SMAC-{scenario}": dict(name="smac_multiarmy", scenario=scenario) for scenario in BATTLES},
    "GroupMatching": dict(name="group_matching"),
    "LuxEntities": dict(name="lux_entities"),
}
"""Name -> arguments of `team_env.TeamEnv`."""


def register_environments() -> None:
    """Let ``gymnasium.make("ding_alma/<name>-v0")`` make every one of `ENVIRONMENTS`."""
    for name, arguments in ENVIRONMENTS.items():
        env_id = f"{NAMESPACE}/{name}-v0"
        if env_id not in gymnasium.registry:
            # Gymnasium's checker expects one reward.
            gymnasium.register(
                env_id, "dizoo_ext.plain.team_env:TeamEnv", disable_env_checker=True, kwargs=dict(arguments)
            )
