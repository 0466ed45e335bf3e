"""The table of quantizations in docs/export.md: `make docs`. The sizes are those of the tensors that the rule gguf writes for
models of Llama 3.2's shapes."""

import sys
from pathlib import Path

import gguf

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("workflow_scripts", "benchmarks")]

from large_random_llama import SHAPES, shapes  # noqa: E402
from marked_blocks import page_with_blocks  # noqa: E402
from understudy.gguf.quantization import ModelShape, encoded_bytes, tensor_type  # noqa: E402

PAGE = REPOSITORY / "docs/export.md"
HEADER = """
| quantization | 1B | 3B | 3B with 4,096 tokens | for |
| --- | --- | --- | --- | --- |
"""
SIZES = ("1B", "3B")
TOKENS = 4096
# The tokens and merges of a vocabulary of 128,256.
VOCABULARY_BYTES = 8_000_000
FOR = {
    "F16": "16 GB and more; the weights as they were trained, and the file of which other programs make quantizations",
    "Q8_0": "16 GB; quick to make, nearly the weights as they were trained",
    "Q6_K": "16 GB, and 8 GB with little else open",
    "Q5_K_M": "8 GB",
    "Q4_K_M": "8 GB, beside a browser; the default",
    "Q4_K_S": "8 GB, a little smaller",
    "Q4_0": "8 GB, processors whose llama.cpp has kernels for it (ARM); quick to make",
    "Q3_K_M": "4 to 6 GB",
    "Q2_K": "4 GB, where nothing else fits",
}


def table() -> str:
    rows = []
    for quant, advice in FOR.items():
        small, large = (file_bytes(size, quant) for size in SIZES)
        in_use = large + cache_bytes("3B")
        rows.append(f"| {quant} | {in_gb(small)} | {in_gb(large)} | {in_gb(in_use)} | {advice} |\n")
    return HEADER.lstrip("\n") + "".join(rows)


def file_bytes(size: str, quant: str) -> int:
    """The bytes of a file of type `quant` for a model of `size`."""
    shape = SHAPES[size]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, shape["layers"])
    model = ModelShape(shape["layers"], shape["heads"], shape["keys"], tied=True, is_70b=False)
    total = VOCABULARY_BYTES
    for name, tensor_shape in shapes(shape).items():
        kind = tensor_type(names.get_name(name, try_suffixes=(".weight",)), tensor_shape, quant, model)
        total += encoded_bytes(tensor_shape, kind)
    return total


def cache_bytes(size: str) -> int:
    """What keys and values of TOKENS take in llama.cpp, which keeps them in float16."""
    shape = SHAPES[size]
    return 2 * 2 * TOKENS * shape["layers"] * shape["keys"] * (shape["hidden"] // shape["heads"])


def in_gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def made_page() -> str:
    """Return docs/export.md with the table as it should be."""
    return page_with_blocks(PAGE, {"sizes": table()})


if __name__ == "__main__":
    PAGE.write_text(made_page(), encoding="utf-8")
