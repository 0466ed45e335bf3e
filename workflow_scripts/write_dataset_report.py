"""The data set's report as a page: what became of the pairs, how long they are, and the split."""

import base64
import io
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.files import read_json, read_json_lines, write_text
from lib.job_log import log, start_job_log

TEMPLATE = Path(__file__).with_name("dataset_report.html")
KEPT, LOST, LIMIT = "#2f6f8f", "#c0902d", "#c0502d"
MOST_TAGS = 8
BARS = 30


def flow_steps(report: dict) -> list[tuple[str, int]]:
    """What there is at every step, from videos to rows; what is taken out is negative."""
    taken = [(verdict.replace("_", " "), -count) for verdict, count in report["rejected"].items()]
    origins = {"teacher": "answered questions", "extra_pairs": "hand-written pairs"}
    return [
        ("videos", report["videos"]),
        ("transcripts", report["transcripts"].get("ok", 0)),
        ("slots for questions", report["slots"]),
        *((origins[origin], count) for origin, count in report["pairs"].items()),
        *taken,
        ("rows", sum(report["rows"].values())),
        *((f"rows of {side}", count) for side, count in report["rows"].items()),
    ]


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
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return base64.b64encode(written.getvalue()).decode("ascii")


def in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def report_page(report: dict, tokens: dict[str, list[int]], name: str) -> str:
    """The page; everything in it is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

    def tags(side: str) -> str:
        return in_words(dict(list(report["split"]["tags"].get(side, {}).items())[:MOST_TAGS]))

    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        name=name,
        report=report,
        rows_in_words=f"{in_words(report['rows'])} rows",
        steps=flow_steps(report),
        flow=as_base64_svg(draw_flow(report)),
        lengths=as_base64_svg(draw_lengths(tokens, report["tokens"]["max_seq_length"])),
        tags=tags,
        in_words=in_words,
    )


def write_dataset_report(report_path: str, pairs_path: str, name: str, path: str) -> None:
    """Write the page on `report_path` and the lengths of the pairs to `path`."""
    report = read_json(report_path)
    pairs = [pair for _, pair in read_json_lines(pairs_path)]
    tokens = {side: [pair["tokens"] for pair in pairs if pair["split"] == side] for side in report["rows"]}
    write_text(path, report_page(report, tokens, name))
    log.info("%s: %d pairs, %d rejected.", path, len(pairs), sum(report["rejected"].values()))


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_dataset_report(snakemake.input.report, snakemake.input.pairs, snakemake.params.name, snakemake.output[0])
