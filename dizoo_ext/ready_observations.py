"""The observations that environments wait with, kept as the batches in which they came."""

from collections.abc import Collection, Sequence

import numpy as np

from dizoo_ext.vector_env import Observation


class ReadyObservations:
    """The newest observation of every environment, handed out one by one or as a batch.

    What came as one batch is not taken apart before somebody asks for a single environment.
    """

    def __init__(self) -> None:
        self._place: dict[int, tuple[Observation, int]] = {}
        self._single: dict[int, dict[str, np.ndarray]] = {}

    def put(self, ids: Sequence[int], observation: Observation) -> None:
        """Row ``j`` of ``observation`` is what the environment ``ids[j]`` shows from now on."""
        for row, i in enumerate(ids):
            self._place[i] = (observation, row)
            self._single.pop(i, None)

    def __getitem__(self, env: int) -> dict[str, np.ndarray]:
        """The observation of one environment: views, the same ones at every call."""
        if env not in self._single:
            observation, row = self._place[env]
            self._single[env] = {key: value[row] for key, value in observation.items()}
        return self._single[env]

    def batch(self, ids: Sequence[int], keys: Collection[str]) -> Observation:
        """Those of ``keys`` that there are, (n, ...) each, of the environments ``ids`` (n,); not to be written to."""
        places = [self._place[i] for i in ids]
        newest = places[0][0]
        keys = [key for key in newest if key in keys]
        if any(observation is not newest for observation, _ in places):
            return {key: np.stack([observation[key][row] for observation, row in places]) for key in keys}
        rows = [row for _, row in places]
        if rows == list(range(len(newest[keys[0]]))):
            return {key: newest[key] for key in keys}
        return {key: newest[key][rows] for key in keys}
