"""Policies that are driven hook by hook, without DI-engine's pipelines: seconds for what takes a run a minute."""

import copy
from typing import Any

import numpy as np
import torch
from ding.config import compile_config
from ding.policy import Policy, create_policy
from ding.utils import ENV_REGISTRY
from easydict import EasyDict
from tiny_runs import tiny_config

from ding_alma.replay.ring import EpisodeRing

EPISODES = 2
"""Of a collection, and of a batch."""


def driven_config(policy: str, config: str) -> tuple[EasyDict, EasyDict]:
    """The tiny config of a policy on the GPU, in which episodes are short, decisions frequent and targets copied."""
    main, create = tiny_config(policy, "base", config=config)
    main.env.update(episode_limit=4)
    if "lux" in config:
        main.env.update(training_limit=4, map_size=16, opponent="none")
    main.policy.cuda = True
    main.policy.map = EasyDict(main.policy.get("map", {}), width=4, squeezed=2)
    main.policy.ppo = EasyDict(main.policy.get("ppo", {}), epochs=2, minibatch_steps=16)
    main.policy.learn.update(target_update=1, batch_size=EPISODES)
    device = {} if policy == "mppo" else {"device": "cuda"}
    main.policy.other.replay_buffer = EasyDict(replay_buffer_size=8, sequence_length=6, **device)
    return main, create


class Driven:
    """A policy with an environment and a replay buffer of its own."""

    def __init__(self, main: EasyDict, create: EasyDict, seed: int = 0) -> None:
        torch.manual_seed(seed)
        np.random.seed(seed)
        create = copy.deepcopy(create)
        create.policy.type += "_command"
        self.cfg = compile_config(copy.deepcopy(main), create_cfg=create, auto=True, save_cfg=False)
        self.policy: Policy = create_policy(self.cfg.policy, enable_field=["learn", "collect", "eval", "command"])
        self.env = ENV_REGISTRY.get(create.env.type)(self.cfg.env)
        self.env.seed(seed)
        self.buffer = EpisodeRing(self.cfg.policy.other.replay_buffer)

    def collect(self, episodes: int = EPISODES) -> None:
        """Play and record."""
        mode = self.policy.collect_mode
        setting = self.policy.command_mode.get_setting_collect({"envstep": 0}) or {}
        for _ in range(episodes):
            transition = self._play(mode, {"env_step": 0, **setting}, mode.process_transition)
            self.buffer.push(mode.get_train_sample([transition]), cur_collector_envstep=0)

    def evaluate(self) -> list[Any]:
        """Play as in evaluation; returns the actions."""
        actions: list[Any] = []
        self._play(self.policy.eval_mode, {}, lambda obs, output, timestep: actions.append(output["action"]))
        return actions

    def _play(self, mode: Any, setting: dict[str, float], record: Any) -> Any:
        mode.reset([0])
        obs, done = self.env.reset(), False
        while not done:
            output = mode.forward({0: obs}, **setting)[0]
            timestep = self.env.step(output["action"])
            recorded = record(obs, output, timestep)
            obs, done = timestep.obs, timestep.done
        return recorded

    def update(self) -> None:
        """Learn once."""
        self.policy.learn_mode.forward(self.buffer.sample(self.cfg.policy.learn.batch_size, 0))
