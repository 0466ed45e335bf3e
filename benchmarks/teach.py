"""The two passes over a whole channel, beside the plain way that people write by hand.

    make benchmark-teach

A fake hosted API on loopback answers as slowly as a real one: 0.4 s to the first token, then 80 tokens a second. Ours: Snakemake
with the two passes, one request a question. Plain: one asyncio script, one request a video that answers all its questions, as
many at a time. For both, the wall time over the ideal: the server's total service time over the requests that may be in flight.
Writes docs/teach_benchmark.json and docs/teach_benchmark.png."""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from math import log
from pathlib import Path
from random import Random
from statistics import NormalDist

import openai
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from fake_teacher import FakeTeacher
from project import REPOSITORY, SNAKEMAKE, Project, environment
from random_llama import write_random_llama
from record_head import record_head

FIRST_TOKEN_S, TOKENS_PER_S = 0.4, 80
# Answers as long as those of a published run of this kind: median and 95th percentile in characters.
MEDIAN_CHARACTERS, LONG_CHARACTERS = 771, 1489
TALK_WORDS = 1500
COLOURS = {"this project": "#2f6f8f", "plain script": "#c0902d"}


def answer_length(random: Random) -> int:
    """Characters of one answer, of a log-normal distribution."""
    sigma = log(LONG_CHARACTERS / MEDIAN_CHARACTERS) / NormalDist().inv_cdf(0.95)
    return round(random.lognormvariate(log(MEDIAN_CHARACTERS), sigma))


def make_project(folder: Path, server: FakeTeacher, videos: int, answers: int) -> Project:
    """A project with transcripts, before its first request."""
    write_random_llama(folder / "base", hidden_size=64)
    project = Project.made_in(folder / "project", server.base_url, folder / "base")
    for path in (project / "captions").iterdir():
        path.unlink()
    for number in range(videos):
        words = " ".join(f"word{number}x{place}" for place in range(TALK_WORDS))
        (project / f"captions/talk {number}.srt").write_text(f"1\n00:00:00,000 --> 00:10:00,000\n{words}.\n")
    project.configure(questions={"per_video": answers}, dataset={"valid_fraction": 0.2})
    project.snakemake("--cores", "2", "--", "data/channel.json")
    return project


def time_of_project(project: Project, in_flight: int, cores: int) -> float:
    """Seconds of the run up to the last answer, Snakemake's start included; one slot stands for all of its talk."""
    command = [str(SNAKEMAKE), "--directory", str(project.path), "--cores", str(cores), "--quiet", "all"]
    resources = ["--resources", f"llm={in_flight}", f"question_jobs={max(1, in_flight // 5)}"]
    answers = [f"data/answers/{video_id}/q01.json" for video_id in project.video_ids().values()]
    started = time.monotonic()
    run = subprocess.run(
        [*command, *resources, "--", *answers],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return time.monotonic() - started


def time_of_plain_script(server: FakeTeacher, videos: int, in_flight: int) -> float:
    """Seconds of one asyncio script with one request a video."""

    async def ask_all() -> None:
        client = openai.AsyncOpenAI(base_url=server.base_url, api_key="none", timeout=600)
        turns = asyncio.Semaphore(in_flight)

        async def ask(number: int) -> str:
            words = " ".join(f"word{number}x{place}" for place in range(TALK_WORDS))
            content = f"{words}\nWrite questions that this talk answers, and answer each of them."
            async with turns:
                reply = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
            return reply.choices[0].message.content

        assert all(await asyncio.gather(*map(ask, range(videos))))

    started = time.monotonic()
    asyncio.run(ask_all())
    return time.monotonic() - started


def measured(videos: int, answers: int, in_flight: int, cores: int) -> dict[str, dict]:
    """One run of both: wall seconds, ideal seconds, and requests."""
    results = {}
    with FakeTeacher(delay_s=FIRST_TOKEN_S, questions=answers, tokens_per_s=TOKENS_PER_S) as server:
        server.answer_length = answer_length
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder), server, videos, answers)
            server.forget()
            wall_s = time_of_project(project, in_flight, cores)
            results["this project"] = result_of(server, wall_s, in_flight)
        server.forget()
        server.answer_length = lambda random: sum(answer_length(random) for _ in range(answers))
        wall_s = time_of_plain_script(server, videos, in_flight)
        results["plain script"] = result_of(server, wall_s, in_flight)
    return results


def result_of(server: FakeTeacher, wall_s: float, in_flight: int) -> dict:
    ideal_s = server.service_s / in_flight
    return {
        "wall_s": round(wall_s, 1),
        "ideal_s": round(ideal_s, 1),
        "ratio": round(wall_s / ideal_s, 3),
        "requests": len(server.requests),
        "most_in_flight": server.most_in_flight,
    }


def draw(summary: dict[str, dict], title: str, path: Path) -> None:
    """Wall time beside the ideal, as bars."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    for place, (name, result) in enumerate(summary.items()):
        axes.barh(place, result["wall_s"], color=COLOURS[name], height=0.6)
        axes.plot([result["ideal_s"]] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.5)
        axes.annotate(
            f"{result['wall_s']:.0f} s, {result['ratio']:.2f} x ideal",
            (result["wall_s"], place),
            xytext=(5, 0),
            textcoords="offset points",
            verticalalignment="center",
        )
    axes.set(yticks=range(len(summary)), yticklabels=list(summary), xlabel="seconds (black line: ideal)", title=title)
    axes.set_xlim(right=1.3 * max(result["wall_s"] for result in summary.values()))
    axes.invert_yaxis()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=148)
    parser.add_argument("--answers", type=int, default=12)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--cores", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs/teach_benchmark.json")
    options = parser.parse_args()
    head, runs = record_head(), []
    for _ in range(options.runs):
        runs.append(measured(options.videos, options.answers, options.in_flight, options.cores))
        summary = summary_of(head, runs, options)
    for name, result in summary.items():
        print(
            f"{name:14}{result['wall_s']:8.1f} s  ideal {result['ideal_s']:6.1f} s  ratio {result['ratio']:.2f}  {result}"
        )


def summary_of(head: dict, runs: list[dict], options: argparse.Namespace) -> dict[str, dict]:
    """Write the runs so far, with their medians and the picture, and return the medians."""
    summary = {
        name: {key: statistics.median(run[name][key] for run in runs) for key in runs[0][name]} for name in runs[0]
    }
    setting = {key: value for key, value in vars(options).items() if key != "out"}
    record = {**head, "setting": setting, "medians": summary, "runs": runs}
    options.out.write_text(json.dumps(record, indent=2) + "\n")
    title = f"{options.videos} videos, {options.answers} answers each, {options.in_flight} requests at a time"
    draw(summary, title, options.out.with_suffix(".png"))
    return summary


if __name__ == "__main__":
    main()
