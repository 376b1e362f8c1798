"""Small PettingZoo games drawn at random: agents come, die, vanish and are cut, and observations may be missing."""

import numpy as np
from gymnasium import spaces

from dizoo_ext.adapter import View

WAYS_OUT = ("terminated", "truncated", "both", "vanishes")
MASKS = ("observation", "info", "nowhere", "no observation")


class RandomGame:
    """Everything that happens follows from ``shape``, the seed of the episode and the actions."""

    def __init__(self, agents=3, others=2, subtasks=2, first_action=0, masks="observation", longest=8):
        self.possible_agents = [f"agent_{index}" for index in range(agents)]
        self.agents = []
        self.others, self.subtasks, self.masks, self.longest = others, subtasks, masks, longest
        self.actions = {name: 2 + index % 2 for index, name in enumerate(self.possible_agents)}
        self.first_action = first_action
        self.given = []
        self.is_closed = False

    def action_space(self, agent):
        return spaces.Discrete(self.actions[agent], start=self.first_action)

    def reset(self, seed=None, options=None):
        self.random = np.random.default_rng(seed)
        self.options = options
        self.time = 0
        count = len(self.possible_agents)
        self.arrives = dict(zip(self.possible_agents, self.random.integers(0, 3, count).tolist(), strict=True))
        self.arrives[self.possible_agents[self.random.integers(count)]] = 0
        self.leaves = {
            name: arrival + int(self.random.integers(1, self.longest)) for name, arrival in self.arrives.items()
        }
        self.way = {name: WAYS_OUT[self.random.integers(len(WAYS_OUT))] for name in self.possible_agents}
        self.ends = self.random.integers(0, self.longest, max(self.subtasks, 1)).tolist()
        self.agents = [name for name in self.possible_agents if self.arrives[name] == 0]
        self._draw()
        return self._handed_out()

    def step(self, actions):
        assert set(actions) == set(self.agents), "exactly those who live act"
        for name, action in actions.items():
            assert self.legal[name][action - self.first_action], "only what is allowed is done"
        self.given.append(dict(actions))
        self.time += 1
        rewards = {name: float(self.random.normal()) + action for name, action in actions.items()}
        leaving = [name for name in self.agents if self.leaves[name] == self.time]
        terminations = {name: name in leaving and self.way[name] in ("terminated", "both") for name in self.agents}
        truncations = {name: name in leaving and self.way[name] in ("truncated", "both") for name in self.agents}
        vanished = [name for name in leaving if self.way[name] == "vanishes"]
        for name in vanished:
            del terminations[name], truncations[name]
        staying = [name for name in self.agents if name not in leaving]
        self.agents = staying + [name for name in self.possible_agents if self.arrives[name] == self.time]
        self._draw()
        return *self._handed_out()[:1], rewards, terminations, truncations, self._handed_out()[1]

    def close(self):
        self.is_closed = True

    def _draw(self):
        self.feature = {name: self.random.normal(size=2) for name in self.possible_agents}
        self.entity = {k: self.random.normal(size=2) for k in range(self.others) if self.random.random() < 0.7}
        self.sight = self.random.random((len(self.possible_agents), len(self.possible_agents) + self.others)) < 0.5
        self.legal = {}
        for name, size in self.actions.items():
            mask = self.random.random(size) < 0.5
            mask[self.random.integers(size)] = True
            self.legal[name] = mask if self.masks in ("observation", "info") else np.ones(size, bool)

    def _handed_out(self):
        masks = {name: mask.astype(np.int8) for name, mask in self.legal.items()}
        infos = {name: {} for name in self.possible_agents}
        if self.masks == "observation":
            return {name: {"observation": 0, "action_mask": mask} for name, mask in masks.items()}, infos
        if self.masks == "info":
            return {name: np.zeros(3) for name in masks}, {name: {"action_mask": mask} for name, mask in masks.items()}
        return ({} if self.masks == "no observation" else {name: np.zeros(3) for name in masks}), {}


class RandomView(View):
    features = 2
    coordinates = (0, 1)

    def __init__(self, game):
        super().__init__(game)
        self.others, self.subtasks = game.others, game.subtasks

    def begin(self):
        self.begun = self.game.time

    def agent_features(self, agent):
        return self.game.feature[agent]

    def entities(self):
        return self.game.entity

    def sees_agent(self, agent, other):
        index = self.game.possible_agents.index
        return self.game.sight[index(agent), index(other)]

    def sees_entity(self, agent, slot):
        return self.game.sight[self.game.possible_agents.index(agent), len(self.game.possible_agents) + slot]

    def subtask_of(self, slot):
        return slot % (self.subtasks + 1) - 1

    def is_open(self, subtask):
        return self.game.ends[subtask] > self.game.time

    def subtask_rewards(self, rewards):
        return [sum(rewards.values()) / (2 + subtask) for subtask in range(self.subtasks)]

    def action_subtasks(self, agent):
        return {1: self.game.time % self.subtasks}

    def metrics(self):
        return {"time": self.game.time}
