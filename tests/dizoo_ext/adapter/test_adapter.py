"""What the adapter refuses, leaves to its defaults, draws, and how a config finds what it makes."""

import numpy as np
import pytest
from gymnasium import spaces
from random_game import RandomGame, RandomView

import dizoo_ext
from dizoo_ext.adapter import TeamGame, View, from_pettingzoo
from dizoo_ext.adapter.nearest import nearest_subtasks
from dizoo_ext.adapter.vector import GameVector


class Bare(View):
    """Names nothing that has a default."""

    features = 1

    def agent_features(self, agent):
        return [1.0]


class Twins:
    """Two agents, of whom one is cut and the other dies in the same step, or only one of both."""

    possible_agents = ("left", "right")
    render_mode = None

    def __init__(self, ends=("terminated", "truncated"), at=3):
        self.ends, self.at, self.is_closed = ends, at, 0

    def action_space(self, agent):
        return spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        self.agents, self.time, self.options = list(self.possible_agents), 0, options
        return dict.fromkeys(self.agents, 0), {}

    def step(self, actions):
        self.time += 1
        now = self.time == self.at
        ends = dict(zip(self.possible_agents, self.ends, strict=True))
        results = [{name: now and end == kind for name, end in ends.items()} for kind in ("terminated", "truncated")]
        agents, self.agents = self.agents, [] if now else self.agents
        return dict.fromkeys(agents, 0), dict.fromkeys(agents, 1.0), *results, {}

    def close(self):
        self.is_closed += 1


def started(game, view=Bare, limit=10, num_envs=1):
    env = GameVector(num_envs, game, view, limit)
    env.seed(range(num_envs))
    env.reset()
    return env


def last_step(env):
    while True:
        step = env.step(np.zeros((1, 2), int))
        if step.done[0]:
            return step


@pytest.mark.parametrize(
    ("ends", "limit", "is_cut", "alive"),
    [
        (("terminated", "terminated"), 10, False, [False, False]),
        (("truncated", "truncated"), 10, True, [True, True]),
        (("terminated", "truncated"), 10, True, [False, True]),
        (("terminated", "terminated"), 2, True, [True, True]),
        (("terminated", "terminated"), 3, False, [False, False]),
    ],
)
def test_cut_and_ended_are_kept_apart_and_the_last_state_keeps_those_who_were_cut(ends, limit, is_cut, alive):
    step = last_step(started(lambda: Twins(ends), limit=limit))
    assert step.time_limit[0] == is_cut
    assert step.observation["entity_mask"][0].tolist() == alive


def test_without_subtasks_there_is_one_everybody_is_allocated_to_it_and_it_earns_everything():
    env = started(Twins)
    observation = env.reset()
    assert env.spec.subtasks == 1 and observation["subtask_mask"].all() and observation["obs_mask"].all()
    assert observation["heuristic_allocation"].tolist() == [[0, 0]]
    step = env.step(np.ones((1, 2), int))
    assert step.reward.tolist() == [2.0] and step.subtask_reward.tolist() == [[2.0]]


@pytest.mark.parametrize("who", ["nobody", 0])
def test_a_rule_that_allocates_whom_nobody_knows_is_refused(who):
    class Ruled(Bare):
        def allocate(self):
            return {who: 0}

    with pytest.raises(ValueError, match=rf"allocate\(\) names {who!r}, agents are 'left', 'right'"):
        started(Twins, Ruled)


def test_the_nearest_open_subtask():
    agents, others = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.1, 0.0], [0.2, 0.0], [0.9, 0.9], [1.0, 1.0]])
    subtask = np.array([0, 1, 2, -1])
    assert nearest_subtasks(agents, others, subtask, np.array([True, True, True])).tolist() == [0, 2]
    assert nearest_subtasks(agents, others, subtask, np.array([False, True, False])).tolist() == [1, 1]
    assert nearest_subtasks(agents, others, subtask, np.zeros(3, bool)).tolist() == [-1, -1]


def test_reset_options_reach_the_game_and_close_closes_all():
    env = started(Twins, num_envs=2)
    env.reset(np.array([1]), map="large")
    assert [env.view(i).game.options for i in range(2)] == [None, {"map": "large"}]
    env.close()
    assert [env.view(i).game.is_closed for i in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(possible_agents=()), ValueError, "no possible_agents"),
        (dict(action_space=lambda self, agent: spaces.MultiDiscrete([2, 2])), TypeError, "'left' must be Discrete"),
        (dict(action_space=lambda self, agent: spaces.Box(0, 1)), TypeError, "'left' must be Discrete"),
    ],
)
def test_games_that_cannot_be_adapted(changes, error, message):
    with pytest.raises(error, match=message):
        GameVector(1, type("Game", (Twins,), changes), Bare)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(features=0), ValueError, r"View\.features must say"),
        (dict(subtasks=2), TypeError, "define subtask_rewards"),
        (dict(agent_features=View.agent_features), NotImplementedError, "must define agent_features"),
        (dict(agent_features=lambda self, agent: [1, 2]), ValueError, r"the agent 'left' must be 1 numbers"),
        (dict(others=1, entities=lambda self: {1: [0]}), ValueError, "slots of entities are 0 to 0, got 1"),
        (dict(others=1, entities=lambda self: {0: [0, 0]}), ValueError, "the entity in slot 0"),
        (dict(others=1, entities=lambda self: {0: [0]}, subtask_of=lambda self, slot: 1), ValueError, "got 1"),
        (dict(action_mask=lambda self, *_: [0, 0]), ValueError, "'left' must have 2 entries, one of them true"),
        (dict(action_mask=lambda self, *_: [1]), ValueError, "'left' must have 2 entries"),
        (dict(action_subtasks=lambda self, agent: {2: 0}), ValueError, "actions are 0 to 1, got 2"),
        (dict(subtask_rewards=lambda self, rewards: [1, 2]), ValueError, "must be 1 numbers"),
    ],
)
def test_views_that_are_wrong_are_told_so(changes, error, message):
    with pytest.raises(error, match=message):
        last_step(started(Twins, type("WrongView", (Bare,), changes)))


def test_unknown_agents_and_an_empty_game_are_refused():
    class Stranger(Twins):
        def reset(self, seed=None, options=None):
            result = super().reset()
            self.agents = [*self.agents, "nobody"]
            return result

    class Empty(Twins):
        def reset(self, seed=None, options=None):
            super().reset()
            self.agents = []
            return {}, {}

    with pytest.raises(ValueError, match="'nobody'"):
        started(Stranger)
    with pytest.raises(ValueError, match="no agents after a reset"):
        started(Empty)


def test_before_seed_and_reset_and_after_the_end_nothing_goes():
    env = GameVector(2, Twins, Bare)
    with pytest.raises(RuntimeError, match="seed environment 0"):
        env.reset()
    with pytest.raises(RuntimeError, match="no running episode"):
        env.step(np.zeros((2, 2), int))
    with pytest.raises(RuntimeError, match="nothing to draw"):
        env.render(0)
    for method in (env.render, env.view):
        with pytest.raises(RuntimeError, match="reset environment 1"):
            method(1)


def test_pictures_come_from_the_game_or_show_places():
    class Drawn(Twins):
        render_mode = "rgb_array"

        def render(self):
            return np.full((2, 3, 3), 7, np.uint8)

    assert (started(Drawn).render() == 7).all()
    env = GameVector(1, RandomGame, RandomView)
    env.seed([0])
    env.reset()
    without, with_lines = env.render(), env.render(0, np.zeros(3, int))
    assert without.shape == (360, 360, 3) and without.dtype == np.uint8
    assert (without != with_lines).any()


def test_a_class_s_defaults_have_the_types_of_its_parent_s():
    def of(**defaults):
        return dizoo_ext.from_pettingzoo(lambda: Twins(), Bare, **defaults)

    scale = of(reward_scale=20).default_config().reward_scale
    assert (scale, type(scale)) == (20.0, float)
    assert of(reward_scale=20)(dict(reward_scale=0.5)).cfg.reward_scale == 0.5
    for wrong in ("x", True, None, [2.0]):
        with pytest.raises(TypeError, match=r"reward_scale must be of type float"):
            of(reward_scale=wrong).default_config()
    for wrong in (0, -1.0, float("nan"), 1e9):
        with pytest.raises(ValueError, match=r"env\.reward_scale must lie in"):
            of(reward_scale=wrong).make_vector_env(of(reward_scale=wrong)().cfg, 1)


def test_a_view_may_not_report_what_the_adapter_reports():
    class Taken(Bare):
        def metrics(self):
            return {"return": 5.0}

    env = GameVector(1, Twins, Taken, episode_limit=1)
    env.seed([0])
    mask = env.reset()["action_mask"]
    with pytest.raises(ValueError, match=r"Taken\.metrics\(\) may not report return"):
        env.step(mask.argmax(-1))


def test_lists_of_a_team_become_a_parallel_game():
    class Lists:
        def reset(self, seed, options):
            self.seed = seed
            return ("a", "b"), {"key": 1}

        def step(self, actions):
            self.actions = actions
            return ("c", "d"), [1, 2.5], False, True, {}

        def close(self):
            self.actions = None

    inner = Lists()
    game = TeamGame(agents=3, actions=4, inner=inner)
    observations, infos = game.reset(seed=3)
    assert observations == {"agent_0": "a", "agent_1": "b"} and infos["agent_1"] == {"key": 1} and inner.seed == 3
    _, rewards, terminations, truncations, _ = game.step({"agent_1": 2, "agent_0": 3})
    assert inner.actions == [3, 2] and rewards == {"agent_0": 1.0, "agent_1": 2.5}
    assert not any(terminations.values()) and all(truncations.values()) and game.agents == []
    game.close()
    assert inner.actions is None


def test_its_defaults_are_the_keys_of_a_config_and_reach_the_game():
    made = []

    def make_env(ends=None, at=0):
        made.append((ends, at))
        return Twins(at=at)

    env_class = dizoo_ext.from_pettingzoo(make_env, Bare, at=4, episode_limit=7)
    assert env_class(dict(at=5)).entity_spec.episode_limit == 7
    assert made == [(None, 5)]
    with pytest.raises(ValueError, match=r"unknown config key env\.att; did you mean env\.at"):
        env_class(dict(att=5))
    assert env_class.__module__ == __name__


def test_a_name_is_taken_once():
    from ding.utils import ENV_REGISTRY

    try:
        env_class = from_pettingzoo(Twins, Bare, "twins_of_a_test")
        assert ENV_REGISTRY.get("twins_of_a_test") is env_class and env_class.__name__ == "TwinsOfATestEnv"
        with pytest.raises(AssertionError, match="twins_of_a_test"):
            from_pettingzoo(Twins, Bare, "twins_of_a_test")
    finally:
        ENV_REGISTRY.pop("twins_of_a_test", None)
