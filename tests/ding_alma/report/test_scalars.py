import pytest

from ding_alma.report.scalars import EvaluationListener, ScalarTap, mirror_paper_tags, paper_tag


class Writer:
    def __init__(self):
        self.written = []

    def add_scalar(self, tag, scalar_value, global_step=None):
        self.written.append((tag, scalar_value, global_step))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("learner_step/q_loss_avg", "losses/q_loss"),
        ("learner_step/td_error_abs_avg", "train_metrics/td_error_abs"),
        ("learner_step/best_prob_avg", "alloc_metrics/best_prob"),
        ("learner_step/alloc_eps_avg", "annealing/alloc_eps"),
        ("evaluator_step/solved_mean", "eval_env_metrics/solved_mean"),
        ("learner_iter/q_loss_avg", None),
        ("learner_step/cur_lr_avg", None),
        ("evaluator_step/reward_mean", None),
        ("evaluator_step/evaluate_time", None),
    ],
)
def test_paper_tags(tag, expected):
    assert paper_tag(tag) == expected


def test_one_tap_writes_through_and_mirrors_once():
    writer = Writer()
    tap = ScalarTap.on(writer)
    assert ScalarTap.on(writer) is tap
    mirror_paper_tags(tap)
    writer.add_scalar("learner_step/q_loss_avg", 0.5, 70)
    writer.add_scalar("buffer/size", 3, 1)
    assert writer.written == [
        ("learner_step/q_loss_avg", 0.5, 70),
        ("losses/q_loss", 0.5, 70),
        ("buffer/size", 3, 1),
    ]


def write_evaluation(listener, train_iter, env_step, **metrics):
    for name, value in metrics.items():
        listener(f"evaluator_iter/{name}", value, train_iter)
        listener(f"evaluator_step/{name}", value, env_step)


def test_evaluations_are_told_apart():
    seen = []
    listener = EvaluationListener(seen.append)
    write_evaluation(listener, 0, 0, reward_mean=1.0, solved_mean=0.0)
    write_evaluation(listener, 5, 100, reward_mean=2.0, solved_mean=0.5)
    assert [(e.train_iter, e.env_step) for e in seen] == [(0, 0)]
    listener("collector_step/reward_mean", 9.0, 120)
    listener("collector_step/reward_std", 9.0, 120)
    assert [(e.train_iter, e.env_step, e.metrics) for e in seen[1:]] == [
        (5, 100, {"reward_mean": 2.0, "solved_mean": 0.5})
    ]
    write_evaluation(listener, 5, 100, reward_mean=3.0)
    write_evaluation(listener, 5, 100, reward_mean=4.0)
    listener.flush()
    listener.flush()
    assert [e.metrics["reward_mean"] for e in seen] == [1.0, 2.0, 3.0, 4.0]


def test_an_evaluation_ends_with_its_last_scalar(monkeypatch):
    seen, now = [], iter((5.0, 6.0))
    listener = EvaluationListener(seen.append)
    monkeypatch.setattr("ding_alma.report.scalars.time.monotonic", lambda: next(now))
    write_evaluation(listener, 0, 0, reward_mean=1.0, solved_mean=0.0)
    listener("collector_step/reward_mean", 9.0, 120)
    assert [evaluation.finished for evaluation in seen] == [6.0]


def test_the_training_between_two_evaluations_is_averaged():
    seen = []
    listener = EvaluationListener(seen.append)
    write_evaluation(listener, 0, 0, reward_mean=1.0)
    for best_prob in (0.1, 0.3, float("nan")):
        listener("learner_step/best_prob_avg", best_prob, 50)
        listener("learner_iter/best_prob_avg", 9.0, 5)
        listener("learner_step/cur_lr_avg", 9.0, 50)
    write_evaluation(listener, 10, 100, reward_mean=2.0)
    write_evaluation(listener, 20, 200, reward_mean=3.0)
    listener.flush()
    assert [evaluation.training for evaluation in seen] == [{}, {"best_prob": pytest.approx(0.2)}, {}]
