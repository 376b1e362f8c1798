"""Collecting in data parallel learning, where every process has environments of its own."""

from typing import Any

from ding.utils import SERIAL_COLLECTOR_REGISTRY
from ding.worker import EpisodeSerialCollector

from ding_alma.model.processes import joint_size


@SERIAL_COLLECTOR_REGISTRY.register("joint_episode")
class JointEpisodeCollector(EpisodeSerialCollector):
    """DI-engine's collector of episodes, whose counter of steps counts those of all processes.

    So all processes explore by the same schedules and reach the run's limit in the same iteration.
    """

    _total_envstep_count: int

    def collect(self, *args: Any, **kwargs: Any) -> list[Any]:
        """As DI-engine's; all processes must call it."""
        before = self._total_envstep_count
        samples = super().collect(*args, **kwargs)
        self._total_envstep_count = before + joint_size(self._total_envstep_count - before)
        return samples
