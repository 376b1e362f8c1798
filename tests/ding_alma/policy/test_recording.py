"""What the losses read is what happened in the environment."""

import numpy as np
import pytest
import torch
from easydict import EasyDict
from tiny_runs import tiny_config, train

from ding_alma.replay.episode import table_of
from ding_alma.replay.training_sequences import SequenceSteps
from dizoo_ext.save_the_city import SaveTheCityEnv


@pytest.fixture
def policy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return train(*tiny_config(), iterations=1)


@pytest.mark.parametrize("episode_limit", [12, 150])
def test_a_batch_equals_the_episode_that_was_played(policy, episode_limit):
    agents = tiny_config()[0].policy.model.agent_num
    env = SaveTheCityEnv(EasyDict(scenario=["F", "BF"], episode_limit=episode_limit))
    env.seed(1)
    mode = policy.collect_mode
    mode.reset([0])
    observations, outputs, timesteps = [env.reset()], [], []
    while not (timesteps and timesteps[-1].done):
        outputs.append(mode.forward({0: observations[-1]}, eps=0.3, alloc_eps=0.5, prop_alloc_eps=0.5, env_step=77)[0])
        timesteps.append(env.step(outputs[-1]["action"]))
        transition = mode.process_transition(observations[-1], outputs[-1], timesteps[-1])
        observations.append(timesteps[-1].obs)
    (episode,) = mode.get_train_sample([transition])
    length = len(timesteps)
    step = np.arange(length + 1)[None]
    batch = table_of([episode]).batch(
        np.zeros(1, int), SequenceSteps(np.zeros_like(step), step, np.ones(step.shape, bool))
    )

    for key in ("entities", "entity_mask", "obs_mask", "entity_subtask", "subtask_mask", "action_mask"):
        played = np.stack([observation[key] for observation in observations])
        np.testing.assert_array_equal(getattr(batch, key)[0].numpy(), played, err_msg=key)
    played = {
        "action": [output["action"] for output in outputs],
        "allocation": [output["allocation"] for output in outputs],
        "reward": [timestep.reward[0] for timestep in timesteps],
        "subtask_reward": [timestep.info["subtask_reward"] for timestep in timesteps],
        "subtask_done": [timestep.info["subtask_done"] for timestep in timesteps],
    }
    for key, values in played.items():
        np.testing.assert_allclose(getattr(batch, key)[0, :length].numpy(), np.stack(values), err_msg=key)
    np.testing.assert_array_equal(batch.last_action[0, 1:].numpy(), np.stack(played["action"]))
    assert (batch.last_action[0, 0] == -1).all()
    time_limit = bool(timesteps[-1].info["time_limit"])
    assert time_limit == (episode_limit == 12)
    assert batch.terminated[0].tolist() == [False] * (length - 1) + [not time_limit, False]
    assert batch.valid[0].tolist() == [True] * length + [False]
    assert batch.collected_at.tolist() == [77]

    # Decisions: at the start, every third step (the period of the tiny config), and when a subtask was finished.
    masks = np.stack([observation["subtask_mask"] for observation in observations])
    expected, age = [], 3
    for t in range(length):
        due = t == 0 or age >= 3 or bool((masks[t] != masks[t - 1]).any())
        expected.append(due)
        age = 1 if due else age + 1
    assert batch.decision[0].tolist() == [*expected, False]
    held = torch.tensor(np.stack(played["allocation"]))
    changes = (held[1:] != held[:-1]).any(-1)
    assert not changes[~torch.tensor(expected[1:])].any()
    active = torch.from_numpy(np.stack([observation["entity_mask"][:agents] for observation in observations[:-1]]))
    assert (held[active] >= 0).all() and (held[~active] == -1).all()
