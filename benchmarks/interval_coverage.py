"""How often intervals of a mean over videos hold the true mean: of understudy/evaluate/intervals.py, and of what was not chosen.

    make benchmark-coverage

Nominal is 95 %. Each setting is a number of videos and how the rows' differences are made: what a video has in common, what a row
adds, and how many rows a video has. The table goes to docs/interval_coverage.json, its picture to docs/interval_coverage.png."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from tabulate import tabulate

from record_head import record_head
from understudy.evaluate.intervals import RESAMPLES, drawn_rows, half_width
from understudy.shared.files import write_json

RECORD = Path(__file__).resolve().parents[1] / "docs/interval_coverage.json"
SIMULATIONS = 2000
VIDEOS = (3, 5, 8, 12, 20, 30)
LEVELS = (0.025, 0.975)
# The mean of every one of these is 1.
MAKERS: dict[str, Callable] = {
    "normal": lambda random, videos, rows: 1 + random.normal(0, 1, videos) + random.normal(0, 1, rows),
    "heavy tails": lambda random, videos, rows: 1 + random.standard_t(3, videos) + random.normal(0, 1, rows),
    "skewed": lambda random, videos, rows: 0.6 + 0.4 * random.exponential(1, videos) + random.normal(0, 1, rows),
    "very skewed": lambda random, videos, rows: random.exponential(1, videos) + random.normal(0, 1, rows),
    "one in five": lambda random, videos, rows: (random.random(rows) < random.beta(0.5, 2, videos)) / 0.2,
}


def video_sizes(videos: int, unequal: bool) -> list[int]:
    return [(3 + 7 * (video % 4)) if unequal else 12 for video in range(videos)]


def simulated(make: Callable, sizes: list[int], random: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """The video of each row, and SIMULATIONS columns of differences."""
    video_ids = np.repeat(np.arange(len(sizes)), sizes)
    of_videos = (SIMULATIONS, len(sizes))
    columns = make(BroadcastRandom(random, video_ids), of_videos, (SIMULATIONS, len(video_ids)))
    return [f"{video:03d}" for video in video_ids], columns.T


class BroadcastRandom:
    """A generator whose draws for videos come as one value a row."""

    def __init__(self, random: np.random.Generator, video_ids: np.ndarray):
        self._random, self._video_ids = random, video_ids

    def __getattr__(self, name: str) -> Callable:
        def draw(*arguments):
            drawn = getattr(self._random, name)(*arguments)
            return drawn if drawn.shape[1] == len(self._video_ids) else drawn[:, self._video_ids]

        return draw


def intervals(video_ids: list[str], columns: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The bounds of each method for each column."""
    drawn = drawn_rows(video_ids)
    videos = len(set(video_ids))
    sizes = drawn.sum(axis=1, keepdims=True)
    resampled, estimate = drawn @ columns / sizes, columns.mean(axis=0)
    half = half_width(resampled, videos, 0.95)
    expanded = stats.norm.cdf(stats.t.ppf(LEVELS, videos - 1) * np.sqrt(videos / (videos - 1)))
    left_out = without_each(video_ids, columns)
    return {
        "t, bootstrap error": (estimate - half, estimate + half),
        "percentile": tuple(np.quantile(resampled, LEVELS, axis=0)),
        "expanded percentile": tuple(np.quantile(resampled, expanded, axis=0)),
        "BCa": bca(resampled, estimate, left_out),
        "bootstrap-t": bootstrap_t(drawn, sizes, columns, video_ids, estimate, resampled),
    }


def without_each(video_ids: list[str], columns: np.ndarray) -> np.ndarray:
    kept = np.array([[video != other for other in video_ids] for video in sorted(set(video_ids))], float)
    return kept @ columns / kept.sum(axis=1, keepdims=True)


def bca(resampled: np.ndarray, estimate: np.ndarray, left_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Efron 1987, as scipy.stats.bootstrap does it, with the jackknife over videos."""
    below = ((resampled < estimate).mean(axis=0) + (resampled <= estimate).mean(axis=0)) / 2
    bias = stats.norm.ppf(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    deviation = left_out.mean(axis=0) - left_out
    squares = (deviation**2).sum(axis=0)
    acceleration = np.divide((deviation**3).sum(axis=0), 6 * squares**1.5, out=np.zeros_like(bias), where=squares > 0)
    resampled = np.sort(resampled, axis=0)
    bounds = []
    for z in stats.norm.ppf(LEVELS):
        level = stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
        place = np.clip((level * RESAMPLES).astype(int), 0, RESAMPLES - 1)
        bounds.append(np.take_along_axis(resampled, place[None], axis=0)[0])
    return bounds[0], bounds[1]


def bootstrap_t(drawn, sizes, columns, video_ids, estimate, resampled) -> tuple[np.ndarray, np.ndarray]:
    """Studentized by the linearised standard error of a ratio; where that is 0 in a resample, its t is endless."""
    firsts = [video_ids.index(video) for video in sorted(set(video_ids))]
    of_video = np.array([[video == other for other in video_ids] for video in sorted(set(video_ids))], float)
    sums, rows, times = of_video @ columns, of_video.sum(axis=1), drawn[:, firsts]
    # The sum over videos of times · (sum - mean · rows)², multiplied out.
    residuals = (
        times @ sums**2 - 2 * resampled * (times @ (sums * rows[:, None])) + resampled**2 * (times @ rows**2)[:, None]
    )
    error = np.sqrt(np.maximum(residuals, 0)) / sizes
    own_error = np.sqrt(((sums - estimate * rows[:, None]) ** 2).sum(axis=0)) / rows.sum()
    with np.errstate(all="ignore"):
        t = np.nan_to_num((resampled - estimate) / error, nan=0.0, posinf=np.inf, neginf=-np.inf)
        low, high = np.quantile(t, LEVELS, axis=0, method="nearest")
        return estimate - high * own_error, estimate - low * own_error


def covered_of(name: str, unequal: bool, videos: int) -> dict:
    """In how many of a hundred simulations each method's interval holds the true mean."""
    video_ids, columns = simulated(MAKERS[name], video_sizes(videos, unequal), np.random.default_rng(videos))
    found = intervals(video_ids, columns)
    covered = {
        method: round(100 * float(np.mean((low <= 1) & (high >= 1))), 1) for method, (low, high) in found.items()
    }
    return {"differences": name, "rows a video": "3 to 24" if unequal else "12", "videos": videos, "covered": covered}


def draw(settings: list[dict], path: Path) -> None:
    """Coverage over the number of videos, a panel for each way to make differences, with 12 rows a video."""
    figure = Figure(figsize=(12, 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(MAKERS), sharey=True), MAKERS, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        shown = [one for one in settings if one["differences"] == name and one["rows a video"] == "12"]
        for method in shown[0]["covered"]:
            points = [(one["videos"], one["covered"][method]) for one in shown]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=method)
        axes.axhline(95, color="black", linewidth=1)
        axes.set(title=name, xlabel="videos", xscale="log")
        axes.set_xticks(VIDEOS, [str(videos) for videos in VIDEOS])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("covers the true mean, %")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    head = record_head()
    settings = [covered_of(name, unequal, videos) for name in MAKERS for unequal in (False, True) for videos in VIDEOS]
    write_json(RECORD, {**head, "simulations": SIMULATIONS, "nominal": 95, "settings": settings})
    draw(settings, RECORD.with_suffix(".png"))
    named = ("differences", "rows a video", "videos")
    lines = [{**{key: setting[key] for key in named}, **setting["covered"]} for setting in settings]
    print(tabulate(lines, headers="keys", floatfmt=".1f", tablefmt="github"))


if __name__ == "__main__":
    main()
