"""SMAC's observations, states, actions and rewards, against numbers worked out by hand."""

import numpy as np
import pytest
from scene import Scene

from dizoo_ext.smac_multiarmy import StarCraft2Env
from dizoo_ext.smac_multiarmy.engine_interface import ATTACK, HEAL, MOVE
from dizoo_ext.smac_multiarmy.scenarios import PLAIN_MAPS

SIZES = {
    # map: agents, enemies, observation, state, actions, limit
    "3m": (3, 3, 30, 48, 9, 60),
    "8m": (8, 8, 80, 168, 14, 120),
    "25m": (25, 25, 250, 950, 31, 150),
    "5m_vs_6m": (5, 6, 55, 98, 12, 70),
    "8m_vs_9m": (8, 9, 85, 179, 15, 120),
    "10m_vs_11m": (10, 11, 105, 243, 17, 150),
    "27m_vs_30m": (27, 30, 285, 1170, 36, 180),
    "MMM": (10, 10, 160, 290, 16, 150),
    "MMM2": (10, 12, 176, 322, 18, 180),
    "2s3z": (5, 5, 80, 120, 11, 120),
    "3s5z": (8, 8, 128, 216, 14, 150),
    "3s5z_vs_3s6z": (8, 9, 136, 230, 15, 170),
    "3s_vs_3z": (3, 3, 36, 54, 9, 150),
    "3s_vs_4z": (3, 4, 42, 61, 10, 200),
    "3s_vs_5z": (3, 5, 48, 68, 11, 250),
    "2m_vs_1z": (2, 1, 16, 26, 7, 150),
}
STOP, NORTH = 1, 2


class Fight:
    """An environment whose units stand where the test puts them, far from each other at first."""

    def __init__(self, name, **options):
        self.scene = Scene()
        self.env = StarCraft2Env(name, seed=0, engine=lambda: self.scene, **options)
        self.env.reset()
        self.units = self.scene.units
        match = self.env._battle.matches[0]
        self.agents, self.enemies = match["slot"][: self.env.n_agents], match["slot"][self.env.n_agents :]

    def put(self, slot, x, y, **values):
        for name, value in dict(values, x=x, y=y).items():
            self.units[name][slot] = value

    def step(self, **actions):
        """Agents do nothing but ``a<number>``."""
        chosen = [STOP if row[STOP] else 0 for row in self.env.get_avail_actions()]
        for name, action in actions.items():
            chosen[int(name[1:])] = action
        return self.env.step(chosen)


@pytest.mark.parametrize("name", PLAIN_MAPS)
def test_sizes_are_smac_s(name):
    env = StarCraft2Env(map_name=name)
    agents, enemies, obs, state, actions, limit = SIZES[name]
    assert (env.n_agents, env.n_enemies, env.get_total_actions()) == (agents, enemies, actions)
    info = env.get_env_info()
    assert (info["obs_shape"], info["state_shape"]) == (obs, state)
    assert (info["n_actions"], info["n_agents"], info["episode_limit"]) == (actions, agents, limit)
    assert len(info["agent_features"]) * agents + len(info["enemy_features"]) * enemies + agents * actions == state


def two_stalkers_three_zealots(**options):
    """Agent 0, a hurt Stalker, sees its fellow and one hurt Zealot; agent 2 is dead."""
    fight = Fight("2s3z", **options)
    stalker, fellow, dead, zealot, corner = fight.agents[:5]
    fight.put(stalker, 10, 16, health=40, shield=20, cooldown=7)
    fight.put(fellow, 13, 12)
    fight.units["alive"][dead] = 0
    fight.put(zealot, 1, 31)
    fight.put(corner, 31.5, 0.5)
    for slot in fight.enemies[:5]:
        fight.put(slot, 28, 28)
    fight.put(fight.enemies[0], 16, 16, health=25, shield=10)
    fight.put(fight.enemies[3], 10, 25)  # exactly 9 away
    fight.step(a1=NORTH)
    return fight.env


def test_observation_of_stalkers_and_zealots():
    env = two_stalkers_three_zealots()
    enemy_blocks, ally_blocks = np.zeros((5, 8)), np.zeros((4, 8))
    enemy_blocks[0] = 1, 6 / 9, 6 / 9, 0, 0.25, 0.2, 1, 0  # a Zealot is (1, 0) here
    ally_blocks[0] = 1, 5 / 9, 3 / 9, -4 / 9, 1, 1, 1, 0  # and a Stalker here
    expected = np.concatenate([[1, 1, 1, 1], enemy_blocks.ravel(), ally_blocks.ravel(), [0.5, 0.25, 1, 0]])
    observed = env.get_obs()
    assert observed[0].dtype == np.float32
    np.testing.assert_allclose(observed[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(env.get_obs_agent(0), observed[0])
    # Agent 1 sees agent 0 first; the Zealot is 5 away.
    ally_blocks[0] = 1, 5 / 9, -3 / 9, 4 / 9, 0.5, 0.25, 1, 0
    enemy_blocks[0, :4] = 1, 5 / 9, 3 / 9, 4 / 9
    expected = np.concatenate([[1, 1, 1, 1], enemy_blocks.ravel(), ally_blocks.ravel(), [1, 1, 1, 0]])
    np.testing.assert_allclose(observed[1], expected, rtol=1e-6)
    assert not observed[2].any(), "the dead see nothing"
    np.testing.assert_array_equal(observed[4][:4], [1, 1, 0, 1])
    np.testing.assert_array_equal(observed[4][4:-4], 0)
    np.testing.assert_array_equal(observed[4][-4:], [1, 1, 0, 1])
    sees = np.zeros((5, 10), bool)
    sees[[0, 1], [1, 0]] = sees[[0, 1], 5] = True
    np.testing.assert_array_equal(env.get_visibility_matrix()[:2], sees[:2])
    assert not env.get_visibility_matrix()[2].any()


def test_state_of_stalkers_and_zealots():
    env = two_stalkers_three_zealots()
    allies, enemies, last = np.zeros((5, 7)), np.zeros((5, 6)), np.zeros((5, 11))
    allies[0] = 0.5, 7 / 35, -6 / 32, 0, 0.25, 1, 0
    allies[1] = 1, 0, -3 / 32, -4 / 32, 1, 1, 0
    allies[3] = 1, 0, -15 / 32, 15 / 32, 1, 0, 1
    allies[4] = 1, 0, 15.5 / 32, -15.5 / 32, 1, 0, 1
    enemies[:] = 1, 12 / 32, 12 / 32, 1, 0, 1
    enemies[:3, 4:] = 1, 0
    enemies[0] = 0.25, 0, 0, 0.2, 1, 0
    enemies[3, 1:3] = -6 / 32, 9 / 32
    last[[0, 2, 3, 4], STOP] = 1
    last[1, NORTH] = 1
    expected = np.concatenate([allies.ravel(), enemies.ravel(), last.ravel()])
    # Agent 2 died in this step, in which it still acted.
    np.testing.assert_allclose(env.get_state(), expected, rtol=1e-6)
    assert env.get_state().dtype == np.float32


def test_options_add_their_blocks():
    env = two_stalkers_three_zealots(
        obs_last_action=True, obs_pathing_grid=True, obs_timestep_number=True, state_timestep_number=True
    )
    assert env.get_obs_move_feats_size() == 12 and env.get_obs_own_feats_size() == 5
    assert (env.get_obs_enemy_feats_size(), env.get_obs_ally_feats_size()) == ((5, 8), (4, 19))
    observed = env.get_obs()[0]
    assert len(observed) == env.get_obs_size() == 12 + 40 + 76 + 5
    np.testing.assert_array_equal(observed[:12], 1)
    fellow = observed[52:71]
    np.testing.assert_array_equal(fellow[8:], np.eye(11)[NORTH])
    assert observed[-1] == env.get_state()[-1] == np.float32(1 / 120)
    assert env.get_obs()[2].tolist() == [0.0] * 132 + [np.float32(1 / 120)]
    assert len(env.get_state()) == env.get_state_size() == 121


def test_options_take_blocks_away():
    env = two_stalkers_three_zealots(obs_all_health=False, obs_own_health=False, state_last_action=False)
    observed = env.get_obs()[0]
    assert len(observed) == env.get_obs_size() == 4 + 5 * 6 + 4 * 6 + 2
    np.testing.assert_allclose(observed[4:10], [1, 6 / 9, 6 / 9, 0, 1, 0], rtol=1e-6)
    np.testing.assert_array_equal(observed[-2:], [1, 0])
    assert len(env.get_state()) == env.get_state_size() == 65
    env = two_stalkers_three_zealots(obs_instead_of_state=True)
    np.testing.assert_array_equal(env.get_state(), np.concatenate(env.get_obs()))
    assert env.get_state_size() == 400


def test_available_actions():
    env = two_stalkers_three_zealots()
    available = env.get_avail_actions()
    assert available[0] == [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0], "6 away is in range"
    assert available[1] == env.get_avail_agent_actions(1) == available[0]
    assert available[2] == [1] + [0] * 10, "the dead do nothing"
    assert available[4] == [0, 1, 1, 1, 0, 1] + [0] * 5, "the map ends in the east; -0.5 counts as its first cell"


def test_medivacs_heal_agents_by_their_numbers():
    fight = Fight("MMM")
    env = fight.env
    medivac = fight.agents[9]
    fight.put(medivac, 10, 16, energy=30)
    for number, slot in enumerate(fight.agents[:9]):
        fight.put(slot, 10, 16 + 2 * number, health=9)
    for slot in fight.enemies[:10]:
        fight.put(slot, 28, 28)
    fight.put(fight.enemies[1], 12, 16)
    fight.step()
    assert env.get_avail_agent_actions(9) == [0, 1, 1, 1, 1, 1] + [1] * 4 + [0] * 6
    assert env.get_avail_agent_actions(0) == [0, 1, 1, 1, 1, 1, 0, 1] + [0] * 8
    of_medivac = env.get_obs()[9]
    # As in SMAC, the first feature of enemy 1 is the medivac's action 7, which heals agent 1.
    np.testing.assert_allclose(of_medivac[4 + 8 : 4 + 16], [1, 2 / 9, 2 / 9, 0, 1, 0, 1, 0], rtol=1e-6)
    np.testing.assert_array_equal(of_medivac[-4:], [1, 0, 0, 1])
    state = env.get_state().astype(np.float64)
    np.testing.assert_allclose(state[63:70], [1, 30 / 200, -6 / 32, 0, 0, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(state[:7], [9 / 125, 0, -6 / 32, 0, 1, 0, 0], rtol=1e-6)
    told = len(fight.scene.told)
    fight.step(a9=6 + 1, a0=6 + 1, a2=NORTH)
    orders = fight.scene.told[told]
    assert (orders["kind"][medivac], orders["target"][medivac]) == (HEAL, fight.agents[1])
    assert (orders["kind"][fight.agents[0]], orders["target"][fight.agents[0]]) == (ATTACK, fight.enemies[1])
    assert orders["kind"][fight.agents[2]] == MOVE and orders["y"][fight.agents[2]] == 16 + 4 + 2
    np.testing.assert_array_equal(env.get_state_dict()["last_action"][[0, 9]], np.eye(16)[[7, 7]])


def fight_of_marines(**options):
    """Rewards and infos of four steps: a hit, a kill with losses, nothing, and the rest of the enemies."""
    fight = Fight("3m", **options)
    first, second, third = fight.enemies[:3]
    results = []
    fight.units["health"][first] -= 10
    results.append(fight.step())
    fight.units["alive"][second] = 0
    fight.units["health"][fight.agents[0]] -= 20
    fight.units["alive"][fight.agents[1]] = 0
    results.append(fight.step())
    results.append(fight.step())
    fight.units["alive"][[first, third]] = 0
    results.append(fight.step())
    return fight.env, results


def test_rewards_of_a_fight():
    env, results = fight_of_marines()
    assert env.max_reward == 3 * 10 + 200 + 3 * 45
    raw = np.array([10, 45 + 10, 0, 35 + 45 + 20 + 200])
    np.testing.assert_allclose([reward for reward, _, _ in results], raw / (365 / 20), rtol=1e-9)
    assert [ended for _, ended, _ in results] == [False, False, False, True]
    assert [info["battle_won"] for _, _, info in results] == [False, False, False, True]
    assert results[1][2] == {"battle_won": False, "dead_allies": 1, "dead_enemies": 1}
    assert results[3][2] == {"battle_won": True, "dead_allies": 1, "dead_enemies": 3}
    assert env.get_stats() == dict(battles_won=1, battles_game=1, battles_draw=0, win_rate=1.0, timeouts=0, restarts=0)
    with pytest.raises(RuntimeError, match="reset"):
        env.step([1, 0, 1])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (dict(reward_scale=False), [10, 55, 0, 300]),
        (dict(reward_scale=False, reward_only_positive=False), [10, 55 - 0.5 * (20 + 45 + 10), 0, 300]),
        (dict(reward_scale=False, reward_death_value=1, reward_win=7), [10, 46, 0, 80 + 2 + 7]),
        (dict(reward_scale=False, reward_sparse=True), [0, 0, 0, 1]),
        (dict(reward_sparse=True), [0, 0, 0, 20 / 365]),
        (dict(reward_scale_rate=1, reward_win=0), [10 / 165, 55 / 165, 0, 100 / 165]),
    ],
)
def test_options_of_the_reward(options, expected):
    _, results = fight_of_marines(**options)
    np.testing.assert_allclose([reward for reward, _, _ in results], expected, rtol=1e-9)


def test_a_defeat_and_a_shield_that_recovers():
    fight = Fight("2s3z", reward_scale=False, reward_defeat=-3)
    fight.units["shield"][fight.enemies[0]] -= 10
    assert fight.step()[0] == 10
    fight.units["shield"][fight.enemies[0]] += 6
    assert fight.step()[0] == 6, "the absolute value"
    fight.units["alive"][fight.agents[:5]] = 0
    reward, ended, info = fight.step()
    assert (reward, ended, info) == (-3, True, {"battle_won": False, "dead_allies": 5, "dead_enemies": 0})
    sparse = Fight("2s3z", reward_scale=False, reward_sparse=True)
    sparse.units["alive"][sparse.agents[:5]] = 0
    assert sparse.step()[0] == -1


@pytest.mark.parametrize("continuing", [False, True])
def test_the_limit(continuing):
    fight = Fight("3m", continuing_episode=continuing)
    for step in range(60):
        _, ended, info = fight.step()
        assert ended == (step == 59)
    assert info.get("episode_limit", False) == continuing and info["battle_won"] is False
    stats = fight.env.get_stats()
    assert (stats["timeouts"], stats["battles_draw"], stats["battles_game"], stats["win_rate"]) == (1, 1, 1, 0)
