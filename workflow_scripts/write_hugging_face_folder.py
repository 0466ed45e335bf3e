"""Write models/{name}/hf/: the fused model under the names, types and settings that transformers expects."""

import json
import math
import struct
from pathlib import Path
from typing import Any

from lib.errors import InputFileError
from lib.files import write_json
from lib.llama_folder import ARCHITECTURE, read_llama_config
from lib.model_folder import MLX_KEYS, copy_companions, folder_written_aside, link_or_copy
from lib.safetensors_folder import ITEM_BYTES, StoredTensor, stored_tensors

DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
NORMS = ("input_layernorm", "post_attention_layernorm")
ATTENTION = tuple(f"self_attn.{name}_proj" for name in "qkvo")
FEED_FORWARD = tuple(f"mlp.{name}_proj" for name in ("gate", "up", "down"))


def write_hugging_face_folder(fused_config: str, output: str) -> None:
    """Write the folder of `output` (its config.json, last) from the folder of `fused_config`.

    Weight files are hard links unless a tensor in them has no place in transformers. Raises InputFileError if a tensor
    that transformers looks for is missing, or one is there that it doesn't know."""
    source = Path(fused_config).parent
    config = read_llama_config(source)
    tensors = stored_tensors(source)
    kept = [tensors[name] for name in kept_names(config, set(tensors), source)]
    paths = sorted({tensor.path for tensor in tensors.values()})
    with folder_written_aside(Path(output).parent) as aside:
        for path in paths:
            write_shard(
                path, aside / path.name, {tensor.name for tensor in tensors.values() if tensor.path == path}, kept
            )
        if len(paths) > 1:
            write_json(aside / "model.safetensors.index.json", index_of(kept))
        copy_companions(source, aside)
        write_json(aside / "config.json", config_for_transformers(config, kept))


def kept_names(config: dict[str, Any], names: set[str], source: Path) -> list[str]:
    """Return the names that transformers looks for, in order, without what it would pass over.

    Raises InputFileError unless they are all there and nothing else is."""
    expected = expected_tensors(config)
    needless = {name for name in names if name.endswith("rotary_emb.inv_freq")}
    needless |= {"lm_head.weight"} - expected
    missing, unknown = expected - names, names - expected - needless
    if missing or unknown:
        raise InputFileError(
            f"{source} does not have the tensors of a Llama model: missing {shortened(missing)}; unknown {shortened(unknown)}."
        )
    return sorted(expected)


def expected_tensors(config: dict[str, Any]) -> set[str]:
    """Return the tensor names of transformers' LlamaForCausalLM."""
    of_layer = {f"{name}.weight" for name in NORMS + ATTENTION + FEED_FORWARD}
    of_layer |= {f"{name}.bias" for name in ATTENTION if config.get("attention_bias")}
    of_layer |= {f"{name}.bias" for name in FEED_FORWARD if config.get("mlp_bias")}
    names = {f"model.layers.{layer}.{name}" for layer in range(config["num_hidden_layers"]) for name in of_layer}
    head = set() if config.get("tie_word_embeddings") else {"lm_head.weight"}
    return names | head | {"model.embed_tokens.weight", "model.norm.weight"}


def shortened(names: set[str]) -> str:
    listed = ", ".join(sorted(names)[:3]) or "none"
    return listed + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def write_shard(source: Path, target: Path, names: set[str], kept: list[StoredTensor]) -> None:
    """Link the weight file, or write it anew with only the tensors that are kept."""
    wanted = [tensor for tensor in kept if tensor.path == source]
    if len(wanted) == len(names):
        link_or_copy(source, target)
    elif wanted:
        write_tensors(target, wanted)


def write_tensors(target: Path, tensors: list[StoredTensor]) -> None:
    """Write a safetensors file of the stored bytes, one tensor in memory at a time."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for tensor in tensors:
        begin, end = end, end + stored_bytes(tensor)
        header[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode("utf-8")
    with target.open("wb") as written:
        written.write(struct.pack("<Q", len(encoded)) + encoded)
        for tensor in tensors:
            with tensor.path.open("rb") as stored:
                stored.seek(tensor.offset)
                written.write(stored.read(stored_bytes(tensor)))


def index_of(tensors: list[StoredTensor]) -> dict[str, Any]:
    """Return the content of model.safetensors.index.json; total_size is in bytes."""
    return {
        "metadata": {"total_size": sum(map(stored_bytes, tensors))},
        "weight_map": {tensor.name: tensor.path.name for tensor in tensors},
    }


def stored_bytes(tensor: StoredTensor) -> int:
    return math.prod(tensor.shape) * ITEM_BYTES[tensor.dtype]


def config_for_transformers(config: dict[str, Any], tensors: list[StoredTensor]) -> dict[str, Any]:
    """Return config.json without MLX's keys, with the class that loads the model and the dtype of most of its weights."""
    bytes_of = dict.fromkeys(DTYPE_NAMES, 0)
    for tensor in tensors:
        bytes_of[tensor.dtype] += stored_bytes(tensor)
    dtype_key = "dtype" if "dtype" in config else "torch_dtype"
    plain = {key: value for key, value in config.items() if key not in MLX_KEYS}
    return {**plain, "architectures": [ARCHITECTURE], dtype_key: DTYPE_NAMES[max(bytes_of, key=bytes_of.__getitem__)]}


if __name__ == "__main__":
    from lib.job_log import start_job_log

    start_job_log(snakemake.log[0])
    write_hugging_face_folder(snakemake.input[0], snakemake.output[0])
