"""What one step does to one city: the compiled transition and its rewards.

docs/reference/save_the_city.md#order-of-a-step, docs/reference/save_the_city.md#rewards
"""

from numba import njit

from dizoo_ext.mersenne import draw_below
from dizoo_ext.save_the_city.city import (
    ACTIONS,
    BORDER,
    BUILD,
    BUILD_SPEED,
    BUILDER,
    BURN_SPEED,
    FINISHED_TIMER,
    FIRE,
    FIRE_SPEED,
    FIREFIGHTER,
    FREEZE,
    GENERALIST,
    GRID,
    MOVE_X,
    MOVE_Y,
    STAY,
    WALKS,
)

_F, _B, _G = (1 << (kind - FIREFIGHTER) for kind in (FIREFIGHTER, BUILDER, GENERALIST))
"""Bits of the agent types in a building's ``used``: extinguishing types, builders shifted by _BUILDS, then _FROZEN."""
_BUILDS = 3
_FROZEN = 1 << 6


@njit
def is_finished(city, b):
    """Whether building ``b`` is complete or burned down."""
    return city.health[b] == 1.0 or city.health[b] == 0.0


@njit
def count_types(bits):
    """How many of the three agent types a set of three bits holds."""
    return (bits & 1) + ((bits >> 1) & 1) + ((bits >> 2) & 1)


@njit
def refresh_availability(city):
    """Recompute ``blocked``, ``beside`` and ``legal`` from positions, fires and health."""
    wall = (1 << BORDER) - 1
    wall |= wall << (GRID + BORDER)
    for row in range(GRID + 2 * BORDER):
        inside = BORDER <= row < GRID + BORDER
        city.blocked[row] = wall if inside else 0xFFFFF
    for b in range(city.buildings):
        city.blocked[city.building_y[b] + BORDER] |= 1 << (city.building_x[b] + BORDER)
    for i in range(city.agents):
        city.blocked[city.agent_y[i] + BORDER] |= 1 << (city.agent_x[i] + BORDER)
    for i in range(city.agents):
        city.beside[i] = _building_beside(city, i)
        city.legal[i] = _legal_actions(city, i)


@njit
def _building_beside(city, i):
    for b in range(city.buildings):
        if abs(city.building_x[b] - city.agent_x[i]) + abs(city.building_y[b] - city.agent_y[i]) == 1:
            return b
    return -1


@njit
def _legal_actions(city, i):
    legal = 1 << STAY
    x = city.agent_x[i] + BORDER
    y = city.agent_y[i] + BORDER
    is_generalist = city.agent_type[i] == GENERALIST
    for action in range(1, 2 * WALKS + 1 if is_generalist else WALKS + 1):
        if not (city.blocked[y + MOVE_Y[action]] >> (x + MOVE_X[action])) & 1:
            legal |= 1 << action
    b = city.beside[i]
    if b >= 0:
        if city.fire[b] > 0.0:
            legal |= 1 << FIRE
            if is_generalist:
                legal |= 1 << FREEZE
        elif not is_finished(city, b):
            legal |= 1 << BUILD
    return legal


@njit
def check_actions(city, k, actions, illegal_is_noop):
    """Whether the joint action in row ``k`` of ``actions`` (n, A) can be executed."""
    for i in range(city.agents):
        action = actions[k, i]
        if not 0 <= action < ACTIONS or not (illegal_is_noop or (city.legal[i] >> action) & 1):
            return False
    return True


@njit
def advance_city(city, rules, k, actions, subtask_reward, subtask_done):
    """Execute the checked joint action in row ``k`` of ``actions`` (n, A); entries past the team are ignored.

    Args:
        subtask_reward: (n, K) float64, row ``k`` is written.
        subtask_done: (n, K) bool, row ``k`` is written.

    Returns:
        global reward, done, time limit reached, some building finished in this step.
    """
    _act(city, rules, k, actions)
    scale = rules.reward_scale
    reward = rules.ts_pen
    complete = 0
    burned = 0
    changed = False
    for b in range(subtask_reward.shape[1]):
        if b >= city.buildings:
            subtask_reward[k, b] = 0.0
            subtask_done[k, b] = True
            continue
        gain, is_completed, is_burned = _update_building(city, rules, b)
        reward += gain + rules.complete * is_completed
        subtask_reward[k, b] = (gain + rules.solved * is_completed + rules.ts_pen) * scale / rules.max_reward
        subtask_done[k, b] = is_finished(city, b)
        complete += city.health[b] == 1.0
        burned += city.health[b] == 0.0
        changed |= is_completed or is_burned
    _resolve_collisions(city)
    city.t += 1
    done = complete + burned == city.buildings or (rules.end_on_any_burn and burned > 0)
    time_limit = not done and city.t >= rules.episode_limit
    done |= time_limit
    if done and complete == city.buildings:
        reward += rules.solved
    reward = reward * scale / rules.max_reward
    city.total_reward += reward
    city.running = not done
    refresh_availability(city)
    return reward, done, time_limit, changed


@njit
def _act(city, rules, k, actions):
    for b in range(city.buildings):
        city.extinguishing[b] = 0.0
        city.construction[b] = 0.0
        city.used[b] = 0
    for i in range(city.agents):
        city.from_x[i] = city.agent_x[i]
        city.from_y[i] = city.agent_y[i]
        action = actions[k, i] if (city.legal[i] >> actions[k, i]) & 1 else STAY
        city.last_action[i] = action
        if action < FIRE:
            city.agent_x[i] += MOVE_X[action]
            city.agent_y[i] += MOVE_Y[action]
            continue
        kind = city.agent_type[i]
        b = city.beside[i]
        city.action_uses[kind - FIREFIGHTER, action - FIRE] += 1
        if action == FIRE:
            city.extinguishing[b] += FIRE_SPEED[kind] * rules.fire_reduce_rate
            city.used[b] |= 1 << (kind - FIREFIGHTER)
        elif action == BUILD:
            city.construction[b] += BUILD_SPEED[kind] * rules.base_build_rate
            city.used[b] |= 1 << (kind - FIREFIGHTER + _BUILDS)
        else:
            city.used[b] |= _FROZEN


@njit
def _update_building(city, rules, b):
    old_fire = city.fire[b]
    old_health = city.health[b]
    firefighters = city.used[b] & 7
    builders = (city.used[b] >> _BUILDS) & 7
    fire = _burn(old_fire, city.extinguishing[b], firefighters, rules)
    work = city.construction[b]
    if builders & _F and builders & _G:
        work += rules.generalist_help_factor * rules.base_build_rate
    if not city.used[b] & _FROZEN:
        work -= fire * BURN_SPEED[city.building_type[b]] * rules.fire_burn_rate
    health = min(max(old_health + work, 0.0), 1.0)
    delta = health - old_health
    is_extinguished = old_fire > 0.0 and fire == 0.0
    is_completed = old_health < 1.0 and health == 1.0
    is_burned = old_health > 0.0 and health == 0.0
    city.health[b] = health
    city.fire[b] = 0.0 if is_burned else fire
    _tick(city, b)
    city.health_delta += delta
    city.extinguished += is_extinguished
    city.completed += is_completed
    city.burned += is_burned
    if firefighters:
        city.firefights += 1
        city.firefight_types += count_types(firefighters)
    if builders:
        city.builds += 1
        city.build_types += count_types(builders)
    gain = rules.health_delta_mult * delta + rules.burned_down * is_burned + rules.extinguish * is_extinguished
    return gain, is_completed, is_burned


@njit
def _burn(fire, extinguishing, firefighters, rules):
    if extinguishing == 0.0:
        fire = rules.fire_growth_rate * fire
    else:
        if firefighters & _B and firefighters & _G:
            extinguishing += rules.generalist_help_factor * rules.fire_reduce_rate
        fire = fire - extinguishing
    return min(max(fire, 0.0), 1.0)


@njit
def _tick(city, b):
    if is_finished(city, b):
        city.time_to_next_fire[b] = FINISHED_TIMER
        city.time_since_last_fire[b] = 0
        return
    city.time_to_next_fire[b] -= 1
    city.time_since_last_fire[b] += 1
    if city.time_to_next_fire[b] <= 0:
        city.fire[b] = 1.0
        city.time_to_next_fire[b] = city.period[b]
        city.time_since_last_fire[b] = 0


@njit
def _resolve_collisions(city):
    for i in range(city.agents):
        for j in range(i + 1, city.agents):
            if city.agent_x[i] == city.agent_x[j] and city.agent_y[i] == city.agent_y[j]:
                loser = j if _draw_tie_break(city) else i
                city.agent_x[loser] = city.from_x[loser]
                city.agent_y[loser] = city.from_y[loser]


@njit
def _draw_tie_break(city):
    if city.forced_next < city.forced_count:
        city.forced_next += 1
        return int(city.forced[city.forced_next - 1])
    return draw_below(city, 2)
