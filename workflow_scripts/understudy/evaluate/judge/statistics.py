"""What a judge's verdicts on pairs of answers say: who wins, and how much of it is the order, the length, or chance.

Every pair is judged twice, A first and B first (Zheng et al. 2023, arXiv 2306.05685). The win rate at equal length is the
intercept of a regression on how much longer A's answer is, squashed by tanh as in AlpacaEval 2 (Dubois et al. 2024, arXiv
2404.04475); linear instead of logistic, because it has a closed form and no trouble when one side always wins."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from understudy.evaluate.intervals import CONFIDENCE, Statistic, interval_of, mean_of

POINTS_OF_FIRST = {"first": 1.0, "tie": 0.5, "second": 0.0}
ORDERS = {"AB", "BA"}


def judge_statistics(records: Sequence[dict], confidence: float = CONFIDENCE) -> dict:
    """Return the figures of records {row, video_id, order (AB, BA), verdict (first, second, tie), length_a, length_b}.

    `win_rate` is A's: a tie is half a win, and both orders count alike; `win_rate_at_equal_length` the same with the length taken
    out; `first_wins` how often what comes first wins, 0.5 if the order plays no part; `agreement` the share of rows with the same
    winner in both orders. Each with its interval over videos. Rows that lack an order are counted in `incomplete_rows` and left
    out. All figures are None without a complete row."""
    complete, incomplete = rows_with_both_orders(records)
    figures = dict.fromkeys(("win_rate", "win_rate_at_equal_length", "first_wins", "agreement"))
    if complete:
        video_ids = [both["AB"]["video_id"] for both in complete]
        for name, statistic in statistics_of(complete).items():
            figures[name] = interval_of(statistic, video_ids, confidence)
    return {"rows": len(complete), "incomplete_rows": incomplete, **outcomes(complete), **figures}


def rows_with_both_orders(records: Sequence[dict]) -> tuple[list[dict[str, dict]], int]:
    """The records of each row by order, and how many rows lack one. Of a row that was judged again the last counts."""
    by_row: dict = defaultdict(dict)
    for record in records:
        by_row[record["row"]][record["order"]] = record
    complete = [orders for orders in by_row.values() if set(orders) == ORDERS]
    return complete, len(by_row) - len(complete)


def statistics_of(complete: list[dict[str, dict]]) -> dict[str, Statistic]:
    points = np.array([points_of_a(both) for both in complete])
    of_a = points.mean(axis=1)
    lengths = np.array([[both["AB"]["length_a"], both["AB"]["length_b"]] for both in complete], float)
    return {
        "win_rate": mean_of(of_a),
        "win_rate_at_equal_length": mean_without(of_a, squashed(lengths[:, 0] - lengths[:, 1])),
        "first_wins": mean_of((points[:, 0] + 1 - points[:, 1]) / 2),
        "agreement": mean_of(points[:, 0] == points[:, 1]),
    }


def points_of_a(both: dict[str, dict]) -> tuple[float, float]:
    """A's points when it came first and when it came second."""
    return POINTS_OF_FIRST[both["AB"]["verdict"]], 1 - POINTS_OF_FIRST[both["BA"]["verdict"]]


def outcomes(complete: list[dict[str, dict]]) -> dict[str, int]:
    """How many rows A won in both orders, lost in both, and the others: ties, or a winner by the order."""
    sums = [sum(points_of_a(both)) for both in complete]
    wins, losses = sums.count(2.0), sums.count(0.0)
    return {"wins": wins, "losses": losses, "undecided": len(sums) - wins - losses}


def squashed(differences: np.ndarray) -> np.ndarray:
    """Differences in standard deviations around zero, the large ones squashed."""
    spread = np.sqrt((differences**2).mean())
    return np.tanh(differences / spread) if spread else differences


def mean_without(values: np.ndarray, influence: np.ndarray) -> Statistic:
    """The mean that weighted least squares expects where the influence is zero; the plain mean if the influence is constant."""

    def intercept(drawn: np.ndarray) -> np.ndarray:
        weights = drawn / drawn.sum(axis=1, keepdims=True)
        mean, mean_influence = weights @ values, weights @ influence
        covariance = weights @ (values * influence) - mean * mean_influence
        variance = weights @ influence**2 - mean_influence**2
        slope = np.divide(covariance, variance, out=np.zeros_like(mean), where=variance > 1e-9)
        return np.clip(mean - slope * mean_influence, 0, 1)

    return intercept
