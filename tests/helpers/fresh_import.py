"""Python as it is before this project and DI-engine are imported, without the seconds that a new interpreter takes."""

import gc
import multiprocessing
import os
import sys
import tempfile
import traceback

FORGOTTEN = ("ding_alma", "dizoo_ext", "ding", "ditk", "configs")


def run_fresh(script: str, *forgotten: str) -> str:
    """What ``script`` prints in a forked child that has forgotten DI-engine's and this project's modules.

    It keeps all others that the tests have imported, torch and numba among them: whether one of these is imported, or
    says something then, takes an interpreter of its own to see.

    Args: forgotten, further modules and packages.
    """
    with tempfile.TemporaryFile() as output:
        child = multiprocessing.get_context("fork").Process(
            target=_run, args=(script, (*FORGOTTEN, *forgotten), output.fileno())
        )
        child.start()
        child.join()
        output.seek(0)
        told = output.read().decode()
    assert child.exitcode == 0, told
    return told


def _run(script: str, forgotten: tuple[str, ...], output: int) -> None:
    # As `ding_alma.plugin` has it, which not all tests that come here have imported.
    gc.freeze()
    for name in list(sys.modules):
        if name in forgotten or name.partition(".")[0] in forgotten:
            del sys.modules[name]
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    status = 1
    try:
        exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
