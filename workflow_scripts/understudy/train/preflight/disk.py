"""How much room on the disk a training and what is made of it takes, in bytes."""

from mlx import nn
from mlx.utils import tree_flatten

from understudy.models.folder import MLX_FOLDERS
from understudy.shared.formats import counted
from understudy.train.preflight.memory import OPTIMIZER_STATES
from understudy.train.resume import STATES_THAT_STAY

# Bits a weight, scales included, over the whole file; those that mix, such as Q4_K_M, as for a Llama of 3 billion parameters.
BITS = {
    "F32": 32, "F16": 16, "BF16": 16, "Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.8, "Q5_K_S": 5.6, "Q5_1": 6.0, "Q5_0": 5.6,
    "Q4_K_M": 5.1, "Q4_K_S": 4.8, "Q4_1": 5.1, "Q4_0": 4.8, "Q3_K_M": 4.2, "Q3_K_L": 4.5, "Q3_K_S": 3.9, "Q2_K": 3.4,
    **{name: bits + 0.5 for name, bits in MLX_FOLDERS.items()},
}  # fmt: skip
HALF_PRECISION_BITS = 16


def disk_of_adapters(adapters: int, saves: int, optimizer: str) -> dict[str, int]:
    """Return the bytes that the adapters of a run take at the most, by name; `adapters` is the number of trainable parameters.

    While it trains: the checkpoints, what was best at each whole state and since, the states, another one being written.
    Afterwards: the checkpoints and what is kept, in the run's folder and beside the model."""
    training = saves + STATES_THAT_STAY + 1 + (STATES_THAT_STAY + 1) * (1 + OPTIMIZER_STATES[optimizer.lower()])
    finished = 2 * (saves + 1)
    return {f"adapters and {counted(saves, 'save')}": 4 * adapters * max(training, finished)}


def needed_disk(
    base: nn.Module, parameters: int, adapters: int, saves: int, optimizer: str, exports: list[str]
) -> dict[str, int]:
    """Return the bytes of each thing that a run leaves on the disk, by name.

    `base` is the model as stored, `parameters` its number of weights, `adapters` the trainable ones. The Hugging Face folder
    shares its weights with the fused one; a quantized base is fused in half precision."""
    stored = sum(values.nbytes for _, values in tree_flatten(base.parameters()))
    return {
        **disk_of_adapters(adapters, saves, optimizer),
        "fused": max(stored, parameters * HALF_PRECISION_BITS // 8),
        **{name: int(parameters * BITS[name] / 8) for name in exports},
    }
