"""Whole states of a training, from which it goes on as if it had never stopped: adapters, optimizer, orders, chances, losses.

A state is two files in the run's folder: 0000504_state.safetensors, and 0000504_state.json, which has the first one's sha256 and
is written last. The last two stay; a damaged one counts for nothing."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
from mlx import nn
from mlx.utils import tree_flatten, tree_unflatten

from understudy.shared.errors import InputFileError
from understudy.shared.files import file_sha256, read_json, write_json, written_aside
from understudy.shared.log import log
from understudy.train.checkpoints import saving

STATES_THAT_STAY = 2


@dataclass(frozen=True)
class Moment:
    """Where a training is, but for its arrays, after an iteration that leaves no gradient to be applied."""

    iteration: int
    rows_left: list[list[int]]
    numpy_generator: list
    mlx_key: list[int]
    watched: dict[str, Any]

    @classmethod
    def now(cls, iteration: int, rows_left: list[list[int]], watched: dict[str, Any]) -> "Moment":
        name, keys, *rest = np.random.get_state()
        return cls(iteration, rows_left, [name, keys.tolist(), *rest], mx.random.state[0].tolist(), watched)

    def restore_generators(self) -> None:
        """Set numpy's and MLX's global generators to where they were."""
        name, keys, *rest = self.numpy_generator
        np.random.set_state((name, np.array(keys, np.uint32), *rest))
        # MLX takes no key, but a seed, whose upper and lower half are the key.
        upper, lower = self.mlx_key
        mx.random.seed(upper << 32 | lower)


def trainable_weights(model: nn.Module) -> dict[str, mx.array]:
    """The adapters' tensors by name, as mlx_lm saves them."""
    return dict(tree_flatten(model.trainable_parameters()))


def save_tensors(path: Path, tensors: dict[str, mx.array]) -> None:
    """Write a safetensors file, whole or not at all.

    Raises SaveFailed if the disk does not take it."""
    with saving(path), written_aside(path) as aside, aside.open("wb") as opened:
        mx.save_safetensors(opened, tensors)


def save_state(folder: Path, moment: Moment, model: nn.Module, optimizer: optim.Optimizer) -> None:
    """Save all that the training at `moment` consists of, then remove what is older than the state before it.

    Raises SaveFailed if the disk does not take it."""
    tensors = {f"adapters.{name}": value for name, value in trainable_weights(model).items()}
    tensors |= {f"optimizer.{name}": value for name, value in tree_flatten(optimizer.state)}
    arrays, record = state_files(folder, moment.iteration)
    save_tensors(arrays, tensors)
    with saving(record):
        write_json(record, {**asdict(moment), "sha256": file_sha256(arrays)})
    remove_states(folder, but=STATES_THAT_STAY)


def remove_states(folder: Path, but: int = 0) -> None:
    """Remove a run's states `but` for so many last ones: all of them once nothing has to go on."""
    iterations = iterations_of_states(folder)
    for iteration in iterations[: len(iterations) - but]:
        for file in state_files(folder, iteration):
            file.unlink(missing_ok=True)


def restore_state(folder: Path, model: nn.Module, optimizer: optim.Optimizer) -> Moment | None:
    """Put the last whole state of the folder into model, optimizer and generators; None if there is none."""
    for iteration in reversed(iterations_of_states(folder)):
        arrays, record = state_files(folder, iteration)
        moment = whole_moment(arrays, record)
        if moment is None:
            log.warning("Warning: %s is damaged; the training goes on from an earlier save.", arrays)
            continue
        tensors = mx.load(str(arrays))
        model.load_weights(part_of(tensors, "adapters."), strict=False)
        optimizer.state = tree_unflatten(part_of(tensors, "optimizer."))
        moment.restore_generators()
        return moment
    return None


def part_of(tensors: dict[str, mx.array], prefix: str) -> list[tuple[str, mx.array]]:
    return [(name.removeprefix(prefix), value) for name, value in tensors.items() if name.startswith(prefix)]


def whole_moment(arrays: Path, record: Path) -> Moment | None:
    """The moment of a state whose two files belong together and are whole, otherwise None."""
    try:
        read = read_json(record)
        return Moment(**read) if read.pop("sha256") == file_sha256(arrays) else None
    except (OSError, InputFileError, KeyError, TypeError, AttributeError):
        return None


def iterations_of_states(folder: Path) -> list[int]:
    """The iterations of all states of which there is any file."""
    return sorted({int(path.name.split("_")[0]) for path in folder.glob("[0-9]*_state.*")})


def state_files(folder: Path, iteration: int) -> tuple[Path, Path]:
    return folder / f"{iteration:07d}_state.safetensors", folder / f"{iteration:07d}_state.json"
