"""The hooks that every shipped config has, for configs that tests write themselves."""

import copy
from typing import Any

from ding_alma.setting.blocks import MAIN


def default_hooks() -> dict[str, dict[str, Any]]:
    """The entries that give a run its record and its progress, for ``policy.learn.learner.hook``."""
    hook = MAIN["policy"]["learn"]["learner"]["hook"]
    return {"run_record": copy.deepcopy(hook["run_record"]), "progress": {**hook["progress"], "ext_args": {}}}
