"""Scenarios as one word, for records, tables and the command line."""

import ast
from typing import Any

from easydict import EasyDict

from ding_alma.run.plain_values import plain_values
from ding_alma.run.run_error import RunError


def scenario_name(env: EasyDict) -> str | None:
    """What an ``env`` block asks to play, as `scenario_of` reads it; None where the environment has no scenarios.

    Names stay as they are, teams of a list are joined by ``+``, and scenarios of one's own are Python literals.
    """
    scenario = plain_values(env.get("scenario"))
    if isinstance(scenario, list) and all(isinstance(entry, str) for entry in scenario):
        return "+".join(scenario)
    return scenario if scenario is None or isinstance(scenario, str) else repr(scenario)


def scenario_of(text: str) -> Any:
    """The value of ``env.scenario`` that ``text`` stands for.

    Raises:
        RunError: a literal, beginning with a bracket, that is none.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            return ast.literal_eval(text.strip())
        except (SyntaxError, ValueError) as error:
            raise RunError(
                f"scenario {text} is no Python literal ({error}); write one such as {{'agents': 'BFG', 'buildings': 6}}"
            ) from error
    return text.split("+") if "+" in text else text
