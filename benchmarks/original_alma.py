"""The learner of a clone of the original ALMA repository (shariqiqbal2810/ALMA), fed with our batches.

Its code is imported as it stands. It was written for an older torch: `older_torch` shows its byte masks to
``masked_fill`` as the booleans that they hold, and lets distributions take their arguments unchecked.

It computes what ours does, but for three things that cost nothing: its mixer's biases are non-negative whatever the
config says, a row that begins between two episodes has one transition more, and last actions are unknown where a row
begins, and kept where an episode does.
"""

import copy
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
import yaml
from ding.utils import deep_merge_dicts
from easydict import EasyDict
from torch import Tensor, nn

from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.network_inputs import subtask_of_entities

SETTINGS = ("default", "envs/ff", "algs/qmix_atten")
"""Files of the original's that its own command reads for SaveTheCity."""
TASK_ALLOCATION = {"learned": "aql", "heuristic": "heuristic", "random": "random"}
"""Our names of who allocates -> the original's."""


class OriginalAlma:
    """Networks of the sizes that a policy's config asks for, and the learner that trains them.

    Args:
        clone: folder of the repository.
        policy: block ``policy`` of our compiled config.
    """

    def __init__(self, clone: Path, policy: EasyDict) -> None:
        source = clone / "src"
        if not (source / "learners" / "q_learner.py").is_file():
            raise FileNotFoundError(f"{clone} holds no src/learners/q_learner.py; it should be a clone of ALMA")
        if str(source) not in sys.path:
            sys.path.insert(0, str(source))
        self._args = _arguments(source / "config", policy)
        self._batch_class = importlib.import_module("components.episode_buffer").EpisodeBatch
        one_hot = importlib.import_module("components.transforms").OneHot(self._args.n_actions)
        self._preprocess = {"actions": ("actions_onehot", [one_hot])}
        self._groups = {"agents": self._args.n_agents, "entities": self._args.n_entities}
        scheme = self._new_batch(1, 1).scheme
        controllers, learners = importlib.import_module("controllers"), importlib.import_module("learners")
        self.controller = controllers.REGISTRY[self._args.mac](scheme, self._groups, self._args)
        self.allocates = policy.allocation.source == "learned"
        if self.allocates:
            # It has one width for agents and proposals, we have two.
            width = policy.allocation.proposal_dim or policy.allocation.dim
            narrowed = SimpleNamespace(**{**vars(self._args), "attn_embed_dim": width})
            self.controller.alloc_policy = type(self.controller.alloc_policy)(self._args.entity_shape, narrowed)
        self.learner = learners.REGISTRY[self._args.learner](self.controller, scheme, _silent_logger(), self._args)

    def states(self) -> dict[str, dict[str, Tensor]]:
        """Network -> its parameters under the original's names, copied."""
        networks: dict[str, nn.Module] = {"agent": self.controller.agent, "mixer": self.learner.mixer}
        if self.allocates:
            networks |= {"proposal": self.controller.alloc_policy, "critic": self.controller.alloc_critic}
        # Its own `state_dict` of a network with Pop-Art is a pair.
        return {name: copy.deepcopy(nn.Module.state_dict(network)) for name, network in networks.items()}

    def batch(self, ours: EpisodeBatch) -> Any:
        """The same rows in the original's layout, whose masks say what is absent or hidden.

        Raises:
            ValueError: rows are padded; byte masks of padding hold more than 0 and 1.
        """
        closing = _closing_steps(ours)
        if not bool((ours.valid | closing).all()):
            raise ValueError("the original's masks are booleans only in rows without padding; take shorter rows")
        rows, steps, agents = ours.action.shape
        # Nobody but agents ever looks at anything.
        unseen = torch.ones(rows, steps, *2 * (self._args.n_entities,), dtype=torch.bool)
        unseen[:, :, :agents] = ~ours.obs_mask
        subtask = subtask_of_entities(ours.allocation, ours.entity_subtask)
        theirs = self._new_batch(rows, steps)
        arrays = dict(
            entities=ours.entities,
            obs_mask=unseen,
            entity_mask=~ours.entity_mask,
            entity2task_mask=subtask.unsqueeze(-1) != torch.arange(self._args.n_tasks),
            task_mask=~ours.subtask_mask,
            avail_actions=ours.action_mask,
            actions=ours.action.unsqueeze(-1),
            reward=ours.reward,
            task_rewards=ours.subtask_reward,
            terminated=ours.terminated,
            reset=ours.last_transition,
            tasks_terminated=ours.subtask_done,
            hier_decision=ours.decision,
            t_added=ours.collected_at,
        )
        stored = theirs.data.transition_data | theirs.data.episode_data
        for key, value in arrays.items():
            stored[key].copy_(value.view_as(stored[key]))
        stored["actions_onehot"].copy_(nn.functional.one_hot(ours.action, self._args.n_actions))
        stored["filled"].fill_(1)
        return theirs

    def _new_batch(self, rows: int, steps: int) -> Any:
        return self._batch_class(_scheme(self._args), self._groups, rows, steps, preprocess=self._preprocess)


@contextmanager
def older_torch() -> Iterator[None]:
    """Within the block torch behaves as the original expects."""
    masked_fill = torch.Tensor.masked_fill

    def with_any_mask(tensor: Tensor, mask: Tensor, value: Any) -> Tensor:
        return masked_fill(tensor, mask.view(torch.bool) if mask.dtype == torch.uint8 else mask, value)

    distribution = torch.distributions.Distribution
    with patch.object(torch.Tensor, "masked_fill", with_any_mask), patch.object(distribution, "_validate_args", False):
        yield


def _closing_steps(batch: EpisodeBatch) -> Tensor:
    """(B, T) bool, steps between two episodes; of what precedes a row nothing is known."""
    followed = batch.last_transition.roll(1, 1)
    followed[:, 0] = True
    return ~batch.valid & followed


def _arguments(folder: Path, policy: EasyDict) -> SimpleNamespace:
    """Arguments of all its modules: its own settings, with our sizes and constants over them."""
    merged: dict[str, Any] = {}
    for name in SETTINGS:
        merged = deep_merge_dicts(merged, yaml.safe_load((folder / f"{name}.yaml").read_text()))
    return SimpleNamespace(**deep_merge_dicts(merged, _from_ours(policy)))


def _from_ours(policy: EasyDict) -> Mapping[str, Any]:
    network, allocation, learn = policy.network, policy.allocation, policy.learn
    return dict(
        n_agents=policy.model.agent_num,
        n_actions=policy.model.action_shape,
        n_entities=policy.entity.entities,
        n_tasks=policy.entity.subtasks,
        entity_shape=policy.entity.features,
        entity_scheme=True,
        agent=dict(subtask_cond=network.conditioning),
        mixer_subtask_cond=network.conditioning,
        hier_agent=dict(
            task_allocation=TASK_ALLOCATION[allocation.source],
            action_length=allocation.period,
            n_proposals=allocation.proposals,
            entropy_loss=allocation.entropy_weight,
            max_bs=allocation.max_points,
            decay_old=policy.other.replay_buffer.recent_steps,
        ),
        attn_embed_dim=network.attention_dim,
        attn_n_heads=network.attention_heads,
        rnn_hidden_dim=network.hidden_dim,
        hypernet_embed=network.hypernet_dim,
        mixing_embed_dim=network.mixing_dim,
        softmax_mixing_weights=network.softmax_mixing,
        popart=network.popart,
        alloc_embed_dim=allocation.dim,
        alloc_n_heads=allocation.heads,
        gamma=learn.discount_factor,
        double_q=learn.double_q,
        lr=learn.learning_rate,
        optim_alpha=learn.rmsprop_alpha,
        optim_eps=learn.rmsprop_eps,
        grad_norm_clip=learn.grad_norm_clip,
    )


def _scheme(args: SimpleNamespace) -> dict[str, dict[str, Any]]:
    """What its batches hold at every step, ``t_added`` once per row."""
    byte = dict(dtype=torch.uint8)
    return dict(
        entities=dict(vshape=args.entity_shape, group="entities"),
        obs_mask=dict(vshape=args.n_entities, group="entities", **byte),
        entity_mask=dict(vshape=args.n_entities, **byte),
        entity2task_mask=dict(vshape=args.n_tasks, group="entities", **byte),
        task_mask=dict(vshape=args.n_tasks, **byte),
        avail_actions=dict(vshape=(args.n_actions,), group="agents", dtype=torch.int32),
        actions=dict(vshape=(1,), group="agents", dtype=torch.int64),
        reward=dict(vshape=(1,)),
        task_rewards=dict(vshape=args.n_tasks),
        terminated=dict(vshape=(1,), **byte),
        reset=dict(vshape=(1,), **byte),
        tasks_terminated=dict(vshape=args.n_tasks, **byte),
        hier_decision=dict(vshape=(1,), **byte),
        t_added=dict(vshape=(1,), dtype=torch.int64, episode_const=True),
    )


def _silent_logger() -> SimpleNamespace:
    return SimpleNamespace(log_stat=lambda *_: None)
