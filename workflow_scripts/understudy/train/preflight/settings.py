"""Settings of a training that can't work, with the value that would; and what they amount to."""

from collections.abc import Iterable, Sequence

from mlx import nn
from mlx.utils import tree_flatten
from mlx_lm.utils import get_total_parameters

from understudy.shared.errors import ConfigurationError
from understudy.shared.formats import counted
from understudy.train.updates import optimizer_updates, saved_iterations


def check_layers(model: nn.Module, num_layers: int) -> None:
    """Raise ConfigurationError if the model has fewer layers than training.num_layers."""
    if num_layers > len(model.layers):
        raise ConfigurationError(
            f"training.num_layers is {num_layers}, but the base model has {len(model.layers)}. "
            f"Use a number up to that, or -1 for all."
        )


def check_updates(iterations: int, accumulation_steps: int) -> None:
    """Raise ConfigurationError if the gradients of all iterations are too few for one optimizer update."""
    if iterations < accumulation_steps:
        raise ConfigurationError(
            f"training.grad_accumulation_steps is {accumulation_steps}, but there are only {counted(iterations, 'iteration')}, "
            f"so the adapters would never be updated. Lower it to {iterations} or less, or raise training.epochs."
        )


def check_context(model_config: dict, max_seq_length: int) -> None:
    """Raise ConfigurationError if rows may be longer than the context of the model whose config.json is `model_config`."""
    text = model_config.get("text_config") or model_config
    context = text.get("max_position_embeddings")
    if context and max_seq_length > context:
        raise ConfigurationError(
            f"training.max_seq_length is {max_seq_length}, but the base model knows positions up to {context}. "
            f"Use training.max_seq_length: {context} or less."
        )


def check_keep(keep: str | int, saves: Iterable[int]) -> None:
    """Raise ConfigurationError if training.keep is an iteration at which nothing is saved; `saves` are those that are."""
    saves = sorted(saves)
    if isinstance(keep, int) and keep not in saves:
        nearest = min(saves, key=lambda save: abs(save - keep))
        raise ConfigurationError(
            f"training.keep is {keep}, but nothing is saved at that iteration. The nearest that is: {nearest}; "
            f"all of them: {in_short(saves)}. Or best, or last."
        )


def iterations_that_stay(config: dict, patience: int) -> list[int]:
    """Return the iterations whose adapters can be kept: the saves and, with early stopping, the looks that may be the last.

    `config` is mlx_lm's lora.yaml."""
    saves = saved_iterations(config["iters"], config["save_every"], config["grad_accumulation_steps"])
    every = config["steps_per_eval"]
    looks = [at - 1 for at in range(every, config["iters"], every) if at > 1] if patience else []
    return sorted({*saves, *looks})


def in_short(numbers: Sequence[int]) -> str:
    """List numbers, a long list by its first two and its last."""
    if len(numbers) <= 6:
        return ", ".join(map(str, numbers))
    return f"{numbers[0]}, {numbers[1]} ... {numbers[-1]}"


def parameters_of(model: nn.Module) -> tuple[int, int]:
    """Return the trainable parameters and all parameters of a model with its adapters in place."""
    return sum(values.size for _, values in tree_flatten(model.trainable_parameters())), get_total_parameters(model)


def plan_lines(model: nn.Module, iterations: int, accumulation_steps: int, batch_size: int) -> dict[str, str]:
    """Return the trainable parameters and their share, the effective batch size, the iterations and the updates, by name."""
    trainable, total = parameters_of(model)
    return {
        "trainable parameters": f"{trainable:,} of {total:,} ({trainable / total:.3%})",
        "effective batch size": f"{batch_size * accumulation_steps} "
        f"(batch_size {batch_size} x grad_accumulation_steps {accumulation_steps})",
        "steps": f"{counted(iterations, 'iteration')}, "
        f"{counted(optimizer_updates(iterations, accumulation_steps), 'optimizer update')}",
    }
