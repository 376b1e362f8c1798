"""Packs `gpu.py` with everything but torch, for a machine with Python 3.12 and torch and without a network.

    uv run python benchmarks/carry.py carry.tar.gz

fetches the wheels of `PACKAGES` for Python 3.12 on Linux x86_64, in the versions that are installed here, and writes
one file. On the other machine nothing is installed, and its own packages are used only where the folder has none:

    tar xf carry.tar.gz && python3 carry --device cuda

``--without`` leaves out packages that the other machine has.
"""

import shutil
import subprocess
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
PYTHON = "3.12"
OURS = ("benchmarks", "configs", "ding_alma", "dizoo_ext", "LICENSE")
PACKAGES = (
    "DI-engine",
    "DI-toolkit",
    "DI-treetensor",
    "Farama-Notifications",
    "Flask",
    "PyYAML",
    "Pygments",
    "URLObject",
    "Werkzeug",
    "certifi",
    "cffi",
    "charset-normalizer",
    "click",
    "cloudpickle",
    "deprecation",
    "dill",
    "easydict",
    "einops",
    "enum-tools",
    "graphviz",
    "gym",
    "gym-notices",
    "gymnasium",
    "h5py",
    "hbutils",
    "hickle",
    "idna",
    "itsdangerous",
    "llvmlite",
    "markdown-it-py",
    "mdurl",
    "mpire",
    "numba",
    "numpy",
    "packaging",
    "pillow",
    "protobuf",
    "psutil",
    "pynng",
    "redis",
    "requests",
    "rich",
    "scipy",
    "sniffio",
    "tabulate",
    "tensorboardX",
    "tqdm",
    "treevalue",
    "urllib3",
    "yapf",
)
"""What the benchmark imports beside `WITH_TORCH`; tests/test_carry.py runs it with nothing else."""
WITH_TORCH = ("torch", "typing_extensions", "sympy", "mpmath", "networkx", "Jinja2", "MarkupSafe", "setuptools")
"""Come with torch, and the other machine has the versions that fit."""
FROM_SOURCE = "gym"
"""Has no wheel, and nothing to compile."""
NOT_OF_SCIPY = (
    "cluster",
    "constants",
    "datasets",
    "differentiate",
    "fft",
    "fftpack",
    "integrate",
    "interpolate",
    "io",
    "misc",
    "ndimage",
    "odr",
    "optimize",
    "signal",
    "sparse",
    "spatial",
    "special",
    "stats",
)
"""Numba needs SciPy for its BLAS only."""
MAIN = f'''"""Run benchmarks/gpu.py with the packages in this folder and the torch of this machine."""

import runpy
import sys
import warnings
from pathlib import Path

# Of the packages' own making: there is no bytecode yet.
warnings.simplefilter("ignore")
if sys.version_info[:2] != {tuple(map(int, PYTHON.split(".")))}:
    sys.exit(f"the packages in this folder are for Python {PYTHON}, this is {{sys.version.split()[0]}}")
HERE = Path(__file__).resolve().parent
sys.path[:1] = [str(HERE / "benchmarks"), str(HERE)]
runpy.run_path(str(HERE / "benchmarks" / "gpu.py"), run_name="__main__")
'''


def fetch(folder: Path, packages: list[str]) -> None:
    """Unpack the packages' wheels there, in the versions that are installed here."""
    command = ["uv", "pip", "install", "--quiet", "--no-deps", "--link-mode", "copy", "--target", str(folder)]
    command += ["--python-version", PYTHON, "--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"]
    if FROM_SOURCE in packages:
        command += ["--no-binary", FROM_SOURCE]
    subprocess.run([*command, *(f"{name}=={metadata.version(name)}" for name in packages)], check=True)


def thin(folder: Path) -> None:
    """Remove what is not imported: tests, headers, bytecode, most of SciPy."""
    for path in [*folder.rglob("tests"), *folder.rglob("__pycache__"), *folder.rglob("include")]:
        # DI-engine imports an environment from its tests.
        if path.is_dir() and path.relative_to(folder).parts[0] != "ding":
            shutil.rmtree(path)
    for name in NOT_OF_SCIPY:
        shutil.rmtree(folder / "scipy" / name, ignore_errors=True)
    shutil.rmtree(folder / "bin", ignore_errors=True)


def add_ours(folder: Path) -> None:
    """Copy this project beside the packages."""
    for name in OURS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / "__main__.py").write_text(MAIN, encoding="utf-8")


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--without", multiple=True, type=click.Choice(PACKAGES), help="Left out; the other machine has it.")
def main(output: Path, without: tuple[str, ...]) -> None:
    """Write one file to carry to a machine without a network."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "carry")
        fetch(folder, [name for name in PACKAGES if name not in without])
        thin(folder)
        add_ours(folder)
        with tarfile.open(output, "w:gz") as archive:
            archive.add(folder, "carry")
    click.echo(f"{output}: {output.stat().st_size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
