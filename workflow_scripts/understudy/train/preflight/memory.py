"""The peak memory of a LoRA training, from a model's shape and the settings, without its weights.

Each part was fitted to peaks that MLX reported (docs/training.md): SmolLM2-135M and small Llamas of other shapes, on a CPU.
All sizes are in bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mlx import nn
from mlx.utils import tree_flatten

from understudy.shared.formats import in_gigabytes
from understudy.train.machine import WHAT_TO_CLOSE, MachineMemory

# The logits, what the loss makes of them, and the gradients of both.
LOGITS_COPIES = 4
# What a layer keeps of a token until its gradients are computed, in multiples of each width. Softmax is computed in float32.
KEPT_HIDDEN, KEPT_QUERIES, KEPT_KEYS_AND_VALUES, KEPT_MLP = 5, 3.5, 2, 5
SCORE_BYTES = 4
# While a layer's gradients are computed it takes this much of itself again.
LAYER_IN_WORK = 0.7
# What the families call a token's width, and the attention heads; a state-space model has none.
HIDDEN = ("hidden_size", "n_embd", "d_model", "model_dim")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
# Optimizer states of the size of the adapters.
OPTIMIZER_STATES = {"adam": 2, "adamw": 2, "muon": 1, "sgd": 1, "adafactor": 1}
# So far off may the prediction be.
TOLERANCE = 0.25
SHORTEST_WORTH_TRYING = 256


@dataclass(frozen=True)
class ModelShape:
    """What of a model decides its memory. `item` is the bytes of an activation, `adapters` the trainable parameters."""

    weights: int
    item: int
    hidden: int
    queries: int
    keys: int
    heads: int
    mlp: int
    vocabulary: int
    layers: int
    adapters: int
    adapted_layers: int


@dataclass(frozen=True)
class PredictedMemory:
    """The parts of a training's peak."""

    weights: int
    adapters: int
    activations: int
    logits: int

    @property
    def peak(self) -> int:
        return self.weights + self.adapters + self.activations + self.logits


def shape_of(model: nn.Module, config: dict[str, Any]) -> ModelShape:
    """Read the shape of a model with its adapters in place; `config` is its config.json. No array is evaluated."""
    text = settings_of(model, config)
    hidden, heads = setting(text, HIDDEN), setting(text, HEADS)
    head = setting(text, ("head_dim",)) or (hidden // heads if heads else 0)
    mlp = setting(text, ("moe_intermediate_size", "intermediate_size")) or 4 * hidden
    parameters = [values for _, values in tree_flatten(model.parameters())]
    trainable = tree_flatten(model.trainable_parameters())
    adapted = {name.split(".layers.")[1].split(".")[0] for name, _ in trainable if ".layers." in name}
    floats = [values.dtype.size for values in parameters if values.dtype.size in (2, 4) and values.ndim > 1]
    return ModelShape(
        weights=sum(values.nbytes for values in parameters) - sum(values.nbytes for _, values in trainable),
        item=min(floats, default=2),
        hidden=hidden,
        queries=heads * head,
        keys=(setting(text, ("num_key_value_heads",)) or heads) * head,
        heads=heads,
        mlp=(setting(text, ("num_experts_per_tok",)) or 1) * mlp,
        vocabulary=setting(text, ("vocab_size", "embedding_size", "num_vocab")),
        layers=len(model.layers),
        adapters=sum(values.size for _, values in trainable),
        adapted_layers=len(adapted),
    )


def settings_of(model: nn.Module, config: dict[str, Any]) -> dict[str, Any]:
    """Return the language model's keys of `config`, with the defaults of mlx_lm's class for what is left out there."""
    arguments = getattr(getattr(model, "language_model", model), "args", None)
    return {**config, **(vars(arguments) if arguments else {}), **(config.get("text_config") or {})}


def setting(text: dict[str, Any], names: Iterable[str]) -> int:
    """Return what a family calls by one of `names`; of a list, one a layer, the largest; 0 if it has no such thing."""
    value = next((text[name] for name in names if text.get(name)), 0)
    return max(value) if isinstance(value, list) else value


def predicted_memory(
    shape: ModelShape, batch_size: int, length: int, grad_checkpoint: bool, optimizer: str, accumulates: bool = False
) -> PredictedMemory:
    """Predict the peak of a training whose longest batch has `batch_size` rows of `length` tokens, padding included."""
    tokens = batch_size * length
    of_token = (
        KEPT_HIDDEN * shape.hidden
        + KEPT_QUERIES * shape.queries
        + KEPT_KEYS_AND_VALUES * shape.keys
        + KEPT_MLP * shape.mlp
    )
    layer = tokens * (of_token * shape.item + shape.heads * length * SCORE_BYTES)
    kept = tokens * shape.hidden * shape.item if grad_checkpoint else layer
    logits = LOGITS_COPIES * tokens * shape.vocabulary * shape.item
    return PredictedMemory(
        weights=shape.weights,
        # Adapters are float32: themselves, their gradients, those of the steps before, the optimizer's states.
        adapters=4 * shape.adapters * (2 + accumulates + OPTIMIZER_STATES[optimizer.lower()]),
        activations=int(shape.adapted_layers * kept + layer),
        logits=int(max(logits, LAYER_IN_WORK * layer)),
    )


def memory_complaint(predicted: PredictedMemory, machine: MachineMemory, what_fits: str) -> tuple[bool, str] | None:
    """Return whether the training is impossible, and why it is or may be slow; None if there is room."""
    needed = f"The training takes about {in_gigabytes(predicted.peak)} of memory at its peak"
    if predicted.peak > (1 + TOLERANCE) * machine.usable:
        return True, f"{needed}, and this machine has {in_gigabytes(machine.usable)} for it. {what_fits}"
    if predicted.peak > machine.usable:
        return False, f"{needed}, and this machine has {in_gigabytes(machine.usable)} for it: it may fail. {what_fits}"
    if predicted.peak > machine.available:
        return (
            False,
            f"{needed}, and {in_gigabytes(machine.available)} are free now: it would swap. {WHAT_TO_CLOSE} {what_fits}",
        )
    return None


def with_settings(shape: ModelShape, settings: dict[str, Any]) -> PredictedMemory:
    """Predict for mlx_lm's names: batch_size, max_seq_length (the longest batch), grad_checkpoint, num_layers, optimizer."""
    layers = settings["num_layers"] if settings["num_layers"] != -1 else shape.layers
    scaled = replace(
        shape,
        adapters=shape.adapters * layers // max(1, shape.adapted_layers),
        adapted_layers=layers,
    )
    return predicted_memory(
        scaled,
        settings["batch_size"],
        settings["max_seq_length"],
        settings["grad_checkpoint"],
        settings["optimizer"],
        settings["grad_accumulation_steps"] > 1,
    )


def settings_that_fit(shape: ModelShape, settings: dict[str, Any], limit: int) -> dict[str, Any] | None:
    """Return the changes that bring the peak under `limit` bytes, what costs least first: checkpointing costs time alone,
    smaller batches a little, then shorter rows, then fewer layers. None if nothing does."""
    changes: dict[str, Any] = {}
    for change in lowerings(shape, settings):
        changes |= change
        if with_settings(shape, {**settings, **changes}).peak <= limit:
            return changes
    return None


def lowerings(shape: ModelShape, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one change after the other, each lower than the one before."""
    if not settings["grad_checkpoint"]:
        yield {"grad_checkpoint": True}
    yield from ({"batch_size": size} for size in range(settings["batch_size"] - 1, 0, -1))
    longest = settings["max_seq_length"] - 1
    yield from ({"max_seq_length": length} for length in range(longest // 128 * 128, SHORTEST_WORTH_TRYING - 1, -128))
    layers = settings["num_layers"] if settings["num_layers"] != -1 else shape.layers
    yield from ({"num_layers": count} for count in range(layers - 1, 0, -1))


def what_would_fit(shape: ModelShape, settings: dict[str, Any], limit: int) -> str:
    """Say which settings bring the peak under `limit` bytes."""
    changes = settings_that_fit(shape, settings, limit)
    if changes is None:
        return "No setting makes it fit: choose a smaller or a quantized base_model."
    named = ", ".join(f"training.{key}: {str(value).lower()}" for key, value in changes.items())
    return f"What fits: {named}."
