"""A picture of a few medians as bars."""

from collections.abc import Container, Mapping
from pathlib import Path

from matplotlib.figure import Figure

OURS, OTHERS = "#2f6f8f", "#c0902d"


def draw_bars(values: Mapping[str, float], ours: Container[str], unit: str, title: str, path: Path) -> None:
    """Draw one bar a value, those of this project in a colour of their own."""
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(values)), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    colours = [OURS if name in ours else OTHERS for name in values]
    bars = axes.barh(range(len(values)), list(values.values()), color=colours, height=0.6)
    axes.bar_label(bars, [f"{value:.3g}" for value in values.values()], padding=4)
    axes.set(yticks=range(len(values)), yticklabels=list(values), xlabel=unit, title=title)
    axes.set_xlim(right=1.15 * max(values.values()))
    axes.invert_yaxis()
    figure.savefig(path, dpi=120)
