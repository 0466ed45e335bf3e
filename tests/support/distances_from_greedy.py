"""How far tokens are from a fused model's own greedy choice in MLX: `python distances_from_greedy.py FOLDER <
prompts_and_tokens.json`.

For each token the logit of the most likely one less its own, which is 0.0 where they are the same. A process of its own,
because the optimised BLAS has to be there before MLX is."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow_scripts"))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

import mlx.core as mx

from understudy.models.mlx.load import load_base


def distances(model, prompt: list[int], tokens: list[int]) -> list[float]:
    """One distance a token, each given the tokens before it; shapes: (prompt,), (tokens,)."""
    logits = model(mx.array([prompt + tokens]))[0, len(prompt) - 1 : -1].astype(mx.float32)
    chosen = mx.take_along_axis(logits, mx.array(tokens)[:, None], axis=1)[:, 0]
    return (logits.max(axis=1) - chosen).tolist()


if __name__ == "__main__":
    model, _ = load_base(sys.argv[1])
    print(json.dumps([distances(model, prompt, tokens) for prompt, tokens in json.load(sys.stdin)]))
