import pytest

from ding_alma.monitor.scalars import ScalarTap, TrainingMeans, mirror_paper_tags, paper_tag


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


def test_the_training_between_two_evaluations_is_averaged():
    means = TrainingMeans()
    assert means.take() == {}
    for best_prob in (0.1, 0.3, float("nan")):
        means("learner_step/best_prob_avg", best_prob, 50)
        means("learner_iter/best_prob_avg", 9.0, 5)
        means("learner_step/cur_lr_avg", 9.0, 50)
    assert means.take() == {"best_prob": pytest.approx(0.2)}
    assert means.take() == {}
