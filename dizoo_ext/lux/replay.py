"""Games written down in the format of the engine's own runner, which the official viewer opens (s2vis.lux-ai.org)."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

_CHANGING = ("rubble", "lichen", "lichen_strains")
"""Boards of which only changes are kept."""


class Replay:
    """One game, early phase included: the first observation whole, later ones as changes, and all actions.

    Args:
        players: names of both, shown by the viewer.
    """

    def __init__(self, players: tuple[str, str]) -> None:
        self._players = players
        self._observations: list[dict[str, Any]] = []

    def begin(self, state: Any) -> None:
        """Start with the engine's state after a reset; an earlier game is dropped."""
        self._seed = int(state.seed)
        self._observations = [_plain(state.get_compressed_obs())]
        self._actions: list[dict[str, Any]] = []
        self._keep_boards(state)

    def add(self, actions: dict[str, Any], state: Any) -> None:
        """Append a step: what both players sent, and the state that it led to."""
        self._actions.append(_plain(copy.deepcopy(actions)))
        self._observations.append(_plain(state.get_change_obs({"board": self._boards})))
        self._keep_boards(state)

    def write(self, path: Path) -> None:
        """Write the game as JSON; missing folders are made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        players = dict(zip(("player_0", "player_1"), self._players, strict=True))
        replay = {
            "observations": self._observations,
            "actions": self._actions,
            "metadata": {"seed": self._seed, "players": players},
            "default_seed": self._seed,
        }
        path.write_text(json.dumps(replay, separators=(",", ":")))

    def _keep_boards(self, state: Any) -> None:
        self._boards = {name: getattr(state.board, name).copy() for name in _CHANGING}


class EpisodeReplays:
    """Writes the replay of each episode to ``<folder>/<name>_episode<number>.json``.

    Args:
        name: must differ between the environments that share a folder.
        players: see `Replay`.
    """

    def __init__(self, folder: str | Path, name: str, players: tuple[str, str]) -> None:
        self._folder, self._name, self._players = Path(folder), name, players
        self._episodes = 0

    def begin(self) -> Replay:
        """What the next game is written down in; an unfinished one is dropped."""
        self._replay = Replay(self._players)
        return self._replay

    def write(self) -> None:
        """Write the game begun last, which has ended."""
        self._replay.write(self._folder / f"{self._name}_episode{self._episodes}.json")
        self._episodes += 1


def _plain(value: Any) -> Any:
    """Arrays and numpy's numbers as JSON knows them."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value
