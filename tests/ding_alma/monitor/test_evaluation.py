import math
from types import SimpleNamespace

from ding_alma.monitor.evaluation import Evaluation, listen, mean_metrics
from ding_alma.run.commander import Evaluations


def test_means_are_over_the_episodes_that_have_the_metric():
    episodes = {"solved": [0.0, 1.0], "types_per_build": [math.nan, 2.0], "never": [math.nan, math.nan]}
    means = mean_metrics(episodes | {"solved_mean": 0.5, "names": ["a", "b"]})
    assert means.pop("never_mean") != means.get("never_mean")
    assert means == {"solved_mean": 0.5, "types_per_build_mean": 2.0}


class Evaluator:
    due = True

    def should_eval(self, train_iter):
        return self.due

    def eval(self, save_checkpoint, train_iter, env_step):
        return False, {"solved": [0.0, 1.0]}


def test_who_listens_to_the_learner_is_told_of_every_evaluation_and_of_no_repeated_one():
    learner, evaluator, told = SimpleNamespace(), Evaluator(), []
    between = []
    evaluations = Evaluations(evaluator, learner, lambda: between.append(len(told)))
    listen(learner, told.append)
    assert evaluator.should_eval(0)
    evaluator.eval(None, 7, 100)
    (first,) = told
    assert isinstance(first, Evaluation) and (first.env_step, first.train_iter) == (100, 7)
    assert first.metrics["solved_mean"] == 0.5 and first.metrics["evaluate_time"] >= 0
    evaluations.restore({"solved": [1.0]})
    evaluator.due = False
    assert evaluator.should_eval(8)
    assert evaluator.eval(None, 8, 200) == (False, {"solved": [1.0]}) and len(told) == 1
    assert not evaluator.should_eval(9) and between == [1]


def test_an_evaluator_without_listeners_evaluates(monkeypatch):
    evaluator = Evaluator()
    Evaluations(evaluator, SimpleNamespace(), lambda: None)
    assert evaluator.eval(None, 1, 2) == (False, {"solved": [0.0, 1.0]})
