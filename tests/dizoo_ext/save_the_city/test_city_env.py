"""The single environment that DI-engine sees."""

import numpy as np
from ding.utils import ENV_REGISTRY

from dizoo_ext.save_the_city.env import SaveTheCityEnv
from dizoo_ext.save_the_city.kernel import ACTION_SHARES, EPISODE_INFO


def test_it_is_registered_and_plays_an_episode():
    env = ENV_REGISTRY.build("save_the_city", {"scenario": ["BF"], "track_action_types": True})
    assert isinstance(env, SaveTheCityEnv)
    env.seed(0)
    env.reset()
    total, done = 0.0, False
    while not done:
        timestep = env.step(env.random_action())
        total += float(timestep.reward[0])
        done = timestep.done
    info = timestep.info
    assert set(info["episode_info"]) == {*EPISODE_INFO, *ACTION_SHARES}
    np.testing.assert_allclose(info["eval_episode_return"], total, rtol=1e-5)


def test_defaults_are_the_papers_task_and_blocks_are_merged_over_theirs():
    env = SaveTheCityEnv({"game_config": {"fire_burn_rate": 0.01}, "reward_config": {"solved": 10}})
    assert (env.entity_spec.agents, env.entity_spec.subtasks, env.entity_spec.features) == (5, 6, 58)
    rules = env._vector_env.rules[0]
    assert (rules["fire_burn_rate"], rules["fire_reduce_rate"]) == (0.01, 0.25)
    assert (rules["solved"], rules["complete"], rules["max_reward"]) == (10.0, 1.0, 46.0)


def test_an_evaluator_plays_the_test_scenarios():
    evaluator = SaveTheCityEnv({"scenario": "2-8a_2-8b_sim_Q4", "is_test": True})
    evaluator.seed(0)
    sizes = {int(evaluator.reset()["entity_mask"][:8].sum()) for _ in range(40)}
    assert sizes == {5, 7, 8}, "the test teams have 5, 7 or 8 agents, the training teams 2 to 7"
