"""The demo's figures in README.md, from docs/demo_run.json and docs/grounded_figures.json: `make docs`. `make demo-figures`
records the first anew: the demo from its captions to its evaluation, in a temporary folder."""

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
from understudy.shared.files import read_json  # noqa: E402

PAGE = REPOSITORY / "README.md"
RECORD, GROUNDED = REPOSITORY / "docs/demo_run.json", REPOSITORY / "docs/grounded_figures.json"
# In docs/grounded_figures.json: untrained, trained as the demo is, and no model.
BEFORE, TRAINED, OWN_SENTENCES = "base", "demo", "strict"
NAME, QUANTIZATION = "demo", "Q4_K_M"
FIGURES = ("loss", "form_distance", "voice", "nearness", "flawed")


def record() -> dict:
    """Run the demo and its evaluation; return what the README says of them."""
    with TemporaryDirectory(prefix="understudy-") as folder:
        made = ("data", "models", "logs", ".snakemake")
        shutil.copytree(REPOSITORY / "demo", Path(folder, NAME), ignore=shutil.ignore_patterns(*made))
        shutil.copytree(REPOSITORY / "demo/replies", Path(folder, NAME, "data/responses"))
        head, started = record_head(), time.time()
        make(Path(folder, NAME), f"models/{NAME}-{QUANTIZATION}.gguf")
        os.chdir(folder)
        said = summary(Path(NAME), NAME, started).split("\n\n")[0].splitlines()
        lines = [line for line in said if not line.startswith(("How good:", "Report:"))]
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


def small_table(run: dict) -> str:
    """Voice and facts in plain words: before and after the training, and without any model."""
    figures, labels = run["evaluation"]["figures"], read_json(GROUNDED)["labels"]
    before, trained, own = (labels[arm]["retrieved"]["fact"] for arm in (BEFORE, TRAINED, OWN_SENTENCES))
    questions, talks = run["evaluation"]["questions"], run["evaluation"]["talks"]
    lines = [
        f"| sounds like the teacher, says a classifier | {in_percent(figures['voice']['base'])} | "
        f"{in_percent(figures['voice']['tuned'])} | - |",
        f"| answers cut off or in circles | {in_percent(figures['flawed']['base'])} | "
        f"{in_percent(figures['flawed']['tuned'])} | - |",
        f"| right answers to {trained['questions']} people's questions | {in_percent(before['keys'])} | "
        f"{in_percent(trained['keys'])} | {in_percent(own['keys'])} |",
    ]
    return (
        "| SmolLM2-135M | before | trained | the talks' own sentences, no model |\n| --- | ---: | ---: | ---: |\n"
        + "".join(f"{line}\n" for line in lines)
        + f"\nVoice: {questions} questions of {talks} talks that it has never seen. Right answers: with passages, over "
        f"[five folds](docs/answering.md#does-it-help). [All figures](docs/evaluation.md#the-demos-figures), "
        f"recorded on {run['date']}.\n"
    )


def in_percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


BLOCKS = {"demo": end_of_the_demo, "small table": small_table}


def made_page() -> str:
    """Return README.md with the figures as they were recorded."""
    run = read_json(RECORD)
    return page_with_blocks(PAGE, {name: block(run) for name, block in BLOCKS.items()})


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        RECORD.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(made_page(), encoding="utf-8")
