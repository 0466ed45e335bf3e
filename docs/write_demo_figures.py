"""The demo's figures in README.md, from docs/demo_run.json: `make docs`. `make demo-figures`
records that file anew: the demo from its captions to its evaluation, in a temporary folder."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("workflow_scripts", "benchmarks")]

from marked_blocks import page_with_blocks  # noqa: E402
from record_head import record_head  # noqa: E402
from understudy.commands.summary import summary  # noqa: E402
from understudy.evaluate.verdict import OPENINGS  # noqa: E402
from understudy.shared.files import read_json  # noqa: E402
from understudy.shared.formats import as_duration, change_text, figure_text  # noqa: E402

PAGE, RECORD = REPOSITORY / "README.md", REPOSITORY / "docs/demo_run.json"
NAME, QUANTIZATION = "demo", "Q4_K_M"
FIGURES = ("loss", "form_distance", "voice", "nearness", "flawed")
BEYOND = {
    "forgetting": "it answers fewer general questions rightly",
    "general_text": "general text surprises it more",
    "memorising": "it copies training answers",
    "off_topic": "its answers are nearer to those of other talks",
}


def record() -> dict:
    """Run the demo and its evaluation; return what the README says of them."""
    with TemporaryDirectory(prefix="understudy-") as folder:
        made = ("data", "models", "logs", ".snakemake")
        shutil.copytree(REPOSITORY / "demo", Path(folder, NAME), ignore=shutil.ignore_patterns(*made))
        shutil.copytree(REPOSITORY / "demo/replies", Path(folder, NAME, "data/responses"))
        head, started = record_head(), time.time()
        make(Path(folder, NAME), f"models/{NAME}-{QUANTIZATION}.gguf")
        os.chdir(folder)
        lines = summary(Path(NAME), NAME, started).split("\n\n")[0].splitlines()
        started = time.time()
        make(Path(folder, NAME), f"models/{NAME}/evaluation.json")
        evaluated = read_json(f"{NAME}/models/{NAME}/evaluation.json")
        return {
            **head,
            "summary": lines,
            "evaluation_seconds": round(time.time() - started),
            "evaluation": figures_of(evaluated),
        }


def make(project: Path, target: str) -> None:
    command = [
        Path(sys.executable).with_name("snakemake"),
        "--directory",
        project,
        "--quiet",
        "rules",
        "host",
        "--",
        target,
    ]
    subprocess.run(command, cwd=REPOSITORY, check=True)


def figures_of(evaluated: dict) -> dict:
    """The verdict and what it rests on, of the base, the tuned model and the quantized one."""
    models = evaluated["models"]
    return {
        "questions": len(evaluated["rows"]),
        "talks": evaluated["videos"],
        "verdicts": {model: models[model]["verdict"]["status"] for model in ("tuned", QUANTIZATION)},
        "beyond_bounds": {model: models[model]["verdict"]["beyond_bounds"] for model in ("tuned", QUANTIZATION)},
        "figures": {
            figure: {
                **{key: evaluated["figures"][figure][key] for key in ("says", "better", "is_share")},
                **{model: models[model]["figures"][figure] for model in ("base", "tuned", QUANTIZATION)},
                "difference": models["tuned"]["differences"][figure],
            }
            for figure in FIGURES
        },
    }


def end_of_the_demo(run: dict) -> str:
    return "".join(f"    {line}\n" for line in run["summary"])


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
    return (
        f"Beyond [a bound](docs/evaluation.md), hence worse in part: {'; '.join(BEYOND[bound] for bound in beyond)}.\n"
    )


def table_row(figure: dict) -> str:
    values = [figure_text(figure[model], figure["is_share"]) for model in ("base", "tuned", QUANTIZATION)]
    return f"| {' | '.join([figure['says'], *values, interval_text(figure)])} |\n"


def interval_text(figure: dict) -> str:
    estimate, low, high = (
        change_text(figure["difference"][key], figure["is_share"]) for key in ("estimate", "low", "high")
    )
    is_shown = not figure["difference"]["low"] <= 0 <= figure["difference"]["high"]
    return f"{estimate} ({low} to {high})" + ("" if is_shown else ", no difference shown")


BLOCKS = {"demo": end_of_the_demo, "evaluation": evaluation_table}


def made_page() -> str:
    """Return README.md with the figures as they were recorded."""
    run = read_json(RECORD)
    return page_with_blocks(PAGE, {name: block(run) for name, block in BLOCKS.items()})


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        RECORD.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(made_page(), encoding="utf-8")
