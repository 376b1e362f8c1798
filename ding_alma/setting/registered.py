"""Environments and policies by name: the packages that register them, which may be the user's own."""

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module
from itertools import chain
from typing import Any

SUFFIX = "_command"
"""DI-engine's serial entries append it to a policy's type, so policies are registered twice."""


def plain_type(policy: str) -> str:
    """A policy's type as configs name it."""
    return policy.removesuffix(SUFFIX)


def import_packages(*blocks: Mapping[str, Any]) -> None:
    """Import what blocks of a config name under ``import_names``, as DI-engine will.

    Raises:
        ValueError: a module cannot be imported; the message says why.
    """
    named = [block.get("import_names") or () for block in blocks if isinstance(block, Mapping)]
    import_named(dict.fromkeys(chain.from_iterable(named)))


def import_named(names: Iterable[str], path: str = "import_names") -> None:
    """Import the modules that the key ``path`` of a config lists. Raises a ValueError that says which one fails."""
    for name in names:
        try:
            import_module(name)
        except (ImportError, ValueError) as error:
            # Python refuses an empty name by a ValueError.
            package = str(name).partition(".")[0]
            raise ValueError(
                f"{path} lists {name!r}, which cannot be imported ({error}): install the package {package!r} "
                "beside ding-alma, for example `uv pip install -e FOLDER`"
            ) from error


def check_types(env: str, policy: str) -> None:
    """Raise a ValueError, with the nearest names, unless an environment and a policy are registered."""
    # Here, because what imports this file starts without DI-engine.
    from ding.utils import ENV_REGISTRY, POLICY_REGISTRY

    for name, registry, block in ((env, ENV_REGISTRY, "env"), (policy, POLICY_REGISTRY, "policy")):
        check_registered(name, registry, "environment" if block == "env" else block, block)


def check_registered(name: str, registry: Mapping[str, Any], what: str, block: str) -> None:
    """Raise a ValueError, with the nearest names, if ``registry`` does not know the type ``name`` of a config's block.

    Args:
        what: what it is, for the message.
        block: the block of ``create_config`` whose ``import_names`` could make it known.
    """
    known = sorted(each for each in registry if not each.endswith(SUFFIX))
    if plain_type(name) in known:
        return
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    raise ValueError(
        f"unknown {what} {name!r}; did you mean {' or '.join(near) or ', '.join(known)}? Another one needs its package "
        f"in create_config.{block}.import_names"
    )
