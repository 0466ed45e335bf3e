"""The first greedy tokens of a fused model in MLX: `python greedy_tokens.py FOLDER COUNT < token_ids.json`.

A process of its own, because the optimised BLAS has to be there before MLX is."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from lib.optimised_blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

import mlx.core as mx
from mlx_lm.generate import generate_step

from lib.mlx_models import load_base


def greedy_tokens(model, prompt: list[int], count: int) -> list[int]:
    """The `count` most likely tokens, one after the other; shape of the prompt: (tokens,)."""
    steps = generate_step(mx.array(prompt), model, max_tokens=count)
    return [int(token) for token, _ in steps]


if __name__ == "__main__":
    model, _ = load_base(sys.argv[1])
    print(json.dumps([greedy_tokens(model, prompt, int(sys.argv[2])) for prompt in json.load(sys.stdin)]))
