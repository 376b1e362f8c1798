"""What a parallel run is to do, described by environment variables: ``ditask`` hands no arguments on."""

import os
from collections.abc import Mapping
from typing import overload

from ding.config import read_config

from ding_alma.run.job import Job

SEED_STRIDE = 10_000
"""Between the seeds of two processes that play; more than environments per process."""

CONFIG = "DING_ALMA_CONFIG"
SEED = "DING_ALMA_SEED"
ENV_STEP = "DING_ALMA_ENV_STEP"
TRAIN_ITER = "DING_ALMA_TRAIN_ITER"
COLLECTORS = "DING_ALMA_COLLECTORS"


def job_from_environment(environment: Mapping[str, str] = os.environ) -> Job:
    """The job that a user of ``ditask`` describes.

    Raises:
        ValueError: no config is named, or a number is none.
    """
    if not environment.get(CONFIG):
        raise ValueError(f"set {CONFIG} to a config file, such as configs/small/save_the_city_alma_config.py")
    main, create = read_config(environment[CONFIG])
    return Job(
        main,
        create,
        seed=whole_number(environment, SEED, 0),
        max_env_step=whole_number(environment, ENV_STEP),
        max_train_iter=whole_number(environment, TRAIN_ITER),
        collectors=whole_number(environment, COLLECTORS),
    )


@overload
def whole_number(environment: Mapping[str, str], name: str, default: int) -> int: ...
@overload
def whole_number(environment: Mapping[str, str], name: str, default: None = None) -> int | None: ...
def whole_number(environment: Mapping[str, str], name: str, default: int | None = None) -> int | None:
    """A variable such as 400000 or 4e5, ``default`` if it is not set. Raises a ValueError for anything else."""
    text = environment.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if number < 0 or not number.is_integer():
        raise ValueError(f"{name} must be a whole number such as 400000 or 4e5, got {text!r}")
    return int(number)
