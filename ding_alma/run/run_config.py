"""The complete configuration of a run, kept in its folder so that the run can be rebuilt from the folder alone."""

import re
import traceback
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ding_alma.atomic_file import write_json_atomically
from ding_alma.registration import register_all
from ding_alma.run.plain_values import plain_values
from ding_alma.run.run_error import RunError
from ding_alma.setting.registered import check_types, import_packages, plain_type
from ding_alma.setting.shipped import find_config
from dizoo_ext.checked_json import read_checked_json, with_checksum
from dizoo_ext.trusted_imports import check_imports

RUN_CONFIG_NAME = "run_config.json"
MERGED_CONFIG_NAME = "total_config.py"
"""What DI-engine writes into a run's folder: the merged configuration, without the create part."""
SEED_FOLDER = re.compile(r"seed_?\d+")
"""Names of the folders that hold the runs of one method."""


def runs_in(path: Path) -> list[Path]:
    """The folders of the seeds in the folder ``path``, by their numbers; else ``path`` alone, whatever it is."""
    if (path / RUN_CONFIG_NAME).is_file() or not path.is_dir():
        return [path]
    seeds = [config.parent for config in path.glob(f"*/{RUN_CONFIG_NAME}") if SEED_FOLDER.fullmatch(config.parent.name)]
    return sorted(seeds, key=lambda seed: int(re.sub(r"\D", "", seed.name))) or [path]


def runs_below(path: Path) -> list[Path]:
    """The folders of runs in the folder ``path``, and of the seeds in its folders."""
    seeds = [config.parent for config in path.glob(f"*/*/{RUN_CONFIG_NAME}")]
    runs = [config.parent for config in path.glob(f"*/{RUN_CONFIG_NAME}")]
    return runs + [seed for seed in seeds if SEED_FOLDER.fullmatch(seed.name)]


def create_part(merged: EasyDict) -> dict[str, Any]:
    """Recover DI-engine's ``create_config`` from a merged configuration.

    The suffix ``_command``, which the serial entries append to the policy's type, is taken off.
    """

    def choice(block: EasyDict, *more: str) -> dict[str, Any]:
        return {key: block[key] for key in ("type", "import_names", *more) if key in block}

    policy = choice(merged.policy)
    policy["type"] = plain_type(policy["type"])
    return plain_values(
        {
            "env": choice(merged.env),
            "env_manager": choice(merged.env.manager),
            "policy": policy,
            "collector": choice(merged.policy.collect.collector, "get_train_sample"),
            "replay_buffer": choice(merged.policy.other.replay_buffer),
        }
    )


def write_run_config(run_dir: str | Path) -> EasyDict:
    """Write `RUN_CONFIG_NAME` from the merged configuration that DI-engine left in ``run_dir``; return the latter.

    Raises:
        RunError: DI-engine's file is not there.
        TypeError: the configuration holds a value that JSON cannot.
    """
    merged = read_merged_config(run_dir)
    keep_config(merged, Path(run_dir))
    return merged


def read_merged_config(run_dir: str | Path) -> EasyDict:
    """The merged configuration that DI-engine left in ``run_dir``.

    Raises a RunError if it is not there, or holds something that Python cannot read back.
    """
    source = Path(run_dir) / MERGED_CONFIG_NAME
    # Here, as everywhere in this file, because commands that read run configs alone start without DI-engine.
    from ding.config import read_config_directly

    if not source.is_file():
        raise RunError(f"{source} is missing; run the pipeline with save_cfg=True, as DI-engine's entries do")
    try:
        return EasyDict(read_config_directly(str(source))["exp_config"])
    except (NameError, SyntaxError, KeyError) as error:
        raise RunError(
            f"{source} cannot be read back ({type(error).__name__}: {error}): some value in the config has no literal"
        ) from error


def keep_config(merged: EasyDict, run_dir: Path) -> None:
    """Write `RUN_CONFIG_NAME` into ``run_dir``. Raises a TypeError if it holds a value that JSON cannot."""
    content = {"format": 1, "main": plain_values(merged), "create": create_part(merged)}
    write_json_atomically(with_checksum(content), run_dir / RUN_CONFIG_NAME)


def read_run_config(path: str | Path) -> tuple[EasyDict, EasyDict]:
    """Read the merged main part and the create part from a `RUN_CONFIG_NAME` file, to build what they describe.

    Together they are a valid input of DI-engine's ``serial_pipeline``: the run can be repeated from them. The packages
    that they name are imported.

    Raises:
        RunError: as `read_kept_config`; they want to import what nobody has named (see `dizoo_ext.trusted_imports`) or
            what is not there, or environment or policy are not among what was imported.
    """
    main, create = read_kept_config(path)
    try:
        check_imports([main, create], path)
        import_packages(*create.values())
        check_types(create.env.type, create.policy.type)
    except ValueError as error:
        raise RunError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except AttributeError as error:
        raise RunError(f"{path} is damaged ({error!r}); eval and render read another (--config)") from error
    return main, create


def read_kept_config(path: str | Path) -> tuple[EasyDict, EasyDict]:
    """As `read_run_config`, to look at values alone: nothing is imported.

    Raises:
        RunError: the file is missing, not JSON or lacks a part.
    """
    path = Path(path)
    try:
        parts = read_checked_json(path)
        main, create = EasyDict(parts["main"]), EasyDict(parts["create"])
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing; keep checkpoints in their run's folder or name the config file with --config"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path} is damaged ({type(error).__name__}: {error}); eval and render read another (--config)"
        ) from error
    return main, create


def read_config_file(path: str | Path) -> tuple[EasyDict, EasyDict]:
    """Read the main and create parts of a DI-engine config, given as a file or by the name of a shipped one.

    Raises:
        RunError: the file is missing, is not a DI-engine config or composes one that is impossible.
    """
    try:
        path = find_config(path)
    except ValueError as error:
        raise RunError(str(error)) from None
    register_all()
    from ding.config import read_config

    try:
        # DI-engine hands on plain dicts as they are, and reads them by attribute.
        main, create = (EasyDict(part) for part in read_config(str(path)))
        return main, create
    except ModuleNotFoundError as error:
        raise RunError(
            f"{path}: {error}; install the package beside ding-alma, for example `uv pip install -e FOLDER`"
        ) from error
    except KeyError as error:
        raise RunError(f"{path} is not a DI-engine config: {error} is missing") from error
    except Exception as error:
        # A config is a program, which can fail in any way.
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
        place = f"{path}, line {lines[-1]}" if lines else f"{path}"
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunError(f"{place}: this config cannot be read ({said})") from error


def compile_config_file(path: str | Path) -> tuple[EasyDict, EasyDict]:
    """Merge a DI-engine config file with all defaults, as a training run would; return the main and create parts.

    Raises:
        RunError: the file is missing or is not a DI-engine config.
    """
    from ding.config import compile_config

    from ding_alma.run.config_shape import check_shape

    main, create = read_config_file(path)
    try:
        check_shape(main, create)
    except (ValueError, TypeError) as error:
        raise RunError(f"{path}: {error}") from error
    return compile_config(main, create_cfg=create, auto=True, save_cfg=False), create
