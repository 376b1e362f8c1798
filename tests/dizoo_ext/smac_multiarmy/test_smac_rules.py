"""Ends, rewards, boosts and orders of constructed situations."""

import numpy as np
import pytest
from scene import Stage

from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ATTACK, ENEMY, HEAL, KEEP, MOVE
from dizoo_ext.smac_multiarmy.engine_interface import STOP as STOP_ORDER
from dizoo_ext.smac_multiarmy.match import FIRST_TARGET, NORTH, SETTLE_LOOPS, STEP_LOOPS, STOP

SZ = "6-8sz_maxsize4_maxarmies3_symmetric"
SZ_DISADVANTAGE = "6-8sz_maxsize4_maxarmies3_unitdisadvantage"
MMM = "6-8MMM_maxsize4_maxarmies3_symmetric"
MARINES = dict(marine=3, marauder=1, medivac=2)


def info_of(step):
    assert step.done[0]
    return step.episode_info[0]


@pytest.mark.parametrize(
    ("scenario", "allies", "dead_allies", "dead_enemies", "end"),
    [
        (SZ, dict(stalker=2, zealot=2), "all", "all", "draw"),
        (SZ, dict(stalker=2, zealot=2), "all", "none", "lost"),
        (SZ, dict(stalker=2, zealot=2), "none", "all", "won"),
        (SZ, dict(stalker=2, zealot=2), "none", "none", None),
        (MMM, MARINES, "all", "all", "lost"),
        (MMM, MARINES, "all", "fighters", "lost"),
        (MMM, MARINES, "fighters", "all", "lost"),
        (MMM, MARINES, "fighters", "fighters", "lost"),
        (MMM, MARINES, "fighters", "none", "lost"),
        (MMM, MARINES, "none", "fighters", "won"),
        (MMM, MARINES, "healers", "healers", None),
        (MMM, dict(marine=4), "all", "all", "lost"),
    ],
)
def test_who_has_won(scenario, allies, dead_allies, dead_enemies, end):
    stage = Stage(scenario, allies)
    chosen = {
        "all": lambda owner: stage.slots(owner),
        "none": lambda owner: [],
        "healers": lambda owner: stage.slots(owner, name="medivac"),
        "fighters": lambda owner: np.setdiff1d(stage.slots(owner), stage.slots(owner, name="medivac")),
    }
    slots = [*chosen[dead_allies](ALLY), *chosen[dead_enemies](ENEMY)]
    stage.kill(slots)
    step = stage.step()
    assert step.done[0] == (end is not None)
    if end is None:
        return
    info = info_of(step)
    assert info["battle_won"] == (end == "won")
    assert info["allies_defeated"] == (end == "lost")
    assert info["base_infiltrated"] == info["timeouts"] == info["restarts"] == 0
    killed = [s for s in slots if stage.scene.roster["owner"][s] == ENEMY]
    raw = 10 * len(killed) + (stage.scene.units["health"] + stage.scene.units["shield"])[killed].sum()
    assert step.reward[0] == pytest.approx((raw + 200 * (end == "won")) / stage.scale)
    # An army of which healers are left is not defeated, even when that wins the battle.
    is_beaten = [not len(stage.slots(ENEMY, army)) for army in range(stage.match["armies"])]
    assert info["perc_armies_defeated"] == pytest.approx(np.mean(is_beaten))


def test_one_enemy_in_the_base_loses_at_once_but_healers_may_enter():
    stage = Stage(MMM, MARINES)
    stage.move(stage.slots(ENEMY, name="medivac"), 16.5, 16.5)
    stage.move(stage.slots(ENEMY, name="marauder"), 16.0, 18.0)
    assert not stage.step().done[0], "a distance of exactly 2 is outside"
    intruder = stage.slots(ENEMY, name="marauder")[0]
    army = stage.match["army_of_slot"][intruder]
    stage.move(intruder, 16.0, 17.99)
    step = stage.step()
    info = info_of(step)
    assert (info["battle_won"], info["base_infiltrated"], info["allies_defeated"]) == (0, 1, 0)
    assert step.subtask_done[0, army] and step.subtasks_changed[0]
    assert not step.time_limit[0]


def test_a_lost_base_overrides_the_end_of_the_allies():
    stage = Stage(SZ, dict(stalker=2, zealot=1))
    stage.kill_allies()
    stage.move(stage.slots(ENEMY)[0], 16.0, 16.0)
    info = info_of(stage.step())
    assert (info["battle_won"], info["base_infiltrated"], info["allies_defeated"]) == (0, 1, 1)


@pytest.mark.parametrize("compat", [False, True])
def test_what_the_defeat_of_an_army_pays(compat):
    stage = Stage(SZ, dict(stalker=4, zealot=3), n_tasks=None, reference_compat=compat)
    first = stage.slots(ENEMY, army=0)
    stage.scene.units["health"][first] -= 5
    step = stage.step()
    hurt = 5 * len(first) / stage.scale
    assert step.subtask_reward[0, 0] == step.reward[0] == pytest.approx(hurt)
    left = (stage.scene.units["health"] + stage.scene.units["shield"])[first].sum() + 10 * len(first)
    stage.kill_army(0)
    step = stage.step()
    assert step.reward[0] == pytest.approx(left / stage.scale)
    assert step.subtask_reward[0, 0] == pytest.approx((200 + (0 if compat else left)) / stage.scale)
    assert step.subtasks_changed[0] and step.subtask_done[0, 0] and not step.done[0]
    step = stage.step()
    assert step.reward[0] == 0 and not step.subtasks_changed[0]
    assert step.subtask_reward[0, 0] == pytest.approx(200 / stage.scale if compat else 0)


def test_recovering_enemies_cost_and_allies_damage_counts_only_if_asked_for():
    config = dict(only_positive=False, negative_scale=0.25, death_value=8.0)
    for rewards, expected in (({}, -3.0), (config, -3.0 - 0.25 * (80 + 80 + 8 + 7))):
        stage = Stage(SZ, dict(stalker=3), reward_config=rewards)
        enemy, dying, hurt = stage.slots(ENEMY)[0], *stage.slots(ALLY)[:2]
        stage.scene.units["health"][enemy] = 50
        stage.step()
        stage.scene.units["health"][enemy] = 53
        stage.scene.units["shield"][hurt] -= 7
        stage.kill(dying)
        assert stage.step().reward[0] == pytest.approx(expected / stage.scale)


@pytest.mark.parametrize(
    ("allies", "enemies", "armies"),
    [
        (dict(stalker=3), dict(stalker=4), 2),
        (dict(stalker=3), dict(stalker=4), 3),
        (dict(stalker=6), dict(stalker=7), 3),
        (dict(stalker=6), dict(stalker=7), 2),
    ],
)
def test_health_for_those_near_a_beaten_army(allies, enemies, armies):
    for seed in range(30):
        stage = Stage(SZ_DISADVANTAGE, allies, enemies, seed=seed)
        if stage.match["armies"] == armies:
            break
    assert stage.match["armies"] == armies
    agents = len(stage.slots(ALLY))
    stage.scene.units["health"][stage.slots(ALLY)] = 10
    stage.scene.units["shield"][stage.slots(ALLY)] = 0
    stage.step()
    near, dead = stage.slots(ALLY)[:2], stage.slots(ALLY)[1]
    far = stage.slots(ALLY)[2:]
    stage.move(near, stage.match["centre_x"][0], stage.match["centre_y"][0])
    stage.move(far, stage.match["centre_x"][1], stage.match["centre_y"][1])
    stage.kill(dead)
    stage.kill_army(0)
    step = stage.step()
    share = 4 * (sum(enemies.values()) - agents) / (agents * (armies - 1))
    healed = near[0]
    assert stage.scene.units["health"][healed] == pytest.approx(min(10 + 80 * share, 80))
    assert stage.scene.units["shield"][healed] == pytest.approx(min(80 * share, 80))
    assert (stage.scene.units["health"][far] == 10).all() and (stage.scene.units["shield"][far] == 0).all()
    assert np.isnan(stage.scene.told[-1]["health"][dead])
    features = step.observation["entities"][0]
    agent = stage.match["slot"][:agents].tolist().index(healed)
    layout = stage.env.rules[0]
    health = int(layout["num_agents"] + layout["num_enemies"] + layout["actions"] - 2 + layout["type_features"])
    assert features[agent, health] == pytest.approx(min(10 / 80 + share, 1))
    # The gift is no damage to anybody: it is part of what the next step is compared with.
    assert stage.step().reward[0] == 0
    for army in range(1, armies):
        stage.kill_army(army)
    info = info_of(stage.step())
    assert info["perc_agents_healed_per_army_defeated"] == pytest.approx(1 / agents)


def test_no_health_in_equal_battles():
    stage = Stage(SZ, dict(stalker=4))
    stage.scene.units["health"][stage.slots(ALLY)] = 10
    stage.kill_army(0)
    stage.step()
    assert np.isnan(stage.scene.told[-1]["health"]).all()


@pytest.mark.parametrize("continuing", [False, True])
def test_the_step_limit(continuing):
    stage = Stage(SZ, dict(stalker=3), episode_limit=3, continuing_episode=continuing)
    assert [stage.step().done[0] for _ in range(2)] == [False, False]
    step = stage.step()
    # In the original a limit is a true end.
    assert step.done[0] and step.time_limit[0] == continuing
    info = info_of(step)
    assert info["timeouts"] == 1 and info["battle_won"] == 0
    with pytest.raises(RuntimeError, match="no running episode"):
        stage.step()


def test_a_win_at_the_limit_is_no_timeout():
    stage = Stage(SZ, dict(stalker=3), episode_limit=1)
    stage.kill(stage.slots(ENEMY))
    step = stage.step()
    assert not step.time_limit[0] and info_of(step)["battle_won"] == 1


def test_the_engine_is_told_in_the_right_order():
    stage = Stage(SZ, dict(stalker=3))
    assert stage.scene.advanced == [SETTLE_LOOPS]
    assert len(stage.scene.told) == 1, "the armies' first orders"
    stage.step()
    assert stage.scene.advanced == [SETTLE_LOOPS, STEP_LOOPS]
    assert len(stage.scene.told) == 3, "agents' orders before the step, armies' after it"


def test_orders_of_actions():
    stage = Stage(MMM, MARINES)
    match, units = stage.match, stage.scene.units
    stage.move(stage.slots(ENEMY), 20.0, 16.0)
    stage.step()
    agents = int(match["agents"])
    slot_of = match["slot"].tolist()
    healer = match["type"][:agents].tolist().index(4)
    actions = np.full(stage.env.spec.agents, 0)
    actions[:agents] = [NORTH, 3, 4, 5, STOP, STOP][:agents]
    enemy = agents + 1
    actions[4] = FIRST_TARGET + match["tag"][enemy] if healer != 4 else STOP
    actions[healer] = FIRST_TARGET + match["tag"][0]
    x, y = match["x"][:agents].copy(), match["y"][:agents].copy()
    stage.step(actions)
    told = stage.scene.told[-2]
    for agent, (dx, dy) in enumerate([(0, 2), (0, -2), (2, 0), (-2, 0)]):
        slot = slot_of[agent]
        if agent == healer:
            continue
        assert told["kind"][slot] == MOVE
        assert (told["x"][slot], told["y"][slot]) == (np.float32(x[agent] + dx), np.float32(y[agent] + dy))
    assert (told["kind"][slot_of[healer]], told["target"][slot_of[healer]]) == (HEAL, slot_of[0])
    if healer != 4:
        assert (told["kind"][slot_of[4]], told["target"][slot_of[4]]) == (ATTACK, slot_of[enemy])
    assert told["kind"][slot_of[5]] == STOP_ORDER
    assert (told["kind"][stage.slots(ENEMY)] == KEEP).all()
    assert units["alive"].sum() == 12


def test_availability_is_tied_to_armies_and_patients():
    stage = Stage(MMM, MARINES)
    match, agents = stage.match, int(stage.match["agents"])
    stage.move(stage.slots(ENEMY, army=0), 21.0, 16.0)
    stage.move(stage.slots(ENEMY, army=1), 30.0, 30.0)
    stage.move(stage.slots(ALLY), 16.0, 16.0)
    away = stage.slots(ALLY, name="marine")[0]
    stage.move(away, 16.0, 9.9)
    observation = stage.step().observation
    mask, tie = observation["action_mask"][0], observation["action_subtask"][0]
    for i in range(agents):
        is_healer = match["type"][i] == 4
        for u in range(agents + int(match["enemies"])):
            action = FIRST_TARGET + match["tag"][u]
            if is_healer:
                allowed = u < agents and match["type"][u] != 4 and match["slot"][u] != away
                expected = -2 - u
            else:
                allowed = u >= agents and match["army"][u] == 0 and match["slot"][i] != away
                expected = 0
            assert mask[i, action] == allowed, (i, u)
            assert tie[i, action] == (expected if allowed else -1), (i, u)


def test_illegal_actions_raise_with_a_helpful_message_or_become_stop():
    stage = Stage(SZ, dict(stalker=3))
    actions = np.where(stage.observation["action_mask"][0, :, STOP] > 0, STOP, 0)
    actions[1] = FIRST_TARGET + stage.match["tag"][int(stage.match["agents"])]
    before = stage.match.copy()
    with pytest.raises(ValueError, match=r"agent 1 \(stalker\): action \d+ \(enemy 0 of army \d\) is not allowed now"):
        stage.step(actions)
    # Not by their bytes: a copy need not have the record's padding.
    for name in before.dtype.names:
        np.testing.assert_array_equal(stage.match[name], before[name], name)
    lenient = Stage(SZ, dict(stalker=3), illegal_action="noop")
    lenient.step(actions)
    assert lenient.match["last_action"][1] == STOP
    assert lenient.scene.told[-2]["kind"][lenient.match["slot"][1]] == STOP_ORDER
    dead = lenient.match["slot"][0]
    lenient.kill(dead)
    lenient.step()
    lenient.step(actions)
    assert lenient.scene.told[-2]["kind"][dead] == KEEP
    assert lenient.match["illegal_actions"] == 3
    with pytest.raises(ValueError, match="action 99 does not exist, actions are 0 to 13"):
        lenient.step(np.full(8, 99))
