"""The thesis' two-stage actor for Lux: which output of which head leads to which of the 31 actions
(docs/reference/mppo.md#staged-actions, docs/reference/lux.md#actions)."""

UNIT_TYPES = ("move", "transfer", "pickup", "dig", "self_destruct", "recharge", "nothing")
FACTORY_ACTIONS = 4
PARAMETERS = {"direction": 5, "resource": 5, "amount": 10, "repeat": 2}
"""Parameter heads of every unit type, and their outputs; each type has all of them, also those that it never uses."""
ICE, ORE, POWER = 0, 1, 4
"""The engine's resource numbers."""

LUX_HEADS = (FACTORY_ACTIONS, len(UNIT_TYPES), *(size for _ in UNIT_TYPES for size in PARAMETERS.values()))
"""Outputs of each linear map: factory, unit type, then the parameters type by type."""


def _column(unit_type: str, parameter: str, value: int) -> int:
    names = list(PARAMETERS)
    before = sum(PARAMETERS[name] for name in names[: names.index(parameter)])
    first = FACTORY_ACTIONS + len(UNIT_TYPES) + UNIT_TYPES.index(unit_type) * sum(PARAMETERS.values())
    return first + before + value


def _unit(unit_type: str, **parameters: int) -> tuple[int, ...]:
    chosen = (_column(unit_type, name, value) for name, value in parameters.items())
    return (FACTORY_ACTIONS + UNIT_TYPES.index(unit_type), *chosen)


LUX_PATHS = (
    _unit("nothing"),
    *(_unit("move", direction=d) for d in range(1, 5)),
    *(_unit("transfer", direction=d, resource=ICE) for d in range(5)),
    *(_unit("transfer", direction=d, resource=ORE) for d in range(5)),
    *(_unit("pickup", resource=POWER, amount=k) for k in range(10)),
    _unit("dig"),
    _unit("recharge"),
    *((action,) for action in range(FACTORY_ACTIONS)),
)
"""Columns of the choices of actions 0-26 (units) and 27-30 (factories). Parameters that the other choices settle, such
as a move's repeat, are no choices."""
