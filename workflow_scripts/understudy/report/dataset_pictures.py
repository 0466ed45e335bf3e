"""Pictures of a data set: what became of the pairs, and how long the rows are."""

import base64
import io

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

KEPT, LOST, LIMIT = "#2f6f8f", "#c0902d", "#c0502d"
BARS = 30


def flow_steps(report: dict) -> list[tuple[str, int]]:
    """What there is at every step, from videos to rows; what is taken out is negative."""
    taken = [(verdict.replace("_", " "), -count) for verdict, count in report["rejected"].items()]
    origins = {"teacher": "answered questions", "extra_pairs": "hand-written pairs"}
    of_talks = [
        ("videos", report["videos"]),
        ("transcripts", report["transcripts"].get("ok", 0)),
        ("slots for questions", report["slots"]),
    ]
    return [
        *(of_talks if report["videos"] else []),
        *((origins[origin], count) for origin, count in report["pairs"].items()),
        *taken,
        ("rows", sum(report["rows"].values())),
        *((f"rows of {side}", count) for side, count in report["rows"].items()),
    ]


def lengths_by_side(report: dict, pairs: list[dict]) -> dict[str, list[int]]:
    """The tokens of each row, by side of the split."""
    return {side: [pair["tokens"] for pair in pairs if pair["split"] == side] for side in report["rows"]}


def draw_flow(report: dict) -> Figure:
    """A waterfall: all pairs, what each verdict took out, and what is left on each side of the split."""
    total = sum(report["pairs"].values())
    bars, left = [("pairs", 0, total, KEPT)], total
    for verdict, count in report["rejected"].items():
        left -= count
        bars.append((verdict.replace("_", " "), left, count, LOST))
    start = 0
    for side, count in report["rows"].items():
        bars.append((f"rows of {side}", start, count, KEPT))
        start += count
    names, starts, widths, colours = zip(*bars, strict=True)
    figure = Figure(figsize=(9, 0.9 + 0.32 * len(bars)), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.barh(names, widths, left=starts, color=colours, height=0.7)
    axes.bar_label(drawn, labels=[str(width) for width in widths], padding=4)
    axes.invert_yaxis()
    axes.set(xlabel="pairs", xlim=(0, total * 1.08 or 1))
    finish(axes)
    return figure


def draw_lengths(tokens: dict[str, list[int]], max_seq_length: int) -> Figure:
    """A histogram of the rows' lengths in tokens by side, and the length where training would cut."""
    longest = max([max_seq_length, *(count for counts in tokens.values() for count in counts)])
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.add_subplot()
    sides = [side for side, counts in tokens.items() if counts]
    shades = {"train": KEPT, "valid": LOST, "test": "#7a7a7a"}
    axes.hist(
        [tokens[side] for side in sides],
        bins=BARS,
        range=(0, longest * 1.02),
        stacked=True,
        color=[shades[side] for side in sides],
        label=sides,
    )
    axes.axvline(max_seq_length, color=LIMIT, linewidth=1.5, label=f"max_seq_length {max_seq_length}")
    axes.set(xlabel="tokens in a row, chat template included", ylabel="rows", xlim=(0, longest * 1.04))
    axes.legend(frameon=False)
    finish(axes)
    return figure


def finish(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_locator(), MaxNLocator):
            axis.get_major_locator().set_params(integer=True)


def as_base64_svg(figure: Figure) -> str:
    """The same figure gives the same text."""
    written = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "dataset", "svg.fonttype": "none"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    return base64.b64encode(written.getvalue()).decode("ascii")
