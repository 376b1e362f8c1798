"""Which of a team's slots a unit has."""

from bisect import insort
from collections.abc import Iterable


class UnitSlots:
    """A unit keeps its slot for life. A new one is given the lowest slot that nobody had at the observation before.

    So a slot stays empty for at least one observation between two units, and trajectories by slot never run together.

    Args:
        slots: their numbers, ascending.
    """

    def __init__(self, slots: Iterable[int]) -> None:
        self._free = list(slots)
        self._of: dict[str, int] = {}

    @property
    def free(self) -> int:
        """How many units may be born until the next observation."""
        return len(self._free)

    def slot(self, unit_id: str) -> int:
        """The slot of a unit that is observed, given to it if it is new. Raises a RuntimeError if there is none."""
        found = self._of.get(unit_id)
        if found is not None:
            return found
        if not self._free:
            raise RuntimeError(f"no slot is left for {unit_id}: more units were built than env.max_units allows")
        return self._of.setdefault(unit_id, self._free.pop(0))

    def keep(self, unit_ids: Iterable[str], count: int) -> None:
        """Close an observation in which the ``count`` units ``unit_ids`` lived: the slots of others become free."""
        if count == len(self._of):
            return
        for unit_id in self._of.keys() - set(unit_ids):
            insort(self._free, self._of.pop(unit_id))
