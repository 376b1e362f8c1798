import numpy as np
import pytest
from scipy import stats

from ding_alma.report.statistics import (
    bootstrap,
    interquartile_mean,
    mean,
    mean_band,
    median,
    probability_of_improvement,
    resampled,
)


def test_aggregates_of_known_scores():
    first, second = np.array([0.0, 1.0, 2.0, 9.0]), np.array([10.0, 10.0, 10.0, 30.0])
    assert mean([first]) == 3 and mean([first, second]) == 9
    assert median([first]) == 1.5
    third = np.array([100.0, 200.0])
    assert median([first, second, third]) == 15
    assert interquartile_mean([first]) == 1.5
    assert interquartile_mean([first, second]) == np.mean([2, 9, 10, 10])


def test_few_runs_are_not_cut():
    assert interquartile_mean([np.array([0.0, 0.0, 9.0])]) == 3


def test_resamples_give_one_value_each_and_stay_in_their_task():
    scores = [np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0])]
    drawn = resampled(scores, 50, np.random.default_rng(0))
    assert [task.shape for task in drawn] == [(50, 3), (50, 2)]
    assert set(drawn[0].ravel()) == {1, 2, 3} and set(drawn[1].ravel()) == {10, 20}
    for statistic in (mean, median, interquartile_mean):
        together = statistic(drawn)
        assert together.shape == (50,)
        assert together[7] == pytest.approx(statistic([task[7] for task in drawn]))


def test_probability_of_improvement_counts_pairs_within_a_task():
    low, high = np.array([0.0, 1.0]), np.array([1.0, 2.0, 3.0])
    assert probability_of_improvement([high], [low]) == pytest.approx(5.5 / 6)
    assert probability_of_improvement([low], [high]) == pytest.approx(0.5 / 6)
    assert probability_of_improvement([low], [low]) == 0.5
    assert probability_of_improvement([high, low], [low, high]) == pytest.approx(0.5)


def test_an_interval_holds_its_value_and_repeats():
    scores = [np.random.default_rng(0).normal(size=8)]
    estimate = bootstrap(mean, scores)
    assert estimate.low < estimate.value < estimate.high
    assert estimate == bootstrap(mean, scores)
    narrow = bootstrap(mean, scores, coverage=0.5)
    assert estimate.low < narrow.low < narrow.high < estimate.high


def test_strata_keep_the_differences_between_tasks_out_of_the_interval():
    """Tasks of very different scale, no spread within either: the mean is certain."""
    estimate = bootstrap(mean, [np.zeros(5), np.full(5, 100.0)])
    assert estimate == (50, 50, 50)


@pytest.mark.parametrize(("aggregate", "truth"), [(mean, 0.5), (interquartile_mean, 0.5)])
def test_intervals_cover_the_truth_at_nearly_the_nominal_rate(aggregate, truth):
    """Two tasks with 15 runs each: a 95 % interval must be neither too narrow nor too wide."""
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(400):
        scores = [generator.normal(0, 1, 15), generator.normal(1, 1, 15)]
        estimate = bootstrap(aggregate, scores, resamples=500, seed=seed)
        hits += estimate.low <= truth <= estimate.high
    assert 0.91 <= hits / 400 <= 0.98


def test_intervals_of_the_probability_of_improvement_cover_the_truth():
    """Two methods with 15 runs each, whose scores differ by one standard deviation."""
    truth = stats.norm.cdf(1 / np.sqrt(2))
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(300):
        better, worse = generator.normal(1, 1, 15), generator.normal(0, 1, 15)
        estimate = bootstrap(probability_of_improvement, [better], [worse], resamples=500, seed=seed)
        hits += estimate.low <= truth <= estimate.high
    assert 0.90 <= hits / 300 <= 0.98


def test_the_band_of_curves_is_the_interval_at_every_point():
    generator = np.random.default_rng(0)
    tasks = [generator.normal(size=(6, 3)), generator.normal(size=(4, 3))]
    centre, low, high = mean_band(tasks, resamples=20_000)
    for point in range(3):
        estimate = bootstrap(mean, [task[:, point] for task in tasks], resamples=20_000)
        assert centre[point] == pytest.approx(estimate.value)
        assert (low[point], high[point]) == pytest.approx(estimate[1:], abs=0.02)


def test_one_run_has_no_interval():
    alone, several = [np.array([0.5]), np.array([0.7])], [np.zeros(3), np.zeros(2)]
    assert bootstrap(mean, alone).value == pytest.approx(0.6) and np.isnan(bootstrap(mean, alone)[1:]).all()
    assert np.isnan(bootstrap(probability_of_improvement, several, alone).low)
    assert bootstrap(mean, several).low == 0


@pytest.mark.parametrize("scores", [[], [np.zeros(3), np.zeros(0)]])
def test_no_runs_are_refused(scores):
    with pytest.raises(ValueError, match="at least one run"):
        bootstrap(mean, scores)


@pytest.mark.parametrize("aggregate", [mean, interquartile_mean, median])
def test_intervals_equal_those_of_scipy(aggregate):
    """SciPy draws each of several samples anew, which is what strata are."""
    generator = np.random.default_rng(0)
    tasks = [generator.normal(size=12), generator.exponential(size=9)]
    theirs = stats.bootstrap(
        tasks, lambda *samples, axis: aggregate(samples), n_resamples=20_000, method="percentile", random_state=1
    )
    estimate = bootstrap(aggregate, tasks, resamples=20_000)
    assert estimate[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=0.02)


def test_aggregates_equal_those_of_rliable():
    """An optional cross-check: ``uv run --with rliable pytest -k rliable``."""
    metrics = pytest.importorskip("rliable.metrics")
    generator = np.random.default_rng(0)
    matrices = [generator.normal(size=(runs, 4)).round(1) for runs in (7, 10)]
    ours = [list(matrix.T) for matrix in matrices]
    for matrix, scores in zip(matrices, ours, strict=True):
        assert mean(scores) == pytest.approx(metrics.aggregate_mean(matrix))
        assert median(scores) == pytest.approx(metrics.aggregate_median(matrix))
        assert interquartile_mean(scores) == pytest.approx(metrics.aggregate_iqm(matrix))
    value = probability_of_improvement(*ours)
    assert value == pytest.approx(metrics.probability_of_improvement(*matrices))
