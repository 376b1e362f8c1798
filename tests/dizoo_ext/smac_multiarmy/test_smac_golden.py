"""Recorded episodes of the original environment repeat exactly, from their seeds alone."""

import json

import numpy as np
import pytest
from recorded_game import Recording, agent_commands, army_commands, boosts, creations

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import ALLY
from dizoo_ext.smac_multiarmy.match import STYLE_KEYS
from dizoo_ext.smac_multiarmy.placement import place_units
from dizoo_ext.smac_multiarmy.scenarios import SCENARIO_SETS, scenario_set
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector

ABSENT = -999
"""In the recorded timers of absent armies."""


def coded(action_mask, action_subtask):
    """(A, U) availability in the original's code: 0 no, 1 yes, 2 + army, 1000 + ally."""
    tie = np.where(action_subtask >= 0, 2 + action_subtask, np.where(action_subtask <= -2, 998 - action_subtask, 1))
    return np.where(action_mask > 0, tie, 0)


def assert_equal_observation(env, observation, recording, row, label):
    expected = {key: recording.arrays[key][row] for key in ("entities", "obs_mask", "entity_mask", "task_mask")}
    agents = env.spec.agents
    np.testing.assert_array_equal(observation["entities"][0], expected["entities"], err_msg=label)
    np.testing.assert_array_equal(observation["obs_mask"][0], expected["obs_mask"][:agents] == 0, err_msg=label)
    np.testing.assert_array_equal(observation["entity_mask"][0], expected["entity_mask"] == 0, err_msg=label)
    np.testing.assert_array_equal(observation["subtask_mask"][0], expected["task_mask"] == 0, err_msg=label)
    available = coded(observation["action_mask"][0], observation["action_subtask"][0])
    np.testing.assert_array_equal(available, recording.arrays["avail_actions"][row], err_msg=label)
    assigned = recording.arrays["entity2task_mask"][row] == 0
    armies = np.arange(env.spec.subtasks)
    of_entity = observation["entity_subtask"][0, agents:, None] == armies
    np.testing.assert_array_equal(of_entity, assigned[agents:], err_msg=label)
    if recording.meta["heuristic_alloc"]:
        by_heuristic = observation["heuristic_allocation"][0, :, None] == armies
        np.testing.assert_array_equal(by_heuristic, assigned[:agents], err_msg=label)
    match = env.matches[0]
    present = recording.arrays["to_switch"][row] != ABSENT
    assert present.sum() == match["armies"], label
    for name in ("attacking", "since_switch", "to_switch"):
        recorded = recording.arrays[name][row][present]
        np.testing.assert_array_equal(match[name][: match["armies"]], recorded, err_msg=label)


def assert_equal_beginning(env, recording, episode, label):
    recorded, match = recording.episodes[episode], env.matches[0]
    n, m = recorded["n_agents"], recorded["n_enemies"]
    assert (match["agents"], match["enemies"], match["armies"]) == (n, m, recorded["n_armies"]), label
    assert match["tag"][:n].tolist() == recorded["ally_tags"], label
    assert match["tag"][n : n + m].tolist() == recorded["enemy_tags"], label
    assert match["army"][n : n + m].tolist() == recorded["enemy2army"], label
    assert match["rank"][:n].tolist() == recorded["shuffled_agent_ids"], label
    assert match["spread"] == pytest.approx(recorded["spread"], abs=1e-15), label
    centres = np.stack([match["centre_x"], match["centre_y"]], axis=1)[: match["armies"]] - recorded["map_center"]
    np.testing.assert_allclose(centres, recorded["army_positions"], rtol=0, atol=1e-13, err_msg=label)
    game = env.play.engines[0]
    tags = [game.tags[slot] for slot in match["slot"][: n + m]]
    assert tags == recorded["ally_unit_tags"] + recorded["enemy_unit_tags"], label
    commands = recorded["reset_commands"]
    last_kill = max(i for i, command in enumerate(commands) if command[0] == "kill")
    created = {tuple(command[1:5]): command[5] for command in commands[last_kill:] if command[0] == "create"}
    assert creations(game.roster) == created, label
    assert_equal_army_commands(game, game.told[-1], [c for c in commands if c[0] == "action"], label)


def assert_equal_army_commands(game, orders, commands, label):
    expected = {tag: (ability, *target[1:]) for _, ability, tags, target in commands for tag in tags}
    assert army_commands(game, orders) == expected, label


def assert_equal_commands(env, recording, episode, t, is_over, label):
    """What was told between two looks: agents' orders, then health boosts and armies' orders."""
    game, recorded = env.play.engines[0], recording.episodes[episode]
    commands = recording.commands.get((episode, t), [])
    n = recorded["n_agents"]
    own = set(recorded["ally_unit_tags"])
    agents = [c for c in commands if c[0] == "action" and c[2][0] in own]
    told = game.told[-1] if is_over else game.told[-2]
    assert agent_commands(game, told, recorded["ally_unit_tags"][:n]) == agents, label
    if not is_over:
        given = {(field, tag, value) for kind, field, tag, value in (c for c in commands if c[0] == "value")}
        assert boosts(game, game.told[-1]) == given, label
        armies = [c for c in commands if c[0] == "action" and c[2][0] not in own]
        assert_equal_army_commands(game, game.told[-1], armies, label)


def assert_equal_result(step, recording, row, subtask_rewards, label):
    arrays = recording.arrays
    assert step.reward[0] == arrays["reward"][row], label
    np.testing.assert_array_equal(step.subtask_reward[0], arrays[subtask_rewards][row], err_msg=label)
    np.testing.assert_array_equal(step.subtask_done[0], arrays["tasks_terminated"][row] == 1, err_msg=label)
    assert step.subtasks_changed[0] == arrays["tasks_changed"][row], label
    assert step.done[0] == arrays["terminated"][row], label


def assert_equal_info(info, env, recording, episode, row, label):
    arrays, last = recording.arrays, recording.episodes[episode]["infos"][-1]
    for name, column in (("battle_won", "won"), ("base_infiltrated",) * 2, ("allies_defeated",) * 2):
        assert info[name] == arrays[column][row], (label, name)
    assert info["perc_armies_defeated"] == arrays["perc_armies_defeated"][row], label
    healed = last.get("perc_agents_healed_per_army_defeated", np.nan)
    np.testing.assert_allclose(info["perc_agents_healed_per_army_defeated"], healed, rtol=1e-12, err_msg=label)
    match = env.matches[0]
    outcomes = match["outcome"][: match["armies"]]
    assert (outcomes == 1).tolist() == last["armies_defeated"], label
    assert (outcomes == -1).tolist() == last["armies_infiltrated"], label
    assert info["episode_length"] == arrays["t"][row], label
    rewards = arrays["reward"][recording.rows(episode)].tolist()
    assert info["return"] == sum(rewards), label


def replay(recording, subtask_rewards, **options):
    """Repeat all episodes of a recording; returns the metrics of those that ended."""
    env = recording.make_env(**options)
    if subtask_rewards == "task_rewards_fixed":
        env.rules["reference_accounts"] = False
    infos = []
    for episode in range(len(recording.episodes)):
        observation = env.reset(**recording.reset_options())
        rows = recording.rows(episode)
        label = f"episode {episode}"
        assert_equal_beginning(env, recording, episode, label)
        assert_equal_observation(env, observation, recording, rows[0], label)
        for t, row in enumerate(rows[1:], start=1):
            label = f"episode {episode}, step {t}"
            step = env.step(recording.arrays["actions"][row][None])
            assert_equal_observation(env, step.observation, recording, row, label)
            assert_equal_result(step, recording, row, subtask_rewards, label)
            assert_equal_commands(env, recording, episode, t, step.done[0], label)
        if step.done[0]:
            infos.append(step.episode_info[0])
            if subtask_rewards == "task_rewards":
                assert_equal_info(infos[-1], env, recording, episode, row, label)
    return infos


@pytest.mark.golden("smac", "play")
@pytest.mark.parametrize("subtask_rewards", ["task_rewards", "task_rewards_fixed"])
def test_golden_smac_from_the_seed_alone(golden_path, subtask_rewards):
    recording = Recording(golden_path)
    infos = replay(recording, subtask_rewards)
    stats = recording.meta["stats"]
    assert len(infos) == stats["battles_game"]
    assert sum(info["battle_won"] for info in infos) == stats["battles_won"]
    assert sum(info["timeouts"] for info in infos) == stats["timeouts"] == stats["battles_draw"]
    assert sum(info["restarts"] for info in infos) == stats["restarts"]


@pytest.mark.golden("smac", "play_meta")
def test_golden_smac_sizes(golden_path):
    meta = json.loads(golden_path.read_text())
    recording = Recording(golden_path.with_suffix(".npz"))
    env = recording.make_env()
    spec, info = env.spec, meta["env_info"]
    assert (spec.features, spec.actions, spec.agents) == (info["entity_shape"], info["n_actions"], info["n_agents"])
    assert (spec.entities, spec.episode_limit) == (info["n_entities"], info["episode_limit"])
    assert spec.subtasks == info["n_tasks"]
    assert env.rules["sight"][0] == meta["sight_range"]
    assert {episode["max_reward"] for episode in recording.episodes} == {20 * env.rules["scale"][0]}
    ids = {name: int(number) for number, name in meta["unit_type_ids"].items()}
    table = env.unit_table
    for kind, name in enumerate(UNIT_NAMES):
        if name in env.scenarios.types:
            for number in (table["game_id"][kind], table["rl_id"][kind]):
                assert meta["unit_type_ids"][str(number)] == env.rules["type_index"][0, kind]
    assert len(ids) == len(env.scenarios.types)
    assert set(meta["heuristic_style"].split("-")) <= {*STYLE_KEYS, "dynamic"}


def team_of(recorded):
    return tuple((count, kind.lower()) for count, kind in recorded)


@pytest.mark.golden("smac", "scenarios")
def test_golden_smac_scenario_sets(golden_path):
    for name, recorded in json.loads(golden_path.read_text()).items():
        assert name in SCENARIO_SETS
        scenarios = scenario_set(name)
        assert [*scenarios.scenarios] == [tuple(map(team_of, pair)) for pair in recorded["scenarios"]], name
        assert scenarios.largest == tuple(map(team_of, recorded["max"])), name
        assert (scenarios.separation, scenarios.jitter) == (recorded["separation"], recorded["jitter"])
        assert scenarios.rotates is recorded["rotate"] is recorded["ally_centered"] is True
        assert (scenarios.armies, scenarios.army_size) == (recorded["max_n_armies"], recorded["max_army_size"])
        assert scenarios.episode_limit == recorded["episode_limit"]
        assert recorded["train_n_enemies"] is recorded["train_n_armies"] is None


@pytest.mark.golden("smac", "placement")
def test_golden_smac_placement(golden_path):
    """Places of given scenarios, drawn one after the other from one stream."""
    streams = {}
    for draw in json.loads(golden_path.read_text()):
        key = (draw["scenario"], draw["spread_armies"], draw["seed"])
        if key not in streams:
            streams[key] = PlacementStream(*key)
        streams[key].assert_draws(draw)


class PlacementStream:
    """The draws of places alone, without those of the rest of a reset."""

    def __init__(self, scenario, spread_armies, seed):
        self._env = SmacMultiArmyVector(1, scenario=scenario, spread_armies=spread_armies, reference_compat=True)
        _, words, position, *_ = np.random.RandomState(seed).get_state()
        self._env.matches["words"][0], self._env.matches["position"][0] = words, position

    def assert_draws(self, draw):
        env, match, roster = self._env, self._env.matches[0], self._env.play.rosters[0]
        place_units(match, env.rules[0], roster, env.scenarios.table[draw["index"]], -1)
        assert match["armies"] == draw["n_armies"]
        assert match["spread"] == pytest.approx(draw["spread"], abs=1e-15)
        centres = np.stack([match["centre_x"], match["centre_y"]], axis=1)[: match["armies"]] - 16.0
        np.testing.assert_allclose(centres, draw["army_positions"], rtol=0, atol=1e-13)
        expected = {ALLY: draw["ally"], 1 - ALLY: draw["enemy"]}
        for owner, groups in expected.items():
            wanted = sorted((kind.lower(), *offset) for count, kind, offset in groups for _ in range(count))
            slots = np.flatnonzero(roster["owner"][: roster["units"]] == owner)
            found = sorted(
                (UNIT_NAMES[roster["type"][s]], float(roster["x"][s]) - 16, float(roster["y"][s]) - 16) for s in slots
            )
            assert [unit[0] for unit in found] == [unit[0] for unit in wanted]
            np.testing.assert_allclose([unit[1:] for unit in found], [unit[1:] for unit in wanted], rtol=0, atol=2e-6)
