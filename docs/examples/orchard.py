"""Pickers walk through an orchard until its trees are empty: a PettingZoo environment, and a view of it."""

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from dizoo_ext import View, from_pettingzoo

MOVES = np.array([(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)])  # whoever stays under a tree picks a fruit


class Orchard(ParallelEnv):
    metadata = {"name": "orchard_v0"}

    def __init__(self, pickers=3, trees=2, size=5):
        self.possible_agents = [f"picker_{index}" for index in range(pickers)]
        self.trees, self.size = trees, size
        self._actions, mask = spaces.Discrete(len(MOVES)), spaces.Box(0, 1, (len(MOVES),), np.int8)
        self._observations = spaces.Dict(observation=spaces.Box(0, size - 1, (2,), np.int64), action_mask=mask)

    def action_space(self, agent):
        return self._actions

    def observation_space(self, agent):
        return self._observations

    def reset(self, seed=None, options=None):
        random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.place = {agent: random.integers(self.size, size=2) for agent in self.agents}
        self.tree = random.integers(self.size, size=(self.trees, 2))
        self.fruit = random.integers(1, 4, self.trees)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions):
        before, agents = self.fruit.copy(), self.agents
        for agent, action in actions.items():
            self.place[agent] = self.place[agent] + MOVES[action]
            if action == 0:
                self.fruit -= (self.tree == self.place[agent]).all(axis=1) & (self.fruit > 0)
        self.picked = before - self.fruit
        rewards = dict.fromkeys(agents, self.picked.sum() / len(agents))
        ended = dict.fromkeys(agents, not self.fruit.any())
        observations, infos = self._observe(), {agent: {} for agent in agents}
        self.agents = agents if self.fruit.any() else []
        return observations, rewards, ended, dict.fromkeys(agents, False), infos

    def _observe(self):
        reach = {agent: self.place[agent] + MOVES for agent in self.agents}
        masks = {agent: ((at >= 0) & (at < self.size)).all(axis=1).astype(np.int8) for agent, at in reach.items()}
        return {agent: {"observation": self.place[agent], "action_mask": masks[agent]} for agent in self.agents}


class OrchardView(View):
    features = 4  # place, is a tree, fruit
    coordinates = (0, 1)

    def __init__(self, game):
        super().__init__(game)
        self.others = self.subtasks = game.trees  # every tree is a subtask

    def agent_features(self, agent):
        return [*self.game.place[agent] / self.game.size, 0, 0]

    def entities(self):
        places, fruit = self.game.tree / self.game.size, self.game.fruit / 3
        return {tree: [*places[tree], 1, fruit[tree]] for tree in range(self.game.trees)}

    def subtask_of(self, slot):
        return slot

    def is_open(self, subtask):
        return self.game.fruit[subtask] > 0

    def subtask_rewards(self, rewards):
        return self.game.picked

    def metrics(self):
        return {"solved": not self.game.fruit.any()}


OrchardEnv = from_pettingzoo(Orchard, OrchardView, "orchard", pickers=3, trees=2, size=5, episode_limit=30)
