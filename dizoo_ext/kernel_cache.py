"""Where numba keeps compiled code: beside the sources or in the home folder, and if it can write to neither, elsewhere.

It is also told not to log what it compiles, and from `source_field` it learns that kept code is out of date.

Imported before any kernel: numba refuses to define one that it could not keep.
"""

import atexit
import logging
import os
import shutil
import stat
import tempfile
import zlib
from pathlib import Path

import numba
import numpy as np
from numba import njit


def settle_cache() -> None:
    """Let numba write to a folder of the user's among the temporary files if it finds no other, and say so."""
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        folder = _private_folder()
        # Read by processes that start from now on.
        os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # set when numba is imported
        logging.warning(
            f"numba can keep compiled code neither beside dizoo_ext nor in a home folder: it goes to {folder}; "
            "NUMBA_CACHE_DIR=FOLDER chooses another place"
        )


def _probe() -> None:
    """Nothing, at no cost: numba looks for a place when it is asked to keep a function, and compiles it later."""


def _private_folder() -> Path:
    """The same one for all processes of a user, or one for this process alone if somebody else has made that."""
    folder = Path(tempfile.gettempdir()) / f"numba-cache-{os.getuid()}"
    folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    found = folder.lstat()
    # Compiled code is run as it is: nobody else may be able to put any there.
    if (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.getuid()
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        return folder
    alone = Path(tempfile.mkdtemp(prefix="numba-cache-"))
    atexit.register(shutil.rmtree, alone, ignore_errors=True)
    return alone


def source_field(*paths: str | Path) -> tuple[str, type[np.int8]]:
    """A field without a meaning for a record that kernels work on, named after the text of the kernels' sources.

    Numba finds kept code by the types of the arguments and by the file of the kernel that was called, and knows nothing
    about changes in the files of those that this one calls. With the field in their record the type is another one.

    Args:
        paths: the files with the kernels; a folder stands for all modules in it.
    """
    digest = 0
    for path in map(Path, paths):
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest = zlib.crc32(file.read_bytes(), digest)
    return f"source_{digest:08x}", np.int8


def quiet_compiler() -> None:
    """Keep numba's debug messages out of programs that log those of every package; a level of the user's stays.

    EPyMARL is such a program. Numba would describe every instruction that it compiles, which takes longer than the
    compilation.
    """
    logger = logging.getLogger("numba")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


settle_cache()
quiet_compiler()
