"""Records of runs, as trainings leave them, for tests of reports."""

from ding_alma.atomic_file import write_json_atomically
from ding_alma.monitor.evaluation import Evaluation
from ding_alma.run.run_record import RunRecord
from dizoo_ext.checked_json import with_checksum


def write_run(folder, points, seed=0, training=None, trained_from=0, config=None, **header):
    """A run whose evaluations take 10 s each.

    Args:
        points: environment step -> solved.
        training: name -> what every evaluation from step ``trained_from`` on has of it.
        config: the merged configuration; none is written without.
    """
    header = {"name": folder.name, "env": "toy", "scenario": None, "policy": "alma", "seed": seed} | header
    seconds = iter(range(0, 10**6, 10))
    record = RunRecord(folder / "evaluations.json", header, clock=lambda: next(seconds))
    for step, value in points.items():
        metrics = {"solved_mean": value, "return_mean": 10 * value, "types_mean": float("nan")}
        record.add(Evaluation(step, step // 10, metrics, training if training and step >= trained_from else {}))
    if config is not None:
        content = {"format": 1, "main": config, "create": {}}
        write_json_atomically(with_checksum(content), folder / "run_config.json")
    return folder
