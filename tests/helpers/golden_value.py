"""Golden files of agents and mixer, turned into our conventions (they mark what is masked, we mark what is there)."""

import numpy as np
import torch

from ding_alma.model.value.value_network import ValueNetwork, ValueShape
from ding_alma.reference_runs.names import AGENT_NAMES, COACH_NAMES, MIXER_NAMES, RECOGNITION_NAMES, load
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss

TABLES = {
    "agent": ("agent", AGENT_NAMES),
    "mixer": ("mixer", MIXER_NAMES),
    "coach": ("coach", COACH_NAMES),
    "recog": ("recognition", RECOGNITION_NAMES),
}
"""Golden module name -> our attribute of `ValueNetwork` and table of names."""


def tensors(golden, prefix):
    """All tensors whose key starts with ``prefix``, without it."""
    return {key[len(prefix) :]: torch.from_numpy(value) for key, value in golden.items() if key.startswith(prefix)}


def setting(golden, name):
    """One scalar of the case's configuration."""
    return golden[f"cfg/{name}"].item()


def shape(golden, **overrides):
    """Sizes of the case's networks."""
    sizes = dict(
        features="entity_shape",
        actions="n_actions",
        subtasks="n_tasks",
        attention_dim="attn_embed_dim",
        attention_heads="attn_n_heads",
        hidden_dim="rnn_hidden_dim",
        hypernet_dim="hypernet_embed",
        mixing_dim="mixing_embed_dim",
    )
    return ValueShape(**{ours: setting(golden, theirs) for ours, theirs in sizes.items()} | overrides)


def networks(golden, conditioning, prefix="param_", **options):
    """A `ValueNetwork` with the weights stored under ``<prefix><module>/``; modules that are not stored keep theirs."""
    if "cfg/n_extra_tasks" in golden:
        options["shape"] = shape(golden, extra_subtasks=setting(golden, "n_extra_tasks"))
    value_network = ValueNetwork(
        options.pop("shape", None) or shape(golden),
        conditioning,
        softmax_mixing=bool(setting(golden, "softmax_mixing_weights")),
        popart=bool(setting(golden, "popart")),
        **options,
    )
    for module, (attribute, table) in TABLES.items():
        state = tensors(golden, f"{prefix}{module}/")
        if state:
            load(getattr(value_network, attribute), state, table)
    return value_network


def index_of(masked):
    """Subtask index (...) int64, -1 for none, of (..., K) with 0 = member; rows of padding have several."""
    member = masked == 0
    return torch.from_numpy(np.where(member.any(-1), member.argmax(-1), -1))


def there(masked):
    """Our mask of a golden one."""
    return torch.from_numpy(masked == 0)


def episode_batch(golden):
    """The `EpisodeBatch` of a learner case."""
    read = {key: value for key, value in golden.items() if key.startswith("batch/")}
    read = {key.removeprefix("batch/"): value for key, value in read.items()}
    agents = read["actions"].shape[2]
    filled = read["filled"][..., 0] == 1
    reset = read["reset"][..., 0] == 1
    follows_reset = np.concatenate([np.zeros_like(reset[:, :1]), reset[:, :-1]], 1)
    last_action = np.concatenate([np.full_like(read["actions"][:, :1], -1), read["actions"][:, :-1]], 1)[..., 0]
    subtask = index_of(read["entity2task_mask"])
    codes = read["avail_actions"].astype(np.int64)
    tie = np.select([codes >= 1000, codes >= 2], [-2 - (codes - 1000), codes - 2], -1)
    return EpisodeBatch(
        entities=torch.from_numpy(read["entities"]),
        entity_mask=there(read["entity_mask"]),
        obs_mask=there(read["obs_mask"][:, :, :agents]),
        entity_subtask=torch.cat([torch.full_like(subtask[..., :agents], -1), subtask[..., agents:]], -1),
        subtask_mask=there(read["task_mask"]),
        action_mask=torch.from_numpy(codes >= 1),
        action_subtask=torch.from_numpy(tie),
        allocation=subtask[..., :agents],
        action=torch.from_numpy(read["actions"][..., 0]),
        last_action=torch.from_numpy(last_action),
        reward=torch.from_numpy(read["reward"][..., 0]),
        subtask_reward=torch.from_numpy(read["task_rewards"]),
        terminated=torch.from_numpy(read["terminated"][..., 0] == 1),
        last_transition=torch.from_numpy(reset),
        subtask_done=torch.from_numpy(read["tasks_terminated"] == 1),
        decision=torch.from_numpy(read["hier_decision"][..., 0] == 1),
        valid=torch.from_numpy(filled & ~follows_reset),
        collected_at=torch.from_numpy(read["t_added"][:, 0]),
    )


def conditioning_of(case):
    """Of a learner case by its file's stem."""
    return {"flat": "none", "copa": "none", "alma": "mask", "nomask": "embed"}[case.split("_")[1]]


def _draws(golden, batch, refil):
    drawn = tensors(golden, "draw/")

    def noise(name, views):
        return drawn[name].unflatten(0, (views, -1)) if name in drawn else None

    return MixedQDraws(
        groups=drawn["group"][:, 0] == 1 if refil else None,
        agent_permutation=drawn.get("perm_agent"),
        target_agent_permutation=drawn.get("perm_agent_target"),
        coach_permutation=drawn.get("perm_coach"),
        target_coach_permutation=drawn.get("perm_coach_target"),
        recognition_permutation=drawn.get("perm_recog"),
        coach_noise=noise("eps_coach", 3 if refil else 1),
        target_coach_noise=noise("eps_coach_target", 1),
    )


def learner_loss(golden, live, target):
    """`mixed_q_loss` of a learner case."""
    refil = "draw/group" in golden
    batch = episode_batch(golden)
    config = MixedQConfig(
        gamma=setting(golden, "gamma"),
        # The reference ties actions only where agents are allocated to subtasks.
        tie_actions=bool(setting(golden, "mask_subtask_actions")) and live.conditioning != "none",
        imagined_weight=setting(golden, "lmbda") if refil else 0.0,
        strategy_weight=setting(golden, "vi_lambda"),
        strategy_entropy_weight=setting(golden, "vi_lambda") / 10,
        unlabelled_refil=True,
    )
    return mixed_q_loss(live, target, batch, config, _draws(golden, batch, refil))


def assert_close(ours, golden, name, where=None, tolerance=1e-5):
    """Compare with one golden array, only at ``where`` if given (broadcast over trailing axes)."""
    expected = torch.from_numpy(golden[name]) if isinstance(golden[name], np.ndarray) else golden[name]
    ours = ours.detach().reshape(expected.shape)
    if where is not None:
        ours, expected = ours[where], expected[where]
    torch.testing.assert_close(ours, expected, atol=tolerance, rtol=tolerance, msg=lambda text: f"{name}: {text}")
