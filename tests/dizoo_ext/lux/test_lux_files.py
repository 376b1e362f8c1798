"""What games leave behind: replays for the official viewer, pictures."""

import json

import numpy as np
import pytest
from lux_stage import SMALL
from PIL import Image

from dizoo_ext.lux import LuxEntitiesEnv, LuxEnv
from dizoo_ext.lux.engine import engine_module


@pytest.fixture(params=[LuxEnv, LuxEntitiesEnv])
def folder(request, tmp_path):
    """Files of two episodes of 12 steps."""
    env = request.param({**SMALL, "opponent": "heuristic", "training_limit": 12})
    # In DI-engine's order.
    env.enable_save_replay(str(tmp_path / "replays"))
    env.seed(3)
    for _ in range(2):
        env.reset()
        while not env.step(env.random_action()).done:
            pass
    return tmp_path / "replays"


def test_every_episode_leaves_a_replay_and_a_moving_picture(folder):
    names = sorted(path.name for path in folder.iterdir())
    stem = names[0].rsplit("_episode", 1)[0]
    assert stem.endswith("seed3"), "environments that share a folder would overwrite each other's files"
    assert names == [f"{stem}_episode{k}.{kind}" for k in range(2) for kind in ("gif", "json")]
    with Image.open(folder / names[0]) as gif:
        assert gif.size == (480, 480) and gif.n_frames > 5


def test_a_replay_holds_what_the_viewer_reads_and_plays_again(folder):
    replay = json.loads(next(iter(sorted(folder.glob("*.json")))).read_text())
    observations, actions = replay["observations"], replay["actions"]
    assert len(observations) == len(actions) + 1
    first = observations[0]["board"]
    size = SMALL["map_size"]
    for board in ("rubble", "ice", "ore", "lichen", "lichen_strains", "valid_spawns_mask"):
        assert np.shape(first[board]) == (size, size)
    assert all(set(sent) == {"player_0", "player_1"} for sent in actions)
    cfg = dict(map_size=size, MIN_FACTORIES=1, MAX_FACTORIES=2, verbose=0, validate_action_space=True)
    engine = engine_module().LuxAI_S2(**cfg)
    engine.reset(seed=replay["metadata"]["seed"])
    rubble = np.array(first["rubble"])
    assert (engine.state.board.rubble == rubble).all()
    for sent, shown in zip(actions, observations[1:], strict=True):
        early = engine.state.real_env_steps < 0
        orders = {
            player: {name: order if early or "factory" in name else np.array(order) for name, order in own.items()}
            for player, own in sent.items()
        }
        state, *_ = engine.step(orders)
        state = state["player_0"]
        for place, value in shown["board"]["rubble"].items():
            rubble[tuple(map(int, place.split(",")))] = value
        assert (rubble == state["board"]["rubble"]).all()
        assert shown["real_env_steps"] == state["real_env_steps"]
        for player in ("player_0", "player_1"):
            for kind in ("units", "factories"):
                recorded, played = shown[kind][player], state[kind][player]
                assert recorded.keys() == played.keys()
                for name, entity in recorded.items():
                    assert (entity["pos"], entity["power"]) == (played[name]["pos"].tolist(), played[name]["power"])
                    assert entity["cargo"] == played[name]["cargo"]
    assert shown["real_env_steps"] == 12


def test_pictures_show_units_and_allocations():
    env = LuxEntitiesEnv({**SMALL, "opponent": "none"})
    env.seed(0)
    env.reset()
    empty = env.render()
    for _ in range(25):
        observation = env.step(env.random_action()).obs
    image = env.render()
    assert image.shape == (480, 480, 3) and image.dtype == np.uint8 and (image != empty).any()
    drawn = env.render(allocation=observation["heuristic_allocation"])
    assert observation["entity_mask"][:12].any() and (drawn != image).any()
