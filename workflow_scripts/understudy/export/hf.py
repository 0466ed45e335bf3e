"""Write models/{name}/hf/: the fused model under the names, shapes, types and settings that transformers expects."""

from pathlib import Path
from typing import Any

from understudy.export.hf_folder import HubTensor, hub_tensors, write_tensors
from understudy.models.folder import MLX_KEYS, copy_companions, folder_written_aside, link_or_copy
from understudy.models.layout import Config, Shapes, architecture_of, expected_tensors, is_needless
from understudy.models.safetensors import StoredTensor, stored_tensors
from understudy.shared.errors import InputFileError, UnsupportedArchitecture
from understudy.shared.files import file_sha256, no_room_is_told, read_json, write_json

DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
ORIGIN = "understudy.json"


def write_hugging_face_folder(
    fused_config: str, output: str, base_config: str | None = None, origin: dict[str, Any] | None = None
) -> None:
    """Write the folder of `output` (its config.json, last) from the folder of `fused_config`.

    Weight files are hard links unless a tensor in them has another name or shape in transformers, or no place. A model of
    an architecture that understudy.models.layout doesn't have is taken if its tensors are called as those of the base, whose
    config.json is `base_config`. `origin` is written as understudy.json. Raises UnsupportedArchitecture, naming it, if
    they are not, and InputFileError if a tensor is missing, of another shape, or not known."""
    source = Path(fused_config).parent
    stored = {name: tensor for name, tensor in stored_tensors(source).items() if not is_needless(name)}
    config = config_with_ties(read_json(fused_config), stored)
    expected = expected_or_of_the_base(config, stored, source, base_config)
    if "lm_head.weight" not in expected:
        stored.pop("lm_head.weight", None)
    tensors = hub_tensors(stored, expected, source)
    with no_room_is_told(output), folder_written_aside(Path(output).parent) as aside:
        write_weights(source, tensors, aside)
        copy_companions(source, aside)
        if origin is not None:
            write_json(aside / ORIGIN, origin)
        write_json(aside / "config.json", config_for_transformers(config, tensors))


def config_with_ties(config: Config, stored: dict[str, StoredTensor]) -> Config:
    """Return config.json with what it leaves to the program: mlx_lm ties the embedding where transformers does not."""
    return {"tie_word_embeddings": "lm_head.weight" not in stored, **config}


def expected_or_of_the_base(
    config: Config, stored: dict[str, StoredTensor], source: Path, base_config: str | None
) -> Shapes:
    """Return the names and shapes of models.layout, or for another architecture those of the base, if they are the same."""
    try:
        return expected_tensors(config)
    except UnsupportedArchitecture:
        shapes = {name: tensor.shape for name, tensor in stored.items()}
        if base_config is not None and has_the_same_tensors(Path(base_config).parent, shapes):
            return shapes
        raise UnsupportedArchitecture(
            f"{source}/config.json: the architecture {architecture_of(config)} has other tensors on the hub than mlx_lm saves, "
            "and this workflow does not know which. adapters/ and fused/ are usable as they are: in mlx_lm and LM Studio."
        ) from None


def has_the_same_tensors(base: Path, shapes: Shapes) -> bool:
    """Tell whether the base, as it came from the hub, has the tensors of the fused model under the same names and shapes."""
    if any(key in read_json(base / "config.json") for key in MLX_KEYS):
        return False
    return {name: tensor.shape for name, tensor in stored_tensors(base).items() if not is_needless(name)} == shapes


def write_weights(source: Path, tensors: list[HubTensor], folder: Path) -> None:
    """Write a file for each of the source's that has a tensor to keep, and the index if there are several."""
    stored = stored_tensors(source).values()
    paths = sorted({tensor.path for tensor in tensors})
    for path in paths:
        held = [tensor for tensor in tensors if tensor.path == path]
        names = {tensor.name for tensor in stored if tensor.path == path}
        if names == {tensor.name for tensor in held} and all(tensor.is_as_stored for tensor in held):
            link_or_copy(path, folder / path.name)
        else:
            write_tensors(folder / path.name, held)
    if len(paths) > 1:
        write_json(folder / "model.safetensors.index.json", index_of(tensors))


def index_of(tensors: list[HubTensor]) -> dict[str, Any]:
    """Return the content of model.safetensors.index.json; total_size is in bytes."""
    return {
        "metadata": {"total_size": sum(tensor.size for tensor in tensors)},
        "weight_map": {tensor.name: tensor.path.name for tensor in tensors},
    }


def config_for_transformers(config: Config, tensors: list[HubTensor]) -> Config:
    """Return config.json without MLX's keys, with the class that loads the model and the dtype of most of its weights."""
    bytes_of = dict.fromkeys(DTYPE_NAMES, 0)
    for tensor in tensors:
        if tensor.dtype not in bytes_of:
            raise InputFileError(f"{tensor.path}: {tensor.name} is of type {tensor.dtype}; F32, F16 or BF16 is needed.")
        bytes_of[tensor.dtype] += tensor.size
    dtype_key = "dtype" if "dtype" in config else "torch_dtype"
    plain = {key: value for key, value in config.items() if key not in MLX_KEYS}
    largest = DTYPE_NAMES[max(bytes_of, key=bytes_of.__getitem__)]
    return {**plain, "architectures": [architecture_of(config)], dtype_key: largest}


def origin_of(base_config: str, adapters: str, rows: str, version: str) -> dict[str, Any]:
    """Return what understudy.json says: the base, the sha256 of adapters and training rows, the workflow's version.

    A base that came from this machine is named by its last part only: its path is nothing to publish."""
    record = Path(base_config).with_name("understudy_source.json")
    base = read_json(record) if record.is_file() else {}
    source = base.get("source", "")
    if base.get("kind") != "hub":
        source = Path(source).name
    return {
        "base_model": {"source": source, "revision": base.get("revision")},
        "adapters_sha256": file_sha256(adapters),
        "dataset_sha256": file_sha256(rows),
        "workflow_version": version,
    }
