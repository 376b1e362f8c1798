"""Training runs of seconds, through DI-engine's own pipeline."""

import copy
import runpy
from pathlib import Path

import torch
from ding.config import compile_config
from ding.entry import serial_pipeline
from easydict import EasyDict

from ding_alma.run.checkpoint import BEST_CHECKPOINT
from ding_alma.run.open_policy import open_policy
from ding_alma.run.run_config import keep_config
from dizoo_ext.save_the_city.env import SaveTheCityEnv

CONFIGS = Path(__file__).parents[2] / "configs"


def read_config(name: str) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of a file in ``configs/``."""
    module = runpy.run_path(str(CONFIGS / name))
    return module["main_config"], module["create_config"]


def tiny_config(
    policy: str = "alma",
    manager: str = "vector",
    buffer: str = "episode_ring",
    config: str = "small/save_the_city_alma",
) -> tuple[EasyDict, EasyDict]:
    """A config with short episodes, two environments and networks of a few neurons."""
    main, create = read_config(f"{config}_config.py")
    main.exp_name = "run"
    main.env.update(collector_env_num=2, evaluator_env_num=2, n_evaluator_episode=2, episode_limit=12)
    main.policy.network.update(attention_dim=8, attention_heads=2, hidden_dim=8, hypernet_dim=8, mixing_dim=4)
    main.policy.allocation.update(period=3, dim=8, heads=2, proposals=4, target_update=2)
    main.policy.learn.update(batch_size=4, update_per_collect=2)
    main.policy.model.actor_hidden_size_list = [8, 8]
    main.policy.collect.update(n_episode=4, env_num=2)
    main.policy.eval.update(env_num=2)
    main.policy.eval.evaluator.eval_freq = 4
    main.policy.other.replay_buffer = EasyDict(replay_buffer_size=50)
    create.policy.type = policy
    create.env_manager.type = manager
    create.replay_buffer.type = buffer
    return main, create


def write_untrained_run(
    folder: Path, policy: str = "alma", config: str = "small/save_the_city_alma", **block: dict
) -> Path:
    """The folder of a run as training leaves it, at no cost: its networks have learned nothing.

    Args: block: keys that are changed, by block of ``policy``, such as ``allocation=dict(source="random")``.
    """
    main, create = tiny_config(policy, config=config)
    for name, changes in block.items():
        main.policy[name].update(changes)
    merged = compile_config(main, create_cfg=create, auto=True, save_cfg=False)
    keep_config(merged, folder)
    torch.manual_seed(0)
    (folder / "ckpt").mkdir()
    torch.save(open_policy(merged.policy, "learn").learn_mode.state_dict(), folder / "ckpt" / BEST_CHECKPOINT)
    return folder


def train(main: EasyDict, create: EasyDict, seed: int = 0, iterations: int = 4):
    """Train in the current folder; returns the policy."""
    torch.set_num_threads(1)
    return serial_pipeline((copy.deepcopy(main), copy.deepcopy(create)), seed=seed, max_train_iter=iterations)


def collect(policy, main: EasyDict, episodes: int = 4) -> list[dict]:
    """Episodes that ``policy`` plays and records in one environment, as a collector would drive it."""
    env = SaveTheCityEnv(EasyDict(scenario=main.env.scenario, episode_limit=main.env.episode_limit))
    env.seed(0)
    mode, samples = policy.collect_mode, []
    for _ in range(episodes):
        mode.reset([0])
        obs, done = env.reset(), False
        while not done:
            output = mode.forward({0: obs}, eps=0.5, env_step=0)[0]
            timestep = env.step(output["action"])
            transition = mode.process_transition(obs, output, timestep)
            obs, done = timestep.obs, timestep.done
        samples += mode.get_train_sample([transition])
    return samples


def last_checkpoint(folder: Path) -> dict:
    """The newest checkpoint of the run in ``folder``."""
    return torch.load(folder / "ckpt" / "ckpt_last.pth.tar", weights_only=True)
