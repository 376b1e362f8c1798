"""What masked PPO's update costs with the thesis' sizes on Lux: python benchmarks/lux_update.py

Minibatches of random observations as `configs/lux_mppo_config.py` makes them (steps of one team, 48 x 48 tiles, 69
members) through the published network, one optimiser step each; an update's time and a run's follow from theirs.
"""

import argparse
import math
import resource
import time

import torch
from torch import Tensor

from ding_alma.model.actor_critic.lux_heads import LUX_HEADS, LUX_PATHS
from ding_alma.model.actor_critic.map_actor_critic import PRECISIONS, MapActorCritic, StagedActor
from ding_alma.policy.heap import keep_heap
from ding_alma.policy.mppo import MppoPolicy
from ding_alma.rl.optimisation import clipped_step
from ding_alma.rl.ppo import PpoConfig
from ding_alma.rl.ppo_update import PpoRows, minibatch_backward
from ding_alma.rl.separation import SEPARATIONS
from ding_alma.rl.trajectory_examples import TrajectoryExamples
from ding_alma.setting.lux import paper

RUN_STEPS, TEAMS = 102_400, 2
COMPARED = 64
"""Steps whose gradient is compared with that of float32."""


def random_rows(rows: int, members: int, planes: int, board: int, generator: torch.Generator) -> PpoRows:
    """Steps in which everybody acts."""
    shape, actions = (rows, members), len(LUX_PATHS)
    everybody = torch.ones(shape, dtype=torch.bool)
    advantage, returns, value, log_prob = (torch.randn(shape, generator=generator) for _ in range(4))
    return PpoRows(
        {
            "planes": torch.randn(rows, planes, board, board, generator=generator).half(),
            "member_position": torch.randint(board, (*shape, 2), generator=generator),
            "member_type": torch.randint(2, shape, generator=generator),
            "action_mask": torch.ones(*shape, actions, dtype=torch.bool),
        },
        everybody,
        torch.randint(actions, shape, generator=generator),
        None,
        TrajectoryExamples(advantage, returns, value, log_prob, everybody),
    )


def gradient(network: MapActorCritic, rows: PpoRows) -> Tensor:
    """Of all parameters, as one vector."""
    network.zero_grad()
    minibatch_backward(network, rows, SEPARATIONS["full"], "active", PpoConfig())
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    config = paper("mppo")[0]
    env, policy, ppo = config.env, config.policy, MppoPolicy.config["ppo"]
    parser.add_argument("--steps", type=int, default=ppo["minibatch_steps"], help="steps in a minibatch")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--default-heap", action="store_true", help="let glibc give freed memory back")
    parser.add_argument("--precision", choices=list(PRECISIONS), default="float32", help="policy.map.precision")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if not args.default_heap:
        keep_heap()
    generator = torch.Generator().manual_seed(0)

    def built(precision: str) -> MapActorCritic:
        actor = StagedActor(32, LUX_HEADS, LUX_PATHS)
        return MapActorCritic(policy.map.planes, policy.map.member_types, actor, precision=precision)

    network = built(args.precision)
    optimiser = torch.optim.Adam(network.parameters(), lr=ppo["learning_rate"], eps=ppo["adam_eps"])
    rows = random_rows(args.steps, policy.model.agent_num, policy.map.planes, env.map_size, generator)
    if args.precision != "float32":
        exact = built("float32")
        exact.load_state_dict(network.state_dict())
        few = rows.pick(torch.arange(min(args.steps, COMPARED)))
        own, other = gradient(network, few), gradient(exact, few)
        difference, cosine = (own - other).norm() / other.norm(), torch.cosine_similarity(own, other, 0)
        print(f"gradient of {len(few.action)} steps against float32: difference {difference:.1%}, cosine {cosine:.4f}")
    times = []
    for _ in range(1 + args.repeats):
        begin = time.process_time()
        optimiser.zero_grad()
        loss = minibatch_backward(network, rows, SEPARATIONS["full"], "active", PpoConfig())
        clipped_step(loss.total, optimiser, network.parameters(), ppo["grad_norm_clip"])
        times.append(time.process_time() - begin)
    seconds = min(times[1:])
    collection = env.collector_env_num * env.training_limit
    steps = ppo["epochs"] * TEAMS * collection
    update = seconds * ppo["epochs"] * TEAMS * math.ceil(collection / args.steps)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"minibatch of {args.steps} steps: first {times[0]:.1f} s, then {seconds:.1f} s of CPU, 1 thread")
    print(f"per step {1e3 * seconds / args.steps:.1f} ms; largest memory {memory:.1f} GiB")
    print(
        f"update of {steps:,} steps ({ppo['epochs']} epochs x {TEAMS} teams x {collection:,}): {update / 60:.0f} min; "
        f"{RUN_STEPS:,} environment steps: {update * RUN_STEPS / collection / 3600:.1f} h"
    )


if __name__ == "__main__":
    main()
