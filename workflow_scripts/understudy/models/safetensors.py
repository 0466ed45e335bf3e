"""The weights of a folder in Hugging Face layout, one tensor at a time: one safetensors file, or shards with an index.

The safetensors package gives numpy no bfloat16, so this reads the format itself: 8 bytes of header length, a JSON
header, the data (https://github.com/huggingface/safetensors#format)."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
ITEM_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
LARGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor is: `dtype` by safetensors' name, `shape` as in the model, `offset` in bytes from the file's start."""

    path: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int

    def read(self, first_row: int = 0, last_row: int | None = None) -> np.ndarray:
        """The rows from `first_row` to before `last_row`, float32 or float16; bfloat16 is widened to float32."""
        stored = self.read_as_stored(first_row, last_row)
        return (stored.astype(np.uint32) << 16).view(np.float32) if self.dtype == "BF16" else stored

    def read_as_stored(self, first_row: int = 0, last_row: int | None = None) -> np.ndarray:
        """The same rows, bfloat16 as the uint16 of its bits.

        Read, not mapped: the pages of a mapped file would stay in the process's memory."""
        if self.dtype not in DTYPES:
            raise InputFileError(f"{self.path}: {self.name} is of type {self.dtype}; F32, F16 or BF16 is needed.")
        last_row = self.shape[0] if last_row is None else min(last_row, self.shape[0])
        dtype, row_length = DTYPES[self.dtype], math.prod(self.shape[1:])
        count, skipped = (last_row - first_row) * row_length, first_row * row_length * dtype.itemsize
        stored = np.fromfile(self.path, dtype, count, offset=self.offset + skipped)
        return stored.reshape(last_row - first_row, *self.shape[1:])


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """All tensors of `folder` by name, in the safetensors package's order: file by file, sorted by name.
    Reads no data, but makes sure that every file is there and has its full length.

    Raises InputFileError, naming the file, if one is missing, truncated or not in safetensors format."""
    tensors: dict[str, StoredTensor] = {}
    for path in _files(folder):
        tensors.update(_tensors_of_file(path))
    for name, file_name in _weight_map(folder).items():
        if name not in tensors or tensors[name].path.name != file_name:
            raise InputFileError(f"{folder / file_name} has no tensor {name}, which its index names. Make it again.")
    return tensors


def _weight_map(folder: Path) -> dict[str, str]:
    index = folder / "model.safetensors.index.json"
    return read_json(index)["weight_map"] if index.is_file() else {}


def _files(folder: Path) -> list[Path]:
    if names := sorted(set(_weight_map(folder).values())):
        return [folder / name for name in names]
    if files := sorted(folder.glob("model*.safetensors")):
        return files
    raise InputFileError(f"{folder} has no model*.safetensors file.")


def _tensors_of_file(path: Path) -> dict[str, StoredTensor]:
    header, data_start = _header(path)
    data_bytes = path.stat().st_size - data_start
    tensors = {}
    for name, entry in sorted(header.items()):
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        shape = tuple(entry["shape"])
        if end > data_bytes:
            raise InputFileError(
                f"{path} is truncated: {name} ends {end - data_bytes} bytes after the file. Make it again."
            )
        if end - begin != math.prod(shape) * ITEM_BYTES.get(entry["dtype"], 1):
            raise InputFileError(f"{path}: the length of {name} does not fit its shape {shape}. Make it again.")
        tensors[name] = StoredTensor(path, name, entry["dtype"], shape, data_start + begin)
    return tensors


def _header(path: Path) -> tuple[dict, int]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LARGEST_HEADER:
                raise ValueError("its header is too long")
            return json.loads(file.read(length)), 8 + length
    except FileNotFoundError:
        raise InputFileError(f"{path} does not exist.") from None
    except (struct.error, ValueError, RecursionError) as error:
        raise InputFileError(f"{path} is not a whole safetensors file ({error}). Make it again.") from None
