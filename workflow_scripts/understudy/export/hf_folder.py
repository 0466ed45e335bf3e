"""A fused model's tensors as the hub's files have them: mlx_lm splits some on loading, and this puts them together again."""

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type

from understudy.gguf.quantization import encode
from understudy.models.hub_layout import Sanitized
from understudy.models.layout import Shapes
from understudy.models.safetensors import ITEM_BYTES, StoredTensor
from understudy.shared.errors import InputFileError

BYTES_AT_ONCE = 2**25
# Names within a layer: what the hub has, and the parts of it after the sanitize of mlx_lm's granitemoehybrid.Model.
MERGED = {
    "shared_mlp.input_linear.weight": ("mlp.gate_proj.weight", "mlp.up_proj.weight"),
    "shared_mlp.output_linear.weight": ("mlp.down_proj.weight",),
    "block_sparse_moe.input_linear.weight": (
        "block_sparse_moe.switch_mlp.gate_proj.weight",
        "block_sparse_moe.switch_mlp.up_proj.weight",
    ),
    "block_sparse_moe.output_linear.weight": ("block_sparse_moe.switch_mlp.down_proj.weight",),
}
CONVOLUTION = "conv1d.weight"


@dataclass(frozen=True)
class HubTensor:
    """A tensor under the hub's name and shape, made of the rows of `parts`, matrix by matrix; `added` is added to its values."""

    name: str
    shape: tuple[int, ...]
    parts: tuple[StoredTensor, ...]
    added: float = 0.0

    @property
    def dtype(self) -> str:
        """By safetensors' name."""
        return self.parts[0].dtype

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    @property
    def path(self) -> Path:
        """The file that holds its first part; the tensor goes into a file of the same name."""
        return self.parts[0].path

    @property
    def is_as_stored(self) -> bool:
        """Whether its file has it under this name and shape."""
        first = (self.parts[0].name, self.parts[0].shape)
        return (self.name, self.shape) == first and len(self.parts) == 1 and not self.added

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, in order, some at a time."""
        if self.added:
            values = self.parts[0].read().astype(np.float32) + np.float32(self.added)
            yield encode(values, Type[self.dtype]).tobytes()
            return
        matrices = math.prod(self.shape[:-2]) if len(self.parts) > 1 else 1
        for matrix in range(matrices):
            for part in self.parts:
                yield from _bytes_of(part, matrix, matrices)


def hub_tensors(stored: dict[str, StoredTensor], expected: Shapes, folder: Path) -> list[HubTensor]:
    """Return the `expected` tensors of the hub, sorted by name, made of those that are `stored` in `folder`.

    Raises InputFileError unless they are all there in their shapes and nothing else is."""
    made = {name: tensor for name in sorted(expected) if (tensor := _made(name, stored, expected[name]))}
    used = {part.name for tensor in made.values() for part in tensor.parts}
    missing, unknown = expected.keys() - made.keys(), stored.keys() - used
    if missing or unknown:
        raise InputFileError(
            f"{folder} does not have the tensors that its config.json asks for: missing {shortened(missing)}; "
            f"unknown {shortened(unknown)}."
        )
    for tensor in made.values():
        if tensor.size != sum(math.prod(part.shape) * ITEM_BYTES[part.dtype] for part in tensor.parts) or not (
            _fits(tensor)
        ):
            shapes = " and ".join(str(part.shape) for part in tensor.parts)
            raise InputFileError(
                f"{tensor.path}: {tensor.name} has the shape {shapes}, but config.json beside it asks for {tensor.shape}."
            )
    return list(made.values())


def tensors_before(stored: dict[str, StoredTensor], sanitized: Sanitized) -> list[HubTensor]:
    """The tensors as the hub has them, sorted by name: what mlx_lm did to the `stored` ones, undone."""
    tensors: list[HubTensor] = []
    for tensor in stored.values():
        name, shape = tensor.name.removeprefix(sanitized.prefix), tensor.shape
        if sanitized.stacked and sanitized.stacked in name:
            tensors += [
                HubTensor(name.replace(sanitized.stacked, sanitized.apart.format(number)), part.shape, (part,))
                for number, part in enumerate(_matrices_of(tensor))
            ]
        elif sanitized.convolution and name.endswith(sanitized.convolution):
            tensors.append(HubTensor(name, (shape[0], shape[2], shape[1]), (tensor,)))
        else:
            tensors.append(HubTensor(name, shape, (tensor,), added=-1.0 if name.endswith(sanitized.shifted) else 0.0))
    return sorted(tensors, key=lambda tensor: tensor.name)


def write_tensors(target: Path, tensors: list[HubTensor]) -> None:
    """Write a safetensors file of the stored bytes, with little more than BYTES_AT_ONCE in memory."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for tensor in tensors:
        begin, end = end, end + tensor.size
        header[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode("utf-8")
    with target.open("wb") as written:
        written.write(struct.pack("<Q", len(encoded)) + encoded)
        for tensor in tensors:
            for piece in tensor.pieces():
                written.write(piece)


def shortened(names: set[str]) -> str:
    """The first three of `names`, and how many more there are."""
    listed = ", ".join(sorted(names)[:3]) or "none"
    return listed + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _matrices_of(tensor: StoredTensor) -> list[StoredTensor]:
    """The matrices that are stacked in `tensor`, each where it lies."""
    size = math.prod(tensor.shape[1:]) * ITEM_BYTES[tensor.dtype]
    return [
        replace(tensor, shape=tensor.shape[1:], offset=tensor.offset + number * size)
        for number in range(tensor.shape[0])
    ]


def _made(name: str, stored: dict[str, StoredTensor], shape: tuple[int, ...]) -> HubTensor | None:
    if name in stored:
        return HubTensor(name, shape, (stored[name],))
    for merged, parts in MERGED.items():
        if name.endswith(f".{merged}"):
            names = [name.removesuffix(merged) + part for part in parts]
            if all(part in stored for part in names):
                return HubTensor(name, shape, tuple(stored[part] for part in names))
    return None


def _fits(tensor: HubTensor) -> bool:
    stored = [part.shape for part in tensor.parts]
    if len(stored) > 1:
        return all(shape[:-2] == tensor.shape[:-2] and shape[-1] == tensor.shape[-1] for shape in stored)
    # MLX has the taps before the one input channel of a depthwise convolution: the same bytes.
    is_convolution = tensor.name.endswith(CONVOLUTION) and len(tensor.shape) == 3
    return stored[0] == tensor.shape or (is_convolution and stored[0] == (tensor.shape[0], tensor.shape[2], 1))


def _bytes_of(part: StoredTensor, matrix: int, matrices: int) -> Iterator[bytes]:
    size = math.prod(part.shape) * ITEM_BYTES[part.dtype] // matrices
    with part.path.open("rb") as stored:
        stored.seek(part.offset + matrix * size)
        for first in range(0, size, BYTES_AT_ONCE):
            yield stored.read(min(BYTES_AT_ONCE, size - first))
