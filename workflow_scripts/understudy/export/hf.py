"""Write models/{name}/hf/: the fused model under the names, shapes, types and settings that transformers expects."""

from pathlib import Path
from typing import Any

from understudy.export.hf_folder import HubTensor, hub_tensors, tensors_before, write_tensors
from understudy.models.folder import MLX_KEYS, copy_companions, folder_written_aside, link_or_copy
from understudy.models.hub_layout import config_for_hub, is_loaded_as_stored, sanitized_by_mlx_lm
from understudy.models.layout import Config, Shapes, architecture_of, expected_tensors, is_needless
from understudy.models.mlx.load import load_weights
from understudy.models.safetensors import StoredTensor, stored_tensors
from understudy.shared.errors import InputFileError, UnsupportedArchitecture
from understudy.shared.files import file_sha256, no_room_is_told, read_json, write_json

DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
ORIGIN = "understudy.json"


def write_hugging_face_folder(
    fused_config: str, output: str, base_config: str | None = None, origin: dict[str, Any] | None = None
) -> None:
    """Write the folder of `output` (its config.json, last) from the folder of `fused_config`.

    Weight files are hard links unless a tensor in them has another name, shape or values in transformers, or no place. A model
    of an architecture that neither understudy.models.layout nor hub_layout has is taken if mlx_lm loads the base, whose
    config.json is `base_config`, as it is stored. `origin` is written as understudy.json. Raises UnsupportedArchitecture,
    naming it, if it doesn't, and InputFileError if a tensor is missing, of another shape, or not known."""
    source = Path(fused_config).parent
    stored = {name: tensor for name, tensor in stored_tensors(source).items() if not is_needless(name)}
    config, tensors = as_on_the_hub(read_json(fused_config), stored, source, base_config)
    with no_room_is_told(output), folder_written_aside(Path(output).parent) as aside:
        write_weights(source, tensors, aside)
        copy_companions(source, aside)
        if origin is not None:
            write_json(aside / ORIGIN, origin)
        write_json(aside / "config.json", config_for_transformers(config, tensors))


def as_on_the_hub(
    config: Config, stored: dict[str, StoredTensor], source: Path, base_config: str | None
) -> tuple[Config, list[HubTensor]]:
    """Return config.json and the tensors as transformers takes them, of the fused model in `source`."""
    if sanitized := sanitized_by_mlx_lm(config):
        load_weights(source, lazy=True)  # Raises for a tensor that is missing, of another shape, or not known.
        is_tied = not any(name.endswith("lm_head.weight") for name in stored)
        return config_for_hub(config, is_tied), tensors_before(stored, sanitized)
    config = config_with_ties(config, stored)
    expected = expected_or_of_the_base(config, stored, source, base_config)
    if "lm_head.weight" not in expected:
        stored.pop("lm_head.weight", None)
    return config, hub_tensors(stored, expected, source)


def config_with_ties(config: Config, stored: dict[str, StoredTensor]) -> Config:
    """Return config.json with what it leaves to the program: mlx_lm ties the embedding where transformers does not."""
    return {"tie_word_embeddings": "lm_head.weight" not in stored, **config}


def expected_or_of_the_base(
    config: Config, stored: dict[str, StoredTensor], source: Path, base_config: str | None
) -> Shapes:
    """Return the names and shapes of models.layout, or for another architecture those stored, if mlx_lm took the base's."""
    try:
        return expected_tensors(config)
    except UnsupportedArchitecture:
        if base_config is not None and is_loaded_as_stored(Path(base_config).parent):
            return {name: tensor.shape for name, tensor in stored.items()}
        raise UnsupportedArchitecture(
            f"{source}/config.json: the architecture {architecture_of(config)} has other tensors on the hub than mlx_lm saves, "
            "and this workflow does not know which. adapters/ and fused/ are usable as they are: in mlx_lm and LM Studio."
        ) from None


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
