"""Environments and policies by name: the packages that register them, which may be the user's own."""

import difflib
from collections.abc import Mapping
from importlib import import_module
from itertools import chain
from typing import Any

from ding.utils import ENV_REGISTRY, POLICY_REGISTRY

SUFFIX = "_command"
"""DI-engine's serial entries append it to a policy's type, so policies are registered twice."""


def import_packages(*blocks: Mapping[str, Any]) -> None:
    """Import what blocks of a config name under ``import_names``, as DI-engine will.

    Raises:
        ValueError: a module cannot be imported; the message says why.
    """
    named = [block.get("import_names") or () for block in blocks if isinstance(block, Mapping)]
    for name in dict.fromkeys(chain.from_iterable(named)):
        try:
            import_module(name)
        except ImportError as error:
            package = str(name).partition(".")[0]
            raise ValueError(
                f"import_names lists {name!r}, which cannot be imported ({error}): install the package {package!r} "
                "beside ding-alma, for example `uv pip install -e FOLDER`"
            ) from error


def check_types(env: str, policy: str) -> None:
    """Raise a ValueError, with the nearest names, unless an environment and a policy are registered."""
    _check(env, ENV_REGISTRY, "environment", "env")
    _check(policy.removesuffix(SUFFIX), POLICY_REGISTRY, "policy", "policy")


def _check(name: str, registry: Mapping[str, Any], what: str, block: str) -> None:
    if name in registry:
        return
    known = sorted(each for each in registry if not each.endswith(SUFFIX))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    raise ValueError(
        f"unknown {what} {name!r}; did you mean {' or '.join(near) or ', '.join(known)}? Another one needs its package "
        f"in create_config.{block}.import_names"
    )
