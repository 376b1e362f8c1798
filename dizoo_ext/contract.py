"""The observation contract: names, shapes and mask meaning that every environment hands to every policy.

``A`` agents (padded maximum), ``E`` entities (the agents first), ``K`` subtasks, ``U`` actions, ``F`` features.
Every mask is boolean in meaning and **True means exists / visible / unfinished / allowed**.
``action_mask`` alone is handed out as float32 zeros and ones, because DI-engine's own policies compute ``1 - mask``.

=========================  =================  =======  ==============================================================
key                        shape              dtype    meaning
=========================  =================  =======  ==============================================================
``entities``               (E, F)             float32  features, zero rows for absent entities
``entity_mask``            (E,)               bool     exists and is alive
``obs_mask``               (A, E)             bool     agent sees entity
``entity_subtask``         (E,)               int64    subtask of a non-agent entity, -1 for none and for agents
``subtask_mask``           (K,)               bool     subtask present and unfinished
``action_mask``            (A, U)             float32  allowed now; an absent or dead agent has exactly the no-op (0)
``action_subtask``         (A, U)             int64    subtask that an action is tied to, -1 for none, -2 - i for
                                                       "whatever subtask agent i is allocated to" (a healer's targets)
``heuristic_allocation``   (A,)               int64    what the environment's hand-made rule would assign, -1 for none
``agent_state``            (A, D)             float32  flat view, read by DI-engine's own policies
``global_state``           (G,)               float32  flat view, read by DI-engine's own policies
``groups``                 (E,)               int64    true group of every entity, -1 for none; only from environments
                                                       that know such groups (`EntitySpec.has_groups`)
=========================  =================  =======  ==============================================================
"""

from dataclasses import dataclass

import gym
import numpy as np

ENTITY_KEYS = (
    "entities",
    "entity_mask",
    "obs_mask",
    "entity_subtask",
    "subtask_mask",
    "action_mask",
    "action_subtask",
    "heuristic_allocation",
)
FLAT_KEYS = ("agent_state", "global_state")
OBSERVATION_CHOICES = ("both", "entities", "flat")
"""Values of the environments' ``observation`` option; ``flat`` keeps ``action_mask`` beside the two flat keys."""


@dataclass(frozen=True)
class EntitySpec:
    """Sizes of an environment's observations and actions."""

    agents: int
    entities: int
    subtasks: int
    actions: int
    features: int
    episode_limit: int
    has_groups: bool = False
    """``groups`` is handed out beside the other entity keys."""
    coordinates: tuple[int, ...] = ()
    """Columns of ``entities`` with a place on a map about one wide, for networks that compare places; none if empty."""
    cuts_early: bool = False
    """Episodes may be cut before ``episode_limit``, by limits that the environment does not know of beforehand."""

    @property
    def agent_state_size(self) -> int:
        """D: own row, every entity's row, own previous action one-hot, agent one-hot."""
        return self.features * (1 + self.entities) + self.actions + self.agents

    @property
    def global_state_size(self) -> int:
        """G: every entity's row."""
        return self.features * self.entities

    def observation_keys(self, observation: str) -> tuple[str, ...]:
        """Keys present under an ``observation`` option ('both', 'entities' or 'flat')."""
        if observation not in OBSERVATION_CHOICES:
            raise ValueError(f"observation must be one of {OBSERVATION_CHOICES}, got {observation!r}")
        if observation == "flat":
            return ("action_mask", *FLAT_KEYS)
        groups = ("groups",) if self.has_groups else ()
        return ENTITY_KEYS + groups + (FLAT_KEYS if observation == "both" else ())

    def observation_space(self, observation: str = "both") -> gym.spaces.Dict:
        """The flat gym Dict of Boxes that describes one environment's observation."""
        a, e, k, u = self.agents, self.entities, self.subtasks, self.actions
        boxes = {
            "entities": ((e, self.features), np.float32, -np.inf, np.inf),
            "entity_mask": ((e,), np.bool_, 0, 1),
            "obs_mask": ((a, e), np.bool_, 0, 1),
            "entity_subtask": ((e,), np.int64, -1, k - 1),
            "subtask_mask": ((k,), np.bool_, 0, 1),
            "action_mask": ((a, u), np.float32, 0, 1),
            "action_subtask": ((a, u), np.int64, -1 - a, k - 1),
            "heuristic_allocation": ((a,), np.int64, -1, k - 1),
            "groups": ((e,), np.int64, -1, e - 1),
            "agent_state": ((a, self.agent_state_size), np.float32, -np.inf, np.inf),
            "global_state": ((self.global_state_size,), np.float32, -np.inf, np.inf),
        }
        return gym.spaces.Dict(
            {
                key: gym.spaces.Box(low=low, high=high, shape=shape, dtype=dtype)
                for key, (shape, dtype, low, high) in ((key, boxes[key]) for key in self.observation_keys(observation))
            }
        )

    def action_space(self) -> gym.spaces.MultiDiscrete:
        """One discrete action per agent."""
        return gym.spaces.MultiDiscrete([self.actions] * self.agents)


@dataclass(frozen=True)
class MapSpec:
    """Sizes of an environment of maps, whose members stand at tiles (``lux``; keys in its observation module)."""

    teams: int
    members: int
    member_types: int
    actions: int
    planes: int
    map_size: int
    episode_limit: int
