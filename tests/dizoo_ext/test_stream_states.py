"""An environment's random stream can be left and taken up again, whichever manager holds the environment."""

import time
from functools import partial

import numpy as np
import pytest
import toy_env
from ding.envs import create_env_manager
from ding.envs.env_manager import get_env_manager_cls
from ding.utils import ENV_REGISTRY
from easydict import EasyDict

import dizoo_ext.plugin  # noqa: F401

ENVIRONMENTS = {
    "toy": {},
    "save_the_city": dict(scenario="2-5a_2-5b", episode_limit=12),
    "group_matching": dict(agents=3, cells=4, groups=2, episode_limit=8),
    "smac_multiarmy": dict(scenario="6-8sz_maxsize4_maxarmies3_symmetric", episode_limit=6),
    "lux": dict(map_size=24, min_factories=1, max_factories=1, max_units=4, episode_limit=8, opponent="random"),
    "lux_entities": dict(map_size=24, min_factories=1, max_factories=1, max_units=4, episode_limit=8),
    "lbf": dict(scenario=[dict(agents=2, foods=1), dict(agents=3, foods=4)], size=6, episode_limit=8),
    "rware": dict(agents=2, requests=2, column_height=1, episode_limit=8),
}
PACKAGES = {"lbf": "lbforaging", "rware": "rware"}
"""What environments need beyond this project."""


def launched(name, manager, seed, count=2):
    cfg = EasyDict(get_env_manager_cls(EasyDict(type=manager, import_names=["dizoo_ext.plugin"])).default_config())
    cfg.update(type=manager, import_names=["dizoo_ext.plugin"])
    env = EasyDict(ENVIRONMENTS[name], is_test=False)
    made = create_env_manager(cfg, [partial(ENV_REGISTRY.get(name), cfg=env) for _ in range(count)])
    made.seed(seed)
    made.launch()
    return made


def play(manager, steps, generator):
    """Random allowed actions; returns everything observed."""
    seen = []
    for _ in range(steps):
        while len(manager.ready_obs) < manager.env_num and steps == 1:
            time.sleep(0.01)
        actions = {}
        for i, observation in sorted(manager.ready_obs.items()):
            mask = np.asarray(observation["action_mask"]) > 0
            actions[i] = np.where(mask, generator.random(mask.shape), -1.0).argmax(-1)
            seen.append({key: np.array(value) for key, value in observation.items()})
        manager.step(actions)
    return seen


def assert_equal(one, other):
    assert len(one) == len(other) > 0
    for left, right in zip(one, other, strict=True):
        assert all(np.array_equal(left[key], right[key]) for key in left)


CASES = [
    *((name, "vector") for name in ENVIRONMENTS if name != "lux"),
    *((name, "base") for name in ("toy", "save_the_city", "lux")),
    ("toy", "subprocess"),
]


@pytest.mark.parametrize(("name", "manager"), CASES)
def test_streams_go_on_where_they_were_left(name, manager):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"{PACKAGES[name]} is not installed (extra {name})")
    first = launched(name, manager, seed=5)
    # Processes of their own come back from resets in any order: only the first observations can be compared.
    steps = 1 if manager == "subprocess" else 40
    play(first, 30, np.random.default_rng(0))
    while len(first.ready_obs) < 2:
        time.sleep(0.01)
    now, begun = first.stream_state, first.episode_stream_state
    again = launched(name, manager, seed=1)
    again.seed(list(begun))
    again.reset()
    # The episode under way, from its beginning.
    once_more = launched(name, manager, seed=2)
    once_more.seed(list(begun))
    once_more.reset()
    assert_equal(play(again, steps, np.random.default_rng(1)), play(once_more, steps, np.random.default_rng(1)))
    # The episode that a reset draws next.
    first.reset()
    again.seed(list(now))
    again.reset()
    assert_equal(play(first, steps, np.random.default_rng(1)), play(again, steps, np.random.default_rng(1)))
    for each in (first, again, once_more):
        each.close()


def test_streams_are_unknown_before_they_start():
    env = toy_env.ToyEnv()
    assert env.episode_stream_state is None and env.stream_state is None
