"""The encoding of rows: ggml's own ggml_quantize_chunk, which xllamacpp's wheel carries, or the same from libgguf.

ggml's is compiled for newer processors than libgguf's: on the same core Q4_K takes 0.6, Q6_K 0.45 of the time, byte for byte the
same. It is a public function of ggml.h, but no wheel promises to export it; where it isn't, libgguf's kernels do it."""

import ctypes
import importlib.util
import os
from functools import cache
from pathlib import Path

import libgguf
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

# Its own threads would compete with those that call it.
os.environ["LIBGGUF_NUM_THREADS"] = "1"


def quantize_rows(rows: np.ndarray, kind: GGMLQuantizationType) -> np.ndarray:
    """`rows` (float32, shape (..., columns)) in the encoding `kind`: uint8, shape (..., bytes of a row).

    Runs on one core, and lets Python's other threads run beside it."""
    quantize_chunk = ggml_quantize_chunk()
    if quantize_chunk is None:
        return libgguf.quantize_rows(rows, kind)
    block_length, block_bytes = GGML_QUANT_SIZES[kind]
    columns = rows.shape[-1]
    if columns % block_length:
        raise ValueError(f"rows of {columns} values are no multiple of {block_length}, as {kind.name} needs")
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    encoded = np.empty((*rows.shape[:-1], columns // block_length * block_bytes), dtype=np.uint8)
    written = quantize_chunk(kind, rows.ctypes.data, encoded.ctypes.data, 0, rows.size // columns, columns, None)
    if written != encoded.nbytes:
        raise RuntimeError(f"ggml wrote {written} bytes of {kind.name} where {encoded.nbytes} were expected")
    return encoded


@cache
def ggml_quantize_chunk():
    """ggml's function, or None where the installed xllamacpp doesn't export it."""
    try:
        function = ctypes.CDLL(str(library())).ggml_quantize_chunk
    except (AttributeError, OSError):
        return None
    # type, source, target, first value, rows, columns, importance matrix; returns the bytes written
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    return function


def library() -> Path:
    """The native library inside the package xllamacpp, which is not imported for it."""
    folder = Path(importlib.util.find_spec("xllamacpp").submodule_search_locations[0])
    return next(folder.glob("xllamacpp*.so"), folder / "xllamacpp.so")
