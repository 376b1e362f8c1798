"""Other people's environments, through PettingZoo's parallel interface, as environments of the contract."""

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.adapter.env import PettingZooEnv, from_pettingzoo
from dizoo_ext.adapter.game import ParallelGame
from dizoo_ext.adapter.team_game import TeamGame
from dizoo_ext.adapter.view import View

__all__ = ["ParallelGame", "PettingZooEnv", "TeamGame", "View", "from_pettingzoo"]
