"""What a configuration in a run's folder may import."""

import json
import subprocess
import sys

import pytest

from dizoo_ext import trusted_imports
from dizoo_ext.lux.env import LuxEnv


@pytest.fixture(autouse=True)
def nobody_trusted(monkeypatch):
    # Also takes back what `trust` sets.
    monkeypatch.setenv(trusted_imports.VARIABLE, "")


@pytest.mark.parametrize(
    "config",
    [
        {"main": {"policy": {"import_names": ["ding_alma", "payload"]}}},
        {"create": [{"env": {"manager": {"import_names": ["payload.inner"]}}}]},
        {"import_names": ["runs.x.payload"]},
        {"import_names": "payload"},
        {"import_names": [["payload"]]},
        {"import_names": [".payload"]},
        {"import_names": ["ding_alma_payload"]},
    ],
)
def test_other_packages_are_refused_wherever_they_are_named(config):
    with pytest.raises(ValueError, match=r"^run_config.json .*(payload|'\.payload')"):
        trusted_imports.check_imports(config, "run_config.json")


def test_own_packages_loaded_modules_and_named_packages_are_not():
    config = {"import_names": ["ding_alma.policy.alma", "dizoo_ext", "ding.worker", "json", "payload.inner"]}
    with pytest.raises(ValueError, match=r"--trust-imports payload \("):
        trusted_imports.check_imports(config, "run_config.json")
    trusted_imports.trust(["payload"])
    trusted_imports.trust([])
    trusted_imports.check_imports(config, "run_config.json")


def test_a_folder_is_taken_up_with_options_for_the_packages_of_others():
    config = {"main": {"import_names": ["dizoo_ext.lbf", "payload.inner"]}, "create": [{"import_names": ["arms"]}]}
    assert trusted_imports.trust_options(config) == " --trust-imports arms --trust-imports payload"
    assert trusted_imports.trust_options({"import_names": ["ding_alma"]}) == ""


def test_processes_inherit_what_is_trusted():
    script = "from dizoo_ext.trusted_imports import check_imports; check_imports({'import_names': ['payload']}, 'run')"
    trusted_imports.trust(["payload"])
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


def test_the_opponent_s_folder_in_lux_is_data_too(tmp_path):
    checkpoint = tmp_path / "ckpt_best.pth.tar"
    checkpoint.write_bytes(b"never read")
    (tmp_path / "run_config.json").write_text(
        json.dumps({"main": {"env": {}, "policy": {"type": "mppo", "import_names": ["payload"]}}})
    )
    with pytest.raises(ValueError, match=r"env.opponent_checkpoint: .*run_config.json wants to import 'payload'"):
        LuxEnv(dict(opponent="checkpoint", opponent_checkpoint=str(checkpoint)))
    (tmp_path / "run_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"env.opponent_checkpoint: .*run_config.json is damaged"):
        LuxEnv(dict(opponent="checkpoint", opponent_checkpoint=str(checkpoint)))
