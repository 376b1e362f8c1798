"""Golden and random decisions for the allocator's tests."""

import numpy as np
import torch

from ding_alma.model.allocation.allocator import Allocator
from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.reference_runs.names_allocator import load_critic, load_proposal
from ding_alma.rl.batch import EpisodeBatch


def tensor(array: np.ndarray) -> torch.Tensor:
    """A golden array as a tensor; reference masks stay as they are."""
    return torch.tensor(array)


def with_prefix(golden: dict[str, np.ndarray], prefix: str) -> dict[str, torch.Tensor]:
    """The arrays whose key starts with ``prefix``, without it."""
    return {key[len(prefix) :]: tensor(value) for key, value in golden.items() if key.startswith(prefix)}


def recorded_allocator(golden: dict[str, np.ndarray], prefix: str = "param") -> Allocator:
    """The networks of a golden file, of which targets are recorded without the proposal network."""
    allocator = Allocator(
        features=int(golden["cfg/entity_shape"]),
        subtasks=int(golden["cfg/n_tasks"]),
        proposals=int(golden["cfg/n_proposals"]),
        proposal_dim=int(golden["cfg/attn_embed_dim"]),
        proposal_heads=int(golden["cfg/attn_n_heads"]),
        critic_dim=int(golden["cfg/alloc_embed_dim"]),
        critic_heads=int(golden["cfg/alloc_n_heads"]),
        extra_subtasks=int(golden.get("cfg/n_extra_tasks", 0)),
        popart_alpha=0.01 if golden["cfg/popart"] else None,
    )
    load_critic(allocator.critic, with_prefix(golden, f"{prefix}_alloc_critic/"))
    if proposal := with_prefix(golden, f"{prefix}_alloc_policy/"):
        load_proposal(allocator.proposal, proposal)
    return allocator


def index_of(one_hot: torch.Tensor) -> torch.Tensor:
    """(...) int64 of a reference allocation (..., K), 1 = member, that may be off by rounding; -1 for zero rows."""
    return torch.where(one_hot.amax(-1) > 0.5, one_hot.argmax(-1), -1)


def subtask_of(entity2task_mask: torch.Tensor) -> torch.Tensor:
    """(...) int64 of a reference membership mask (..., K), 1 = not a member."""
    return index_of(1.0 - entity2task_mask.float())


def environment_subtask(entity2task_mask: torch.Tensor, agents: int) -> torch.Tensor:
    """`subtask_of` with the agents' entries taken out, as environments give it; entities on axis -2 of the mask."""
    subtask = subtask_of(entity2task_mask)
    subtask[..., :agents] = -1
    return subtask


def decision_state(arrays: dict[str, torch.Tensor]) -> DecisionState:
    """From the reference's arrays of N decisions."""
    agents = arrays["last_alloc"].shape[1]
    return DecisionState(
        entities=arrays["entities"],
        entity_mask=arrays["entity_mask"] == 0,
        entity_subtask=environment_subtask(arrays["entity2task_mask"], agents),
        subtask_mask=arrays["task_mask"] == 0,
        last_allocation=index_of(arrays["last_alloc"]),
    )


def random_state(
    generator: torch.Generator, points: int, agents: int, others: int, subtasks: int, features: int
) -> DecisionState:
    """Decisions with absent entities, subtasks of several entities, entities of none and finished subtasks."""

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    exists = rand(points, agents + others) < 0.7
    exists[:, 0] = True
    unfinished = rand(points, subtasks) < 0.6
    unfinished[torch.arange(points), torch.randint(subtasks, (points,), generator=generator)] = True
    entity_subtask = torch.randint(-1, subtasks, (points, agents + others), generator=generator)
    entity_subtask[:, :agents] = -1
    last = torch.randint(-1, subtasks, (points, agents), generator=generator)
    return DecisionState(
        entities=torch.randn(points, agents + others, features, generator=generator),
        entity_mask=exists,
        entity_subtask=entity_subtask,
        subtask_mask=unfinished,
        last_allocation=torch.where(exists[:, :agents], last, -1),
    )


def random_allocation(generator: torch.Generator, state: DecisionState, proposals: int) -> torch.Tensor:
    """(N, P, A) uniform over unfinished subtasks, -1 for inactive agents."""
    weight = state.subtask_mask.float()
    drawn = torch.multinomial(weight, proposals * state.agents, replacement=True, generator=generator)
    drawn = drawn.view(state.points, proposals, state.agents)
    return torch.where(state.active.unsqueeze(1), drawn, -1)


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    """Equal within an absolute plus relative tolerance."""
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=tolerance, check_dtype=False)


def episode_batch(arrays: dict[str, torch.Tensor], agents: int) -> EpisodeBatch:
    """From the reference's arrays (B, T, ...); what is missing there becomes empty or zero."""
    shape = arrays["reward"].shape[:2]
    entity2task_mask = arrays["entity2task_mask"]
    entities, subtasks = entity2task_mask.shape[2:]
    reset = arrays["reset"].squeeze(-1) == 1
    valid = arrays["filled"].squeeze(-1) == 1
    valid[:, 1:] &= ~reset[:, :-1]

    def masks(key: str, *size: int) -> torch.Tensor:
        return arrays[key] == 0 if key in arrays else torch.ones(*shape, *size, dtype=torch.bool)

    empty = torch.zeros(*shape, agents, 0, dtype=torch.int64)
    return EpisodeBatch(
        entities=arrays.get("entities", torch.zeros(*shape, entities, 1)),
        entity_mask=masks("entity_mask", entities),
        obs_mask=empty.bool(),
        entity_subtask=environment_subtask(entity2task_mask, agents),
        subtask_mask=masks("task_mask", subtasks),
        action_mask=empty.bool(),
        action_subtask=None,
        allocation=subtask_of(entity2task_mask)[:, :, :agents].clone(),
        action=empty,
        last_action=empty,
        reward=arrays["reward"].squeeze(-1),
        subtask_reward=arrays.get("task_rewards", torch.zeros(*shape, subtasks)),
        terminated=arrays["terminated"].squeeze(-1) == 1,
        last_transition=reset,
        subtask_done=torch.zeros(*shape, subtasks, dtype=torch.bool),
        decision=arrays["hier_decision"].squeeze(-1) == 1,
        valid=valid,
        collected_at=arrays["t_added"].squeeze(-1),
    )
