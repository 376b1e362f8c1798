"""How one finished episode is stored, and how stored episodes become a batch."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ding_alma.replay.training_sequences import SequenceSteps
from ding_alma.rl.batch import EpisodeBatch, HostSteps
from ding_alma.rl.transfer import to_device

OBSERVED = {
    "entities": torch.float32,
    "entity_mask": torch.bool,
    "obs_mask": torch.bool,
    "entity_subtask": torch.int8,
    "subtask_mask": torch.bool,
    "action_mask": torch.bool,
}
"""Observation keys stored at every step, with their compact types."""
CHOSEN = {"allocation": torch.int8, "decision": torch.bool, "action": torch.int16}
"""What the policy adds at every step; the final step repeats the allocation held and has no decision or action."""
OUTCOME = {
    "reward": torch.float32,
    "subtask_reward": torch.float32,
    "subtask_done": torch.bool,
    "terminated": torch.bool,
}
"""What the environment answers to a transition; zero at the final step."""
TIED = {"action_subtask": torch.int8}
"""Stored only where an environment's ties between actions and subtasks are used."""
GROUPED = {"groups": torch.int8}
"""Stored only where an environment's true groups are used."""

Episode = dict[str, Tensor | int]
"""``length`` L (transitions), ``collected_at`` (environment steps), and step arrays of L + 1 rows per stored key."""


class EpisodeTable:
    """Preallocated storage of whole episodes: slot x step, one tensor per key.

    Memory is taken as slots are first written. A longer episode than any before widens the table.
    """

    def __init__(self, capacity: int, device: torch.device | str = "cpu") -> None:
        self.capacity = capacity
        self.device = torch.device(device)
        self.lengths = np.zeros(capacity, np.int64)
        self.collected_at = np.zeros(capacity, np.int64)
        self._steps: dict[str, Tensor] = {}
        self._decides = np.zeros((capacity, 0), bool)
        """The steps' ``decision`` once more, on the host, for `HostSteps`."""

    def write(self, slots: Sequence[int], episodes: Sequence[Mapping[str, Tensor | int]]) -> None:
        """Put episodes into slots, over whatever was there; they travel to the table's device together.

        Raises:
            ValueError: a key is missing or unknown, or does not have a row for every step.
        """
        steps = [
            {key: torch.as_tensor(value) for key, value in episode.items() if key not in ("length", "collected_at")}
            for episode in episodes
        ]
        named = {(number, key): value for number, of_one in enumerate(steps) for key, value in of_one.items()}
        moved = to_device(named, self.device)
        for number, (slot, episode, of_one) in enumerate(zip(slots, episodes, steps, strict=True)):
            length = int(episode["length"])
            wrong = {key: len(value) for key, value in of_one.items() if len(value) != length + 1}
            if length < 1 or wrong:
                raise ValueError(
                    f"an episode of {length} transitions must store {length + 1} steps per key, got {wrong}"
                )
            if self._steps and of_one.keys() != self._steps.keys():
                raise ValueError(f"episode has the keys {sorted(of_one)}, the buffer stores {sorted(self._steps)}")
            self._widen(of_one, length + 1)
            for key in of_one:
                self._steps[key][slot, : length + 1] = moved[number, key]
            self._decides[slot, : length + 1] = of_one["decision"].cpu().numpy()
            self.lengths[slot] = length
            self.collected_at[slot] = int(episode["collected_at"])

    def _widen(self, steps: Mapping[str, Tensor], width: int) -> None:
        held = next(iter(self._steps.values())).shape[1] if self._steps else 0
        if width <= held:
            return
        width = max(width, held + held // 2)
        for key, value in steps.items():
            grown = torch.empty((self.capacity, width, *value.shape[1:]), dtype=value.dtype, device=self.device)
            if held:
                used = self.lengths > 0
                grown[used, :held] = self._steps[key][used]
            self._steps[key] = grown
        self._decides = np.pad(self._decides, ((0, 0), (0, width - self._decides.shape[1])))

    def read(self, slot: int) -> Episode:
        """A copy of the episode in a slot."""
        length = int(self.lengths[slot])
        episode: Episode = {key: steps[slot, : length + 1].cpu().clone() for key, steps in self._steps.items()}
        return {**episode, "length": length, "collected_at": int(self.collected_at[slot])}

    def batch(self, slots: np.ndarray, rows: SequenceSteps) -> EpisodeBatch:
        """Gather rows of the episodes in ``slots`` (n,) into a batch on the table's device."""
        slot = slots[rows.episode]
        width = next(iter(self._steps.values())).shape[1]
        first = rows.step == 0
        place = self._places(slot * width + rows.step)
        place_before = self._places(slot * width + np.maximum(rows.step - 1, 0))

        def take(key: str, place: Tensor = place) -> Tensor:
            steps = self._steps[key]
            # One index into slots and steps laid end to end is three times as fast as an index for each.
            taken = steps.view(-1, *steps.shape[2:]).index_select(0, place)
            return taken.view(*rows.step.shape, *steps.shape[2:])

        length = self.lengths[slot]
        valid = rows.filled & (rows.step < length)
        last = valid & (rows.step == length - 1)
        # Known even where a row starts in mid-episode, because the whole episode is stored.
        last_action = take("action", place_before).long()
        last_action.masked_fill_(self._moved(first).unsqueeze(-1), -1)
        on_host = None
        if self.device.type != "cpu":
            on_host = HostSteps(*map(torch.from_numpy, (self._decides[slot, rows.step], valid, first)))
        return EpisodeBatch(
            entities=take("entities"),
            entity_mask=take("entity_mask"),
            obs_mask=take("obs_mask"),
            entity_subtask=take("entity_subtask").long(),
            subtask_mask=take("subtask_mask"),
            action_mask=take("action_mask"),
            action_subtask=take("action_subtask").long() if "action_subtask" in self._steps else None,
            allocation=take("allocation").long(),
            action=take("action").long(),
            last_action=last_action,
            reward=take("reward"),
            subtask_reward=take("subtask_reward"),
            terminated=take("terminated"),
            last_transition=self._moved(last),
            subtask_done=take("subtask_done"),
            decision=take("decision"),
            valid=self._moved(valid),
            collected_at=self._moved(self.collected_at[slots]),
            groups=take("groups").long() if "groups" in self._steps else None,
            on_host=on_host,
        )

    def _places(self, place: np.ndarray) -> Tensor:
        return self._moved(place.ravel())

    def _moved(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).to(self.device, non_blocking=True)


def table_of(episodes: Sequence[Episode], device: torch.device | str = "cpu") -> EpisodeTable:
    """A table that holds exactly these episodes, as a list-based buffer hands them out."""
    table = EpisodeTable(len(episodes), device)
    table.write(range(len(episodes)), episodes)
    return table
