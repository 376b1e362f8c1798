"""Fills numba's cache with the kernels that most tests use, each compiled once, in two processes.

Two workers that find the cache empty would each compile nearly everything for themselves.
"""

import contextlib
import multiprocessing
import tempfile

from embedded_engine import EmbeddedEngine
from tiny_runs import tiny_config, train

from ding_alma.setting.save_the_city import small
from dizoo_ext.group_matching.vector import GroupMatchingVector
from dizoo_ext.lux.warm_up import warm_up
from dizoo_ext.save_the_city.baseline import ALLOCATIONS, play_baseline
from dizoo_ext.save_the_city.vector import SaveTheCityVector
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector


def learn() -> None:
    """The kernels of the networks and of the city."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for policy in ("alma", "refil", "copa"):
            train(*tiny_config(policy), iterations=2)
        main, create = tiny_config()
        main.policy.network.subtask_agent = main.policy.allocation.network = "pairwise"
        train(main, create, iterations=2)
        # Some kernels are made for one width: these are the small setting's, which the pages train.
        for policy in ("alma", "refil"):
            main, create = small(policy, collector_env_num=2, evaluator_env_num=2, episode_limit=12)
            main.policy.learn.update(batch_size=4, update_per_collect=2)
            train(main, create, iterations=2)
    for allocation in ALLOCATIONS:
        play_baseline(SaveTheCityVector(1), allocation, episodes=1)


def play() -> None:
    """Battles in one compiled call and in steps, and the other games."""
    for vector, options in (
        (SmacMultiArmyVector, {}),
        (SmacMultiArmyVector, dict(engine=EmbeddedEngine)),
        (GroupMatchingVector, {}),
    ):
        env = vector(1, **options)
        env.seed([0])
        observation, done = env.reset(), False
        while not done:
            step = env.step(observation["action_mask"].argmax(-1))
            observation, done = step.observation, step.done[0]
    # Needs the engine, an extra.
    with contextlib.suppress(ModuleNotFoundError), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        warm_up()
        main, create = tiny_config(config="small/lux_alma")
        main.env.manager = {}
        train(main, create, iterations=2)


if __name__ == "__main__":
    # Forked, because each import of everything takes as long as a kernel.
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=target) for target in (learn, play)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    raise SystemExit(any(process.exitcode for process in processes))
