"""Draw models/{name}/export.svg: what each step of the export did to the model, beside what it may do at most."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from understudy.export.table import label, measured_on, short_kl
from understudy.shared.files import read_json, written_aside

COLOUR, BASE_COLOUR, BOUND_COLOUR, STEM_COLOUR = "#2f6f8f", "#9db8c7", "#c0502d", "#d5e0e6"
# Smaller divergences are drawn here, at the left end of the logarithmic scale.
LEAST_KL = 1e-6
INCHES_A_ROW, INCHES_OF_REST = 0.34, 2.0
CAPTION_WIDTH = 150
TITLE = "What each step of the export did to the model"
SETTINGS = {"svg.hashsalt": "export", "svg.fonttype": "none"}


def draw_export_ladder(record_path: str, output: str) -> None:
    """Draw the picture of export.json as SVG; the same record gives the same bytes."""
    record = read_json(record_path)
    rows = [record["base"], *record["steps"]]
    with mpl.rc_context(SETTINGS), written_aside(output) as aside:
        picture(rows, measured_on(record)).savefig(aside, format="svg", metadata={"Date": None})


def picture(rows: Sequence[dict[str, Any]], caption: str) -> Figure:
    """Return the figure of the base and the steps: three panels that share a line a step."""
    figure = Figure(figsize=(10, INCHES_OF_REST + INCHES_A_ROW * len(rows)), layout="constrained")
    figure.get_layout_engine().set(wspace=0.18, w_pad=0.12)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, draw in zip(panels, (draw_perplexity, draw_agreement, draw_divergence), strict=True):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        draw(axes, rows)
    panels[0].set_yticks(range(len(rows)), [label(row["step"]) for row in rows])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    figure.legend(handles=legend(), loc="outside upper center", ncols=3, frameon=False, title=TITLE, title_fontsize=12)
    figure.supxlabel("\n".join(wrap(caption, CAPTION_WIDTH)), fontsize=8, color="grey")
    return figure


def draw_perplexity(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    values = [row["perplexity"] for row in rows]
    axes.barh(range(len(rows)), values, height=0.55, color=[BASE_COLOUR] + [COLOUR] * (len(rows) - 1))
    axes.set_title("perplexity on the\nvalidation rows", fontsize=10)
    axes.set_xlim(0, max(values))
    write_values(axes, {place: f"{value:.2f}" for place, value in enumerate(values)})


def draw_agreement(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    found = {place: row["against_previous"]["agreement"] for place, row in compared_rows(rows).items()}
    bounds = {place: row["bound"]["agreement"] for place, row in compared_rows(rows).items()}
    left = min([*found.values(), *bounds.values()]) - 0.02
    axes.set_title("same next token\nas the step before", fontsize=10)
    axes.set_xlim(left, 1.003)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    draw_points(axes, found, bounds, 1)
    write_values(axes, {place: f"{100 * value:.1f} %" for place, value in found.items()})


def draw_divergence(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    found = {place: row["against_previous"]["kl"] for place, row in compared_rows(rows).items()}
    bounds = {place: row["bound"]["kl"] for place, row in compared_rows(rows).items()}
    of_adapters = rows[0]["against_first"]["kl"]
    axes.set_title("KL divergence from the\nstep before, nats a token", fontsize=10)
    axes.set_xscale("log")
    axes.set_xlim(LEAST_KL / 1.5, 2 * max(of_adapters, *found.values(), *bounds.values()))
    draw_points(axes, {place: max(value, LEAST_KL) for place, value in found.items()}, bounds, LEAST_KL / 1.5)
    axes.plot(max(of_adapters, LEAST_KL), 0, "o", color=BASE_COLOUR)
    write_values(axes, {0: short_kl(of_adapters), **{place: short_kl(value) for place, value in found.items()}})


def compared_rows(rows: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {place: row for place, row in enumerate(rows) if row["bound"]}


def draw_points(axes: Axes, found: dict[int, float], bounds: dict[int, float], best: float) -> None:
    """A dot a step on a line from the best value, and a mark at its bound."""
    axes.hlines(list(found), best, list(found.values()), color=STEM_COLOUR, linewidth=3, zorder=1)
    axes.plot(list(bounds.values()), list(bounds), "|", color=BOUND_COLOUR, markersize=13, markeredgewidth=2)
    axes.plot(list(found.values()), list(found), "o", color=COLOUR, clip_on=False)


def write_values(axes: Axes, texts: dict[int, str]) -> None:
    """Write the numbers in a column of their own, right of the panel."""
    for place, text in texts.items():
        axes.text(1.32, place, text, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=9)


def legend() -> list[Line2D]:
    return [
        Line2D([], [], linestyle="", marker="o", color=COLOUR, label="measured"),
        Line2D([], [], linestyle="", marker="|", color=BOUND_COLOUR, markersize=11, markeredgewidth=2, label="bound"),
        Line2D(
            [], [], linestyle="", marker="o", color=BASE_COLOUR, label="base without adapters, from the base with them"
        ),
    ]
