"""The metadata of a GGUF file for a Llama in Hugging Face layout.

Keys and values as llama.cpp's convert_hf_to_gguf.py writes them (conversion/base.py and conversion/llama.py there); the
comparison, key by key, is in tests/oracles/. The classes of the gguf package that the converter uses are used here."""

import json
import logging
from pathlib import Path
from typing import Any

import gguf
from gguf import GGUFWriter, LlamaFileType, Metadata, SpecialVocab, TokenType
from tokenizers import Tokenizer

from lib.errors import InputFileError
from lib.files import read_json
from lib.gguf_tokenizer import LLAMA3_REGEX

ROPE_TYPES = ("default", "llama3")
VOCABULARY_WITHOUT_BOS = 49152

# It warns of templates for pairs of texts, which a GGUF file has no place for.
logging.getLogger("gguf.vocab").setLevel(logging.ERROR)


def add_metadata(writer: GGUFWriter, folder: Path, config: dict[str, Any], file_type: LlamaFileType, name: str) -> None:
    """Add all of `folder`'s metadata to `writer`, whose tensors are already declared (their sizes go into the label).

    `config` is the folder's config.json, `name` the model's name. Raises InputFileError, naming the file, for a
    tokenizer or a rope scaling that is not understood."""
    writer.add_type(gguf.GGUFType.MODEL)
    _general(writer, folder, name).set_gguf_meta_model(writer)
    _add_sizes(writer, folder, config)
    writer.add_file_type(file_type)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(head_dimension(config))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_tokenizer(writer, folder, config)


def head_dimension(config: dict[str, Any]) -> int:
    """The length of one attention head's vectors."""
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def key_value_heads(config: dict[str, Any]) -> int:
    """The number of heads that keys and values have; as many as the queries have unless config.json says otherwise."""
    return config.get("num_key_value_heads") or config["num_attention_heads"]


def rope_parameters(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """config.json's rope settings with `rope_type` and `rope_theta` in them, whether transformers 4 or 5 wrote it.

    Raises InputFileError for a type that is neither `default` nor `llama3`."""
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    rope.setdefault("rope_type", rope.get("type", "default"))
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    if rope["rope_type"] not in ROPE_TYPES:
        raise InputFileError(
            f"{folder}/config.json: the rope scaling {rope['rope_type']!r} is not understood; {' and '.join(ROPE_TYPES)} are."
        )
    return rope


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


def _add_sizes(writer: GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config.get("max_position_embeddings", 2048))
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(key_value_heads(config))
    writer.add_rope_freq_base(rope_parameters(folder, config)["rope_theta"])
    writer.add_layer_norm_rms_eps(config.get("rms_norm_eps", 1e-6))
    writer.add_key_length(head_dimension(config))
    writer.add_value_length(head_dimension(config))


def _add_tokenizer(writer: GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputFileError(f"{path} does not exist. A GGUF file needs it: run the stage that writes {folder} again.")
    prefix_space = _tokenizer_config(folder).get("add_prefix_space")
    if prefix_space is not None:
        writer.add_add_space_prefix(prefix_space)
    tokens, kinds = _tokens(path, config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_pre_tokenizer_name(path))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    SpecialVocab(folder, load_merges=True).add_to_gguf(writer, quiet=True)
    # So the converter marks the models that share this vocabulary, Granite's small ones and SmolLM2.
    if config["vocab_size"] == VOCABULARY_WITHOUT_BOS:
        writer.kv_data[0].pop(gguf.Keys.Tokenizer.ADD_BOS, None)
        writer.add_add_bos_token(False)


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    return read_json(path) if path.is_file() else {}


def _tokens(path: Path, vocab_size: int) -> tuple[list[str], list[TokenType]]:
    tokenizer = Tokenizer.from_file(str(path))
    by_id = {number: token for token, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    if max(by_id) >= vocab_size:
        raise InputFileError(f"{path} has {max(by_id) + 1} tokens, but config.json beside it says {vocab_size}.")
    added = tokenizer.get_added_tokens_decoder()
    return (
        [_token_text(number, by_id, added, tokenizer) for number in range(vocab_size)],
        [_token_type(number, by_id, added) for number in range(vocab_size)],
    )


def _token_text(number: int, by_id: dict[int, str], added: dict, tokenizer: Tokenizer) -> str:
    if number not in by_id:
        return f"[PAD{number}]"
    if number in added and not added[number].normalized:
        ids = tokenizer.encode(by_id[number], add_special_tokens=False).ids
        return tokenizer.decode(ids, skip_special_tokens=False)
    return by_id[number]


def _token_type(number: int, by_id: dict[int, str], added: dict) -> TokenType:
    if number not in by_id:
        return TokenType.UNUSED
    if number not in added:
        return TokenType.NORMAL
    return TokenType.CONTROL if added[number].special or _looks_special(by_id[number]) else TokenType.USER_DEFINED


def _looks_special(token: str) -> bool:
    """TextModel.does_token_look_special of the converter, as far as it concerns Llamas."""
    return token == "<pad>" or (token.startswith("<|") and token.endswith("|>"))


def _pre_tokenizer_name(path: Path) -> str:
    """llama.cpp's name for the way tokenizer.json splits text into words.

    The converter hashes the tokens of a sample text, which knows only unchanged vocabularies; this looks at the rules."""
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    rules = tokenizer.get("pre_tokenizer") or {}
    steps = rules.get("pretokenizers", [rules])
    kinds = [step.get("type") for step in steps]
    if tokenizer["model"].get("type") == "BPE" and not tokenizer.get("normalizer"):
        if kinds == ["Digits", "ByteLevel"] and steps[0]["individual_digits"] and steps[1]["use_regex"]:
            return "smollm"
        if kinds == ["Split", "ByteLevel"] and steps[0]["pattern"] == {"Regex": LLAMA3_REGEX}:
            return "llama-bpe"
    raise InputFileError(
        f"{path}: its pre-tokenizer ({', '.join(map(str, kinds))}) is neither SmolLM2's nor Llama 3's."
    )
