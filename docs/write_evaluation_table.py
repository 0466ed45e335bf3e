"""The demo's figures in docs/evaluation.md, from docs/demo_run.json: `make docs`."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "workflow_scripts")]

from marked_blocks import page_with_blocks  # noqa: E402
from understudy.evaluate.verdict import OPENINGS  # noqa: E402
from understudy.shared.files import read_json  # noqa: E402
from understudy.shared.formats import as_duration, change_text, figure_text  # noqa: E402

PAGE, RECORD = REPOSITORY / "docs/evaluation.md", REPOSITORY / "docs/demo_run.json"
QUANTIZATION = "Q4_K_M"
BEYOND = {
    "forgetting": "it answers fewer general questions rightly",
    "general_text": "general text surprises it more",
    "memorising": "it copies training answers",
    "off_topic": "its answers are nearer to those of other talks",
}


def evaluation_table(run: dict) -> str:
    """The verdict, and a table of base, tuned and quantized model, with the interval of the difference."""
    evaluation = run["evaluation"]
    confidence = evaluation["figures"]["loss"]["difference"]["confidence"]
    rows = [table_row(figure) for figure in evaluation["figures"].values()]
    verdict = OPENINGS[evaluation["verdicts"]["tuned"]].rstrip(".")
    return (
        f"The demo's verdict is **{verdict}**, on {evaluation['questions']} questions of "
        f"{evaluation['talks']} talks that it has never seen:\n\n"
        f"| | base | tuned | {QUANTIZATION} | tuned instead of base, {confidence:.0%} interval over talks |\n"
        f"| --- | ---: | ---: | ---: | --- |\n{''.join(rows)}\n"
        f"{bounds_text(evaluation['beyond_bounds']['tuned'])}"
        f"Recorded on {run['date']} ({run['machine']}; the evaluation took {as_duration(run['evaluation_seconds'])}); "
        f"`make demo-figures` makes the figures again.\n"
    )


def bounds_text(beyond: list[str]) -> str:
    if not beyond:
        return ""
    return f"Beyond a bound (above), hence worse in part: {'; '.join(BEYOND[bound] for bound in beyond)}.\n"


def table_row(figure: dict) -> str:
    values = [figure_text(figure[model], figure["is_share"]) for model in ("base", "tuned", QUANTIZATION)]
    return f"| {' | '.join([figure['says'], *values, interval_text(figure)])} |\n"


def interval_text(figure: dict) -> str:
    estimate, low, high = (
        change_text(figure["difference"][key], figure["is_share"]) for key in ("estimate", "low", "high")
    )
    is_shown = not figure["difference"]["low"] <= 0 <= figure["difference"]["high"]
    return f"{estimate} ({low} to {high})" + ("" if is_shown else ", no difference shown")


def made_page() -> str:
    """Return docs/evaluation.md with the figures as they were recorded."""
    return page_with_blocks(PAGE, {"evaluation": evaluation_table(read_json(RECORD))})


if __name__ == "__main__":
    PAGE.write_text(made_page(), encoding="utf-8")
