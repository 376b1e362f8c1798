"""Environments of this package as tasks of BenchMARL: its algorithms train on them, with masks and the true state.

Run: ``uv run --with benchmarl==1.5.2 python docs/examples/benchmarl_task.py``
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from benchmarl.algorithms import MappoConfig
from benchmarl.environments import TaskClass
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from tensordict import TensorDictBase
from torchrl.data import Composite
from torchrl.envs import EnvBase, PettingZooWrapper

from dizoo_ext.pettingzoo import INFO_KEYS, parallel_env


class EntityTask(TaskClass):
    """``EntityTask(name, config)``: a registered environment, and keywords of `parallel_env`.

    What ``config["metrics"]`` names is logged as the mean over the episodes that ended in a collection.
    """

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: str
    ) -> Callable[[], EnvBase]:
        # BenchMARL calls what is returned once for each environment of a batch: with one seed, all would play the same.
        seeds = count(seed or 0)

        def make_env() -> EnvBase:
            game = parallel_env(self.name, render_mode="rgb_array", **self.config)
            return PettingZooWrapper(game, return_state=True, seed=next(seeds), device=device)

        return make_env

    def supports_continuous_actions(self) -> bool:
        return False

    def supports_discrete_actions(self) -> bool:
        return True

    def has_render(self, env: EnvBase) -> bool:
        return True

    def max_steps(self, env: EnvBase) -> int:
        return env.max_cycles

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        return env.group_map

    def state_spec(self, env: EnvBase) -> Composite:
        return Composite({"state": env.observation_spec["state"].clone()})

    def observation_spec(self, env: EnvBase) -> Composite:
        return _only(env, "observation")

    def action_mask_spec(self, env: EnvBase) -> Composite:
        return _only(env, "action_mask")

    def info_spec(self, env: EnvBase) -> Composite:
        return _only(env, "info")

    def action_spec(self, env: EnvBase) -> Composite:
        return env.full_action_spec

    @staticmethod
    def env_name() -> str:
        return "ding_alma"

    @staticmethod
    def log_info(batch: TensorDictBase) -> dict[str, float]:
        ended, infos = batch["next", "done"].squeeze(-1), batch["next", "agent", "info"]
        if not ended.any():
            return {}
        # A loop over the infos themselves would go along their first axis.
        metrics = set(infos.keys()) - {*INFO_KEYS}
        # In the place of BenchMARL's own means over all steps, which are NaN: a metric is a number only at an end.
        return {f"collection/agent/info/{name}": infos[name][ended].mean().item() for name in metrics}


def _only(env: EnvBase, key: str) -> Composite:
    """One entry of what the agents observe; all are in the group ``agent``, after which they are named."""
    groups = {group: env.observation_spec[group] for group in env.group_map}
    return Composite({group: Composite({key: spec[key].clone()}, shape=spec.shape) for group, spec in groups.items()})


if __name__ == "__main__":
    task = EntityTask("save_the_city", dict(scenario="2-5a_2-5b", max_cycles=100, metrics=["solved"]))
    settings = replace(
        ExperimentConfig.get_from_yaml(), loggers=["csv"], evaluation=False, max_n_frames=None, max_n_iters=20
    )
    network = MlpConfig.get_from_yaml()
    Experiment(
        task=task,
        algorithm_config=MappoConfig.get_from_yaml(),
        model_config=network,
        critic_model_config=network,
        seed=0,
        config=settings,
    ).run()
