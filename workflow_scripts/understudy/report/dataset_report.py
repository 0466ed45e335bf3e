"""The data set's report as a page: what became of the pairs, how long they are, and the split."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from understudy.report.dataset_pictures import as_base64_svg, draw_flow, draw_lengths, flow_steps, lengths_by_side
from understudy.shared.files import read_json, read_json_lines, write_text
from understudy.shared.log import log

TEMPLATE = Path(__file__).with_name("dataset_report.html")
MOST_TAGS = 8


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
    write_text(path, report_page(report, lengths_by_side(report, pairs), name))
    log.info("%s: %d pairs, %d rejected.", path, len(pairs), sum(report["rejected"].values()))
