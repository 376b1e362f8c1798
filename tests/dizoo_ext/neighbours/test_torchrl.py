"""TorchRL takes our PettingZoo environments: ``uv run --with torchrl==0.14.1 pytest --slow -k torchrl``."""

import pytest

pytest.importorskip("torchrl", reason="torchrl is not installed (uv run --with torchrl==0.14.1)")
pytest.importorskip("pettingzoo", reason="pettingzoo is not installed (extra pettingzoo)")
from torchrl.envs import PettingZooWrapper, check_env_specs

from dizoo_ext.pettingzoo import env, parallel_env

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested:UserWarning")]
CITY = dict(env_id="save_the_city", scenario=["BF", "BFG"], max_cycles=15, metrics=["solved"])
BATTLES = dict(env_id="smac_multiarmy", scenario="3m", max_cycles=60, metrics=["battle_won"])


@pytest.mark.parametrize("use_mask", [True, False])
@pytest.mark.parametrize(("config", "steps"), [(CITY, 40), (BATTLES, 90)], ids=["save_the_city", "smac_multiarmy"])
def test_specs_and_masked_random_play(config, steps, use_mask):
    # An action that is taken in spite of its mask raises an error.
    game = parallel_env(**config, illegal_action="raise")
    wrapped = PettingZooWrapper(game, use_mask=use_mask, return_state=True, seed=0)
    check_env_specs(wrapped)
    played = wrapped.rollout(steps, break_when_any_done=False)
    agents, after = played["agent"], played["next", "agent"]
    masks = agents["action_mask"]
    assert played["state"].shape == (steps, *game.state_space.shape)
    assert not masks.all() and masks.gather(-1, agents["action"][..., None]).all()
    # Dead and absent agents stay: they are all acting for TorchRL, and have nothing to choose.
    is_dead = agents["info", "alive"] == 0
    assert is_dead.any() and (masks[is_dead].sum(-1) == 1).all() and masks[is_dead][:, 0].all()
    if use_mask:
        assert agents["mask"].all()
    ended = played["next", "done"].squeeze(-1)
    assert ended.sum() >= 1 and (ended[:, None] == after["done"].squeeze(-1)).all()
    metric = after["info", config["metrics"][0]]
    assert metric[~ended].isnan().all() and metric[ended].isfinite().all()
    assert (after["reward"] == after["reward"][:, :1]).all()


def test_agents_in_turn():
    wrapped = PettingZooWrapper(env(**CITY, illegal_action="raise"), use_mask=True, return_state=True, seed=0)
    check_env_specs(wrapped)
    played = wrapped.rollout(60, break_when_any_done=False)
    acting = sum(played[f"agent_{index}", "mask"].int() for index in range(3))
    assert (acting == 1).all() and played["next", "done"].any()
