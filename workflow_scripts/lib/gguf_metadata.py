"""The metadata of a GGUF file for a model in Hugging Face layout.

Keys and values as llama.cpp's convert_hf_to_gguf.py writes them (conversion/ there); the comparison, key by key, is in
tests/oracles/. The classes of the gguf package that the converter uses are used here."""

from pathlib import Path
from typing import Any

import gguf
from gguf import GGUFWriter, LlamaFileType, Metadata

from lib.gguf_families import Family
from lib.hub_layout import Config


def add_metadata(
    writer: GGUFWriter,
    folder: Path,
    family: Family,
    config: Config,
    rope: dict[str, Any],
    file_type: LlamaFileType,
    name: str,
) -> None:
    """Add all of `folder`'s metadata to `writer`, whose tensors are already declared (their sizes go into the label).

    `config` is the folder's config.json, `rope` its rope_parameters, `name` the model's name. Raises UnsupportedTokenizer
    for a tokenizer that is not understood, InputFileError, naming the file, for one that isn't whole."""
    writer.add_type(gguf.GGUFType.MODEL)
    _general(writer, folder, name).set_gguf_meta_model(writer)
    family.add_parameters(writer, config, rope, file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    family.add_vocabulary(writer, folder, config)


def _general(writer: GGUFWriter, folder: Path, name: str) -> Metadata:
    total, shared, expert, expert_count = writer.get_total_parameter_count()
    metadata = Metadata.load(None, folder, None, total)
    # The converter takes the parts of the name from the folder's, which here is `hf` for every model.
    full_name, organization, basename, finetune, version, size_label = Metadata.get_model_id_components(name, total)
    metadata.name = Metadata.id_to_title(full_name)
    metadata.organization = metadata.organization or (organization and Metadata.id_to_title(organization))
    metadata.basename, metadata.finetune, metadata.version = basename, finetune, version
    metadata.size_label = size_label or gguf.size_label(total, shared, expert, expert_count)
    return metadata
