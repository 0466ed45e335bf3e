"""Snakemake's own time and memory from 10 to 5,000 videos: a dry run with everything to be done, the whole run, a run with
nothing to do, and a run after one more video.

    make benchmark-scale
    make benchmark-scale OPTIONS="--sizes 10 100 500"
    make benchmark-scale OPTIONS="--sizes 300 --job-seconds 1 --cores 8 --arguments='--scheduler ilp' --out /elsewhere/ilp"

The Snakefile, the rules and the profile are the real ones, in a copy whose scripts are replaced by one that writes its declared
outputs: what is measured is Snakemake, not the jobs. Own seconds are those of Snakemake's process on a core, without its jobs'
processes; memory is the peak of its resident set. Writes docs/scale_benchmark.json and docs/scale_benchmark.png after each size.
12 minutes and 2 GB of disk on 2 cores."""

import argparse
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import yaml

from record_head import record_head
from understudy.shared.files import write_json
from understudy.source.selection import video_record

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = (
    "Snakefile",
    "rules",
    "profiles",
    "prompts",
    "envs",
    "schemas",
    "report",
    "workflow_scripts",
    "pyproject.toml",
    "config.yaml",
)
TARGET = "models/scale-Q4_K_M.gguf"
LISTED, CHANNEL = "listed.json", "channel.txt"
# A record of the size of an answer. Written by Bash itself, because starting one more program takes longer than the rest.
STAND_IN = """{pause}
for path in "${{snakemake_output[@]}}"; do printf '%s %1500s' "$path" . > "$path"; done
"""
LIST_STAND_IN = f"cp {LISTED} data/videos.json; echo '[]' > data/passed_over.json\n"
# In the process itself: what its parent is told of its time includes that of its jobs.
MEASURED = """
import atexit, json, resource, sys

def write_usage(path):
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss * (1024 if sys.platform == "linux" else 1)
    with open(path, "w") as file:
        json.dump({"own_s": round(usage.ru_utime + usage.ru_stime, 2), "peak_mb": round(peak / 1e6)}, file)

atexit.register(write_usage, sys.argv.pop(1))
sys.argv[0] = "snakemake"
from snakemake.cli import main
main()
"""
RUNS = {"dry run": "#c0902d", "whole run": "#2f6f8f", "nothing to do": "#7fb0c8", "one more video": "#c0502d"}
# The exponents are fitted from here on: below, Snakemake's start is most of the time.
FITTED_FROM = 500
OWN_TIME_GOAL = "own time per video at 5,000 over that at 500"


class Workflow:
    """A copy of the workflow with stand-ins for its scripts, and a project of `videos` talks."""

    def __init__(self, folder: Path, videos: int, options: argparse.Namespace):
        self.folder, self.project, self.options = folder, folder / "project", options
        (self.project / "data").mkdir(parents=True)
        for part in PARTS:
            copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
            copy(REPOSITORY / part, folder / part)
        self._replace_scripts()
        self.videos = 0
        self.add_videos(videos)
        config = {
            "name": "scale",
            "source": {"channel": CHANNEL},
            "teacher": {"model": "gpt-5-mini", "base_url": "http://127.0.0.1:9/v1"},
            "questions": {"per_video": options.slots},
            "base_model": "nobody/no-model",
            "export": {"quantizations": ["Q4_K_M"]},
        }
        (self.project / "config.yaml").write_text(yaml.safe_dump(config))

    def _replace_scripts(self) -> None:
        pause = f"sleep {self.options.job_seconds}" if self.options.job_seconds else ""
        for script in (self.folder / "workflow_scripts").glob("*.py"):
            text = LIST_STAND_IN if script.stem == "source_videos" else STAND_IN.format(pause=pause)
            script.with_suffix(".sh").write_text(text)
        for rules in (self.folder / "rules").glob("*.smk"):
            rules.write_text(rules.read_text().replace('.py"\n', '.sh"\n'))

    def add_videos(self, count: int) -> None:
        """List `count` more videos, as new uploads are: the rule of the list sees a changed source."""
        self.videos += count
        records = [video_record(video_id(number), f"Talk {number}") for number in range(self.videos)]
        write_json(self.project / LISTED, records)
        (self.project / CHANNEL).write_text("\n".join(record["video_id"] for record in records))

    def snakemake(self, *arguments: str) -> dict[str, float]:
        """Run Snakemake to its end; return its seconds by the clock, its own on a core, and its peak memory in MB.

        Ends this program if Snakemake fails."""
        usage, printed = self.folder / "usage.json", self.folder / "printed.txt"
        command = [sys.executable, "-c", MEASURED, str(usage), "--directory", str(self.project)]
        command += ["--cores", str(self.options.cores), *shlex.split(self.options.arguments), *arguments]
        # What an earlier run has left to be written must not slow this one down.
        os.sync()
        started = time.monotonic()
        with printed.open("w") as output:
            run = subprocess.run(command, cwd=self.folder, stdout=output, stderr=output)
        wall_s = time.monotonic() - started
        if run.returncode:
            sys.exit(f"{shlex.join(command[3:])} failed:\n{printed.read_text()[-3000:]}")
        return {"wall_s": round(wall_s, 2), **json.loads(usage.read_text())}

    def says(self, text: str) -> bool:
        """Whether the last run printed a text."""
        return text in (self.folder / "printed.txt").read_text()

    def answers(self) -> dict[Path, int]:
        """Every answer file with the time at which it was written."""
        return {path: path.stat().st_mtime_ns for path in (self.project / "data/answers").rglob("*.json")}


def video_id(number: int) -> str:
    return f"video{number:06}"


def measured(videos: int, folder: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The four runs at one size. Raises AssertionError if one of them did something else than it should."""
    workflow = Workflow(folder, videos, options)
    workflow.snakemake("--", "data/videos.json")
    results = {"dry run": workflow.snakemake("--dry-run", "--quiet", "rules", "--", TARGET)}
    results["whole run"] = workflow.snakemake("--", TARGET)
    answers = workflow.answers()
    assert len(answers) == videos * options.slots, f"{len(answers)} answers of {videos} videos"
    results["nothing to do"] = workflow.snakemake("--", TARGET)
    assert workflow.says("Nothing to be done"), "Something was done where nothing was to do."
    workflow.add_videos(1)
    results["one more video"] = workflow.snakemake("--", TARGET)
    new = dict(workflow.answers().items() - answers.items())
    assert {path.parent.name for path in new} == {video_id(videos)}, "Other answers than the new video's were made."
    return results


def exponent(sizes: dict[str, dict], run: str, key: str) -> float | None:
    """By which power of the number of videos a measure grows; None with fewer than two sizes from FITTED_FROM on."""
    points = [(int(size), results[run][key]) for size, results in sizes.items() if int(size) >= FITTED_FROM]
    if len(points) < 2:
        return None
    return round(
        linear_regression(*([math.log(value) for value in axis] for axis in zip(*points, strict=True))).slope, 2
    )


def goals(sizes: dict[str, dict]) -> dict[str, dict]:
    """What issue 9 asks for at 5,000 videos: what was measured, the bound, whether it is met."""
    large, middle = sizes["5000"], sizes["500"]
    found = {}
    for run in ("nothing to do", "one more video"):
        found[f"{run}: seconds"] = (large[run]["wall_s"], 60)
        found[f"{run}: peak memory in MB"] = (large[run]["peak_mb"], 1000)
    for run in RUNS:
        found[f"{run}: {OWN_TIME_GOAL}"] = (round(large[run]["own_s"] / 5000 / (middle[run]["own_s"] / 500), 2), 2)
    return {name: {"measured": value, "bound": bound, "met": value <= bound} for name, (value, bound) in found.items()}


def draw(result: dict, path: Path) -> None:
    """Own seconds and peak memory over the number of videos, with the exponents."""
    # Here, so that Snakemake's process doesn't begin with its memory.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    panels = (("own_s", "Snakemake's own seconds", "log"), ("peak_mb", "peak memory (MB)", "linear"))
    for axes, (key, label, scale) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        videos = [int(size) for size in result["sizes"]]
        for run, colour in RUNS.items():
            values = [results[run][key] for results in result["sizes"].values()]
            power = result["exponents"][run][key]
            grows = "" if power is None else f" (power {power:.2f})"
            axes.plot(videos, values, marker="o", color=colour, label=run + grows)
        axes.set(xscale="log", yscale=scale, xlabel="videos", ylabel=label)
        axes.minorticks_off()
        axes.set_xticks(videos, [f"{count:,}" for count in videos])
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.legend(frameon=False, loc="upper left")
    figure.axes[1].set_ylim(bottom=0)
    figure.suptitle(
        f"Snakemake on the whole flow, {result['slots']} answers a video (the power: how it grows from {FITTED_FROM} videos on)"
    )
    figure.savefig(path, dpi=120)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10, 100, 500, 1000, 5000], help="numbers of videos")
    parser.add_argument("--slots", type=int, default=12, help="answers of a video")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--job-seconds", type=float, default=0, help="how long a job takes")
    parser.add_argument("--arguments", default="", help="more of Snakemake's arguments, against the profile's")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the projects go, by default the temporary folder"
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs/scale_benchmark", help="without its suffix")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    result = {
        **record_head(),
        "snakemake": version("snakemake"),
        **{key: getattr(options, key) for key in ("slots", "cores", "job_seconds", "arguments")},
        "sizes": {},
    }
    for videos in sorted(options.sizes):
        with TemporaryDirectory(dir=options.folder, prefix="understudy-scale-") as folder:
            result["sizes"][str(videos)] = measured(videos, Path(folder), options)
        print(f"{videos} videos: {json.dumps(result['sizes'][str(videos)])}", flush=True)
        result["exponents"] = {
            run: {key: exponent(result["sizes"], run, key) for key in ("own_s", "peak_mb")} for run in RUNS
        }
        if {"500", "5000"} <= result["sizes"].keys():
            result["goals"] = goals(result["sizes"])
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, options.out.with_suffix(".png"))
    print(json.dumps(result.get("goals", {}), indent=1))


if __name__ == "__main__":
    main()
