"""BenchMARL trains on our environments: ``uv run --with benchmarl==1.5.2 pytest --slow -k benchmarl``."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("benchmarl", reason="benchmarl is not installed (uv run --with benchmarl==1.5.2)")
from benchmarl.algorithms import MappoConfig, QmixConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[3] / "docs/examples"


def weights(experiment):
    """Copies of the agents' matrices: the policy also keeps the probability of random actions."""
    state = experiment.policy.state_dict()
    return {key: value.clone() for key, value in state.items() if isinstance(value, torch.Tensor) and value.ndim >= 2}


@pytest.mark.parametrize(
    ("algorithm", "name", "config"),
    [
        (MappoConfig, "save_the_city", dict(scenario="2-5a_2-5b", metrics=["solved", "return"])),
        (QmixConfig, "save_the_city", dict(scenario="2-5a_2-5b", metrics=["solved", "return"])),
        (MappoConfig, "smac_multiarmy", dict(scenario="3m", metrics=["battle_won", "return"])),
    ],
)
def test_two_iterations(algorithm, name, config, tmp_path, monkeypatch):
    # Not by runpy: BenchMARL pickles the task.
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from benchmarl_task import EntityTask

    # A masked action that is taken all the same raises an error.
    task = EntityTask(name, dict(config, max_cycles=20, illegal_action="raise"))
    settings = replace(
        ExperimentConfig.get_from_yaml(),
        loggers=["csv"],
        create_json=False,
        save_folder=str(tmp_path),
        max_n_frames=None,
        max_n_iters=2,
        on_policy_collected_frames_per_batch=80,
        on_policy_n_envs_per_worker=2,
        on_policy_n_minibatch_iters=2,
        on_policy_minibatch_size=40,
        off_policy_collected_frames_per_batch=80,
        off_policy_n_envs_per_worker=2,
        off_policy_n_optimizer_steps=2,
        off_policy_train_batch_size=16,
        off_policy_memory_size=200,
        evaluation_interval=80,
        evaluation_episodes=1,
        render=False,
    )
    network = replace(MlpConfig.get_from_yaml(), num_cells=[16])
    experiment = Experiment(
        task=task,
        algorithm_config=algorithm.get_from_yaml(),
        model_config=network,
        critic_model_config=network,
        seed=0,
        config=settings,
    )
    before = weights(experiment)
    experiment.run()
    assert experiment.n_iters_performed == 2 and experiment.total_frames == 160
    assert any(not value.equal(before[key]) for key, value in weights(experiment).items())
    for metric in config["metrics"]:
        (file,) = tmp_path.rglob(f"collection_agent_info_{metric}.csv")
        values = [float(value) for _, value in csv.reader(file.open())]
        assert len(values) == 2 and all(map(math.isfinite, values))
