"""One table over all families and layouts: python families.py FOLDER, in the project's environment, after write_models.py and
compare.py on the same folder.

How far llama.cpp with the F16 GGUF file, and transformers with hf/, are from what MLX computes of the fused model. A file that
isn't written here comes from llama.cpp's own converter, in the environment that the rule gguf makes for it; what the account of a
base refuses is not tried."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "workflow_scripts"), str(HERE.parent / "support")]

import numpy as np  # noqa: E402
from tabulate import tabulate  # noqa: E402

from understudy.base.readers import apart, of_llama  # noqa: E402
from understudy.export.gguf import write_gguf  # noqa: E402
from understudy.gguf.families import FAMILIES  # noqa: E402
from understudy.gguf.what_can_be_made import GGUF, what_can_be_made  # noqa: E402
from understudy.models.llama.predictions import served_model  # noqa: E402
from understudy.shared.errors import UnderstudyError  # noqa: E402
from understudy.shared.files import read_json, write_text  # noqa: E402

# Of a place's log probabilities: root mean square of the difference over their standard deviation; the most of all places.
LARGEST = 0.03
PLACES = (0, 20, 39)
LAYOUTS = {"-hub": "hub", "-4bit": "MLX, 4 bits"}
HEAD = ("family", "base's layout", "GGUF written by", "MLX to GGUF", "MLX to transformers")
NOTE = (
    "Both are shares of the spread of what MLX computes: to GGUF the root mean square over the log probabilities, at most of "
    f"{len(PLACES)} places up to 300 tokens ({LARGEST} is allowed); to transformers the largest difference of a logit at 40. "
    "All models but demo (SmolLM2-135M) are random: that proves names, shapes and settings, not tokenizers."
)


def main(folder: Path) -> None:
    rows, failed = [], False
    for model in sorted(path.parent for path in folder.glob("*/logits.npy")):
        row, passed = row_of(model)
        rows.append(row)
        failed |= not passed
        print(*row, sep=" | ", flush=True)
    table = tabulate(rows, HEAD, tablefmt="github", disable_numparse=True)
    write_text(folder / "families.md", f"{table}\n\n{NOTE}\n")
    print(f"\n{table}\n\n{NOTE}")
    sys.exit(failed)


def row_of(model: Path) -> tuple[tuple[str, ...], bool]:
    ending = next((ending for ending in LAYOUTS if model.name.endswith(ending)), "")
    layout = LAYOUTS.get(ending, "MLX and hub alike")
    ours = read_json(model / "hf/config.json")["model_type"] in FAMILIES
    writer = "this project" if ours else "llama.cpp's converter"
    to_gguf, passed = of_gguf(model)
    to_transformers, agrees = of_transformers(model)
    return (model.name.removesuffix(ending), layout, writer, to_gguf, to_transformers), passed and agrees


def of_gguf(model: Path) -> tuple[str, bool]:
    outcome = what_can_be_made(model / "base")[GGUF]
    if not outcome.can_be_made:
        return "refused before the training", True
    try:
        distance = distance_of_gguf(model)
    except UnderstudyError as error:
        return f"failed: {reason_of(error)}", False
    return f"{distance:.5f}", distance < LARGEST


def distance_of_gguf(model: Path) -> float:
    gguf = model / "model-F16.gguf"
    if not gguf.is_file():  # Of a run that was stopped; the Makefile begins with an empty folder.
        write_gguf(model / "hf", "F16", gguf, model.name, threads=2)
    tokens, logits = json.loads((model / "tokens.json").read_text()), np.load(model / "logits.npy").astype(np.float64)
    words, first = logits.shape[1], len(tokens) - len(logits) + 1
    with served_model(gguf, len(tokens), threads=2, parallel=1) as llama:
        return max(apart(logprobs(logits[at]), of_llama(llama, tokens[: first + at], words)) for at in PLACES)


def logprobs(logits: np.ndarray) -> np.ndarray:
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def of_transformers(model: Path) -> tuple[str, bool]:
    path = model / "transformers.json"
    if not path.is_file():
        return "not compared: run compare.py first", False
    found = read_json(path)
    return found["said"], found["passed"]


def reason_of(error: UnderstudyError) -> str:
    """The last line: of a converter that failed, what it said."""
    return str(error).strip().splitlines()[-1][:160]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
