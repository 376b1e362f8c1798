"""Shared by the tests of runs: one thread, and the scripts in ``benchmarks/``, which are not a package."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small are slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def benchmark_script(request):
    """The module named by the test module's ``SCRIPT``."""
    spec = importlib.util.spec_from_file_location(request.module.SCRIPT, BENCHMARKS / f"{request.module.SCRIPT}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]
