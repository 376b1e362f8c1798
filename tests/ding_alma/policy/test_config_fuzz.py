"""Any value at any key of a policy's config: it trains, or one line says what is wrong with which key."""

import contextlib
import functools
import math
import tempfile
from pathlib import Path

import pytest
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from resumed_runs import resumable_config
from tiny_runs import train

from ding_alma.run.run_error import RunError

POLICIES = ["alma", "refil", "copa", "mppo"]
SKIPPED = ("cfg_type", "type", "cuda", "import_names", "model", "learner", "multi_gpu")
"""Names, what needs a GPU or another process, and blocks that others read."""
VALUES = st.one_of(
    st.sampled_from([-1, 0, 1, 2, 3, 7, 8, 64, -1.0, 0.0, 0.5, 1.0, 2.5, 1e6, math.nan, math.inf, -math.inf]),
    st.sampled_from([None, True, False, "x", "", [], [1], {}, {"x": 1}]),
)


def dotted(config, prefix=""):
    """Keys of all values in a config."""
    for key, value in config.items():
        if key in SKIPPED:
            continue
        if isinstance(value, dict) and value:
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


@functools.cache
def keys_of(policy):
    main, _ = resumable_config(policy)
    return sorted(dotted(deep_merge_dicts(POLICY_REGISTRY.get(policy).default_config(), main.policy)))


CASES = st.sampled_from(POLICIES).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(keys_of(name)), VALUES))


def changed(policy, key, value):
    """A tiny config with one value changed."""
    main, create = resumable_config(policy)
    node = main.policy
    *blocks, last = key.split(".")
    for block in blocks:
        node = node.setdefault(block, EasyDict())
    # Not by attribute: EasyDict turns tuples into lists.
    node[last] = value
    return main, create


def assert_tells(error, key):
    message = str(error)
    assert "\n" not in message, message
    assert key.rpartition(".")[2] in message or key.rpartition(".")[0] in message, (key, message)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(CASES)
def test_a_policy_takes_a_value_or_says_what_is_wrong(case):
    policy, key, _ = case
    main, _ = changed(*case)
    kind = POLICY_REGISTRY.get(policy)
    try:
        kind(EasyDict(deep_merge_dicts(kind.default_config(), main.policy)), enable_field=["learn", "collect", "eval"])
    except (ValueError, TypeError) as error:
        assert_tells(error, key)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(CASES)
def test_a_run_of_two_iterations_or_one_line(case):
    main, create = changed(*case)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        try:
            train(main, create, iterations=2)
        except (ValueError, TypeError, RunError) as error:
            assert_tells(error, case[1])
        except SyntaxError:
            # DI-engine cannot write NaN into its config file.
            assert isinstance(case[2], float) and math.isnan(case[2])
        else:
            assert (Path("run") / "ckpt" / "ckpt_last.pth.tar").is_file()
