"""Steps per second of ``dizoo_ext.make_vec`` and of others' StarCraft: ``python benchmarks/neighbours_speed.py``.

A step is one environment's step with its observations, random allowed actions, and resets of ended episodes; choosing
the actions counts, as it does in training. The others are SMAX of JaxMARL, whose whole loop is compiled, and SMAClite;
where they are not installed, a line says so. Processor time is counted, so hold JAX to one thread with
``XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"``; with ``--wall`` it is the clock's,
which is what a device of its own needs.
"""

import argparse
import contextlib
import io
import os
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

import dizoo_ext

BATCHES = (1, 64, 512)
OURS = {
    "save_the_city 2-5a_2-5b": dict(name="save_the_city", scenario="2-5a_2-5b"),
    "smac_multiarmy 6-8sz": dict(name="smac_multiarmy", scenario="6-8sz_maxsize4_maxarmies3_symmetric"),
    "smac_multiarmy 3m": dict(name="smac_multiarmy", scenario="3m"),
    "smac_multiarmy 2s3z": dict(name="smac_multiarmy", scenario="2s3z"),
    "smac_multiarmy 3s5z": dict(name="smac_multiarmy", scenario="3s5z"),
    "group_matching": dict(name="group_matching"),
}
SMAX_MAPS = ("3m", "2s3z")
SMACLITE_MAPS = ("2s3z", "3s5z")
"""It has no 3m."""


def ours(config: dict[str, Any], num_envs: int) -> Callable[[int], Any]:
    """A function that makes so many calls of a vector environment."""
    env = dizoo_ext.make_vec(num_envs=num_envs, seed=0, observation="entities", **config)
    env.reset()

    def play(calls: int) -> None:
        for _ in range(calls):
            env.step(env.random_actions())

    return play


def smax(scenario: str, num_envs: int) -> Callable[[int], Any]:
    """The same for SMAX with the enemies that it scripts, in one compiled loop."""
    jax, jaxmarl = import_module("jax"), import_module("jaxmarl")
    maps = import_module("jaxmarl.environments.smax")
    env = jaxmarl.make("HeuristicEnemySMAX", scenario=maps.map_name_to_scenario(scenario))

    def step(states: Any, key: Any) -> tuple[Any, Any]:
        key, *of_agents = jax.random.split(key, 1 + len(env.agents))
        available = jax.vmap(env.get_avail_actions)(states)
        actions = {
            agent: jax.random.categorical(own, jax.numpy.log(available[agent].astype(float)))
            for agent, own in zip(env.agents, of_agents, strict=True)
        }
        _, states, rewards, _, _ = jax.vmap(env.step)(jax.random.split(key, num_envs), states, actions)
        return states, rewards[env.agents[0]].sum()

    @jax.jit
    def loop(states: Any, keys: Any) -> tuple[Any, Any]:
        return jax.lax.scan(step, states, keys)

    _, begun = jax.vmap(env.reset)(jax.random.split(jax.random.PRNGKey(0), num_envs))
    keys = jax.random.split(jax.random.PRNGKey(1), CALLS)

    def play(calls: int) -> None:
        states = begun
        for _ in range(max(1, calls // CALLS)):
            states, rewards = loop(states, keys)
            rewards.block_until_ready()

    return play


def smaclite(scenario: str, num_envs: int) -> Callable[[int], Any]:
    """The same for one SMAClite after another."""
    make = import_module(os.environ.get("SMACLITE_GYM", "gymnasium")).make
    # Each says something, in the middle of the table.
    with contextlib.redirect_stdout(io.StringIO()):
        envs = [make(f"smaclite/{scenario}-v0", use_cpp_rvo2=False) for _ in range(num_envs)]
    generator = np.random.default_rng(0)
    for env in envs:
        env.reset()

    def play(calls: int) -> None:
        for _ in range(calls):
            for env in envs:
                available = np.array(env.unwrapped.get_avail_actions())
                ended = env.step((available * generator.random(available.shape)).argmax(1).tolist())[2:4]
                if any(ended):
                    env.reset()

    return play


CALLS = 100
"""Calls of one compiled loop of SMAX."""


def steps_per_second(play: Callable[[int], Any], num_envs: int, seconds: float, clock: Callable[[], float]) -> float:
    """Calls more and more often until a timed run takes long enough; the first, which compiles, is not timed."""
    calls = CALLS
    play(calls)
    while True:
        start = clock()
        play(calls)
        took = clock() - start
        if took >= seconds:
            return calls * num_envs / took
        calls *= 2 if took == 0 else max(2, int(np.ceil(seconds / took)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--seconds", type=float, default=3.0, help="a timed run takes at least so long")
    parser.add_argument("--only", choices=("ours", "smax", "smaclite"), nargs="+", default=["ours", "smax", "smaclite"])
    parser.add_argument("--wall", action="store_true", help="take the clock's time instead of the processor's")
    args = parser.parse_args()
    clock = time.perf_counter if args.wall else time.process_time
    rows: list[tuple[str, Callable[[int], Callable[[int], Any]]]] = []
    if "ours" in args.only:
        rows += [(name, partial(ours, config)) for name, config in OURS.items()]
    for package, kind, make, maps in (
        ("jaxmarl", "smax", smax, SMAX_MAPS),
        ("smaclite", "smaclite", smaclite, SMACLITE_MAPS),
    ):
        if kind not in args.only:
            continue
        if find_spec(package) is None:
            print(f"{package} is not installed, so its rows are missing")
            continue
        # Before the table, because packages print when they are imported.
        import_module(package)
        rows += [(f"{kind} {name}", partial(make, name)) for name in maps]
    print(f"{'steps/s':<26}" + "".join(f"{f'n = {n}':>12}" for n in args.batches))
    for name, build in rows:
        print(f"{name:<26}", end="", flush=True)
        for n in args.batches:
            print(f"{steps_per_second(build(n), n, args.seconds, clock):>12,.0f}", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
