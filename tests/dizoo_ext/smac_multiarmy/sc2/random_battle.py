"""Random battles of every kind of order, for any engine."""

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    HEAL,
    KEEP,
    MOVE,
    ORDERS,
    ROSTER,
    SCAN_MOVE,
    STOP,
    UNITS,
)

CENTRE = 16.0
ARMIES = 3
LOOPS_PER_STEP = 8


def roster(seed):
    """Allies around the centre, armies of the same types on a circle around it."""
    generator = np.random.default_rng(seed)
    names = ("zealot", "stalker") if generator.random() < 0.5 else ("marine", "marauder", "medivac")
    types = [UNIT_NAMES.index(name) for name in names]
    units = []
    for kind in types:
        x, y = CENTRE + generator.uniform(-1, 1, 2)
        units += [(kind, ALLY, x, y)] * int(generator.integers(1, 4))
    for army in range(ARMIES):
        angle = 2 * np.pi * (generator.random() + army) / ARMIES
        x, y = CENTRE + 9 * np.cos(angle), CENTRE + 9 * np.sin(angle)
        units += [(int(generator.choice(types)), ENEMY, x, y) for _ in range(generator.integers(1, 4))]
    record = np.zeros((), dtype=ROSTER)
    record["units"], record["seed"] = len(units), seed
    for slot, values in enumerate(units):
        for field, value in zip(("type", "owner", "x", "y"), values, strict=True):
            record[field][slot] = value
    return record


def random_orders(record, generator):
    """Orders for some of both sides' units, senseless ones among them, and now and then a gift of health."""
    orders = np.zeros((), dtype=ORDERS)
    orders["health"][:] = orders["shield"][:] = np.nan
    number = int(record["units"])
    healer = UNIT_NAMES.index("medivac")
    for slot in range(number):
        is_healer = record["type"][slot] == healer
        if record["owner"][slot] == ALLY:
            kinds = (KEEP, STOP, MOVE, HEAL if is_healer else ATTACK)
        else:
            kinds = (KEEP, MOVE, SCAN_MOVE if is_healer else ATTACK_MOVE)
        orders["kind"][slot] = generator.choice(kinds)
        orders["x"][slot], orders["y"][slot] = generator.uniform(2, 30, 2)
        orders["target"][slot] = generator.integers(number)
        if generator.random() < 0.02:
            orders["health"][slot], orders["shield"][slot] = generator.uniform(1, 40, 2)
    return orders


def play(engine, seed, steps=40):
    """A whole battle as the rules would play it; returns what was seen, a list of () `UNITS` records."""
    record = roster(seed)
    generator = np.random.default_rng(seed)
    engine.begin(record)
    seen = np.zeros((), dtype=UNITS)
    engine.read(seen)
    trace = [seen.copy()]
    engine.advance(4)
    engine.order(random_orders(record, generator))
    for _ in range(steps):
        engine.order(random_orders(record, generator))
        engine.advance(LOOPS_PER_STEP)
        engine.read(seen)
        trace.append(seen.copy())
    return trace
