"""Timers, shots, heals and deaths (docs/reference/smac.md#order-of-a-loop, docs/reference/smac.md#shots-and-heals)."""

from numba import njit

from dizoo_ext.smac_multiarmy.embedded.state import NOBODY
from dizoo_ext.smac_multiarmy.embedded.stream import uniform
from dizoo_ext.smac_multiarmy.embedded.units import (
    COOLDOWN_DELAY,
    HEAL_COST,
    LEAST_DAMAGE,
    SHIELD_DELAY,
    SHIELD_REGENERATION,
)


@njit
def run_timers(battle, table):
    """One loop of cooldowns, shields and energy."""
    for k in range(battle.living):
        unit = battle.roll[k]
        kind = table[battle.type[unit]]
        battle.cooldown[unit] = max(battle.cooldown[unit] - 1.0, 0.0)
        if kind.shield > 0:
            battle.shield_wait[unit] = max(battle.shield_wait[unit] - 1, 0)
            if battle.shield_wait[unit] == 0:
                battle.shield[unit] = min(battle.shield[unit] + SHIELD_REGENERATION, kind.shield)
        if kind.energy_max > 0:
            battle.energy[unit] = min(battle.energy[unit] + kind.energy_regeneration, kind.energy_max)


@njit
def use_weapons(battle, table):
    """Let every unit that aims at another fire or heal; who aims was settled before, so all act at once."""
    if battle.hurt:
        for k in range(battle.living):
            battle.attacker[battle.roll[k]] = NOBODY
        battle.hurt = False
    for k in range(battle.living):
        unit = battle.roll[k]
        aim = battle.aim[unit]
        if aim == NOBODY:
            continue
        if table[battle.type[unit]].heal > 0:
            heal(battle, table, unit, aim)
        elif battle.cooldown[unit] <= 0.0:
            battle.cooldown[unit] = table[battle.type[unit]].period + uniform(
                battle, COOLDOWN_DELAY[0], COOLDOWN_DELAY[1]
            )
            shoot(battle, table, unit, aim)


@njit
def shoot(battle, table, unit, target):
    """Apply the hits of one shot: shields first and without armour, the rest to the health."""
    kind = table[battle.type[unit]]
    armour = table[battle.type[target]].armour
    damage = kind.damage
    if (kind.bonus_attributes & table[battle.type[target]].attributes) != 0:
        damage += kind.bonus
    for _ in range(kind.hits):
        absorbed = min(damage, battle.shield[target])
        battle.shield[target] -= absorbed
        if absorbed < damage:
            battle.health[target] -= max(damage - absorbed - armour, LEAST_DAMAGE)
    battle.shield_wait[target] = SHIELD_DELAY
    battle.attacker[target] = unit
    battle.hurt = True


@njit
def heal(battle, table, unit, target):
    """Heal for one loop; the plans see to it that a unit is healed by one other only."""
    missing = table[battle.type[target]].health - battle.health[target]
    amount = min(table[battle.type[unit]].heal, missing, battle.energy[unit] / HEAL_COST)
    battle.health[target] += amount
    battle.energy[unit] = max(battle.energy[unit] - amount * HEAL_COST, 0.0)


@njit
def bury_the_dead(battle):
    """Take the units without health off the roll."""
    living = 0
    for k in range(battle.living):
        unit = battle.roll[k]
        if battle.health[unit] > 0:
            battle.roll[living] = unit
            living += 1
        else:
            battle.alive[unit] = False
    battle.living = living
