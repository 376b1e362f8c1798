"""What people call metrics."""

TITLES = {
    "solved_mean": "episodes solved",
    "battle_won_mean": "battles won",
    "return_mean": "return of an episode",
}
SHARES = ("solved_mean", "battle_won_mean")
"""Metrics between 0 and 1, drawn on the whole of that range."""


def metric_title(metric: str) -> str:
    """The title of a metric by its recorded name."""
    return TITLES.get(metric, metric.removesuffix("_mean").replace("_", " "))
