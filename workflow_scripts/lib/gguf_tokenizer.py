"""The tokenizer inside a GGUF file, written as the files that Hugging Face's libraries load.

`transformers` can do this only with torch installed; `tokenizers` alone is enough."""

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

from lib.errors import InputFileError
from lib.files import write_json

# gguf.TokenType, https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py
CONTROL, USER_DEFINED = 3, 4
SPECIAL_TOKENS = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
LLAMA3_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def smollm_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Single digits, then GPT-2's words: LLAMA_VOCAB_PRE_TYPE_SMOLLM in llama.cpp's src/llama-vocab.cpp."""
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


def llama3_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Llama 3's words, numbers in groups of three: LLAMA_VOCAB_PRE_TYPE_LLAMA3 in llama.cpp's src/llama-vocab.cpp."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


PRE_TOKENIZERS = {"smollm": smollm_pre_tokenizer, "llama-bpe": llama3_pre_tokenizer}


def write_tokenizer(metadata: dict[str, Any], folder: Path, source: str) -> None:
    """Write tokenizer.json, tokenizer_config.json and special_tokens_map.json for a GGUF file's `metadata`.

    Raises InputFileError, naming `source`, if llama.cpp's pre-tokenizer isn't one of PRE_TOKENIZERS."""
    tokenizer = _build_tokenizer(metadata, source)
    special_tokens = _special_tokens(metadata)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "special_tokens_map.json", special_tokens)
    write_json(folder / "tokenizer_config.json", _tokenizer_config(metadata, special_tokens))


def special_token_id(metadata: dict[str, Any], name: str) -> int | None:
    """The id of a special token by llama.cpp's name for it: bos, eos, eot, eom, unknown or padding."""
    return metadata.get(f"tokenizer.ggml.{name}_token_id")


def _build_tokenizer(metadata: dict[str, Any], source: str) -> Tokenizer:
    family = metadata.get("tokenizer.ggml.model")
    pre_tokenizer = metadata.get("tokenizer.ggml.pre")
    if family != "gpt2" or pre_tokenizer not in PRE_TOKENIZERS:
        raise InputFileError(
            f"{source}: its tokenizer is {family!r} with the pre-tokenizer {pre_tokenizer!r}; understood are 'gpt2' "
            f"with {' or '.join(PRE_TOKENIZERS)}. Name the model's Hugging Face id as base_model instead."
        )
    is_llama3 = pre_tokenizer == "llama-bpe"
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=is_llama3))
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]()
    tokenizer.decoder = decoders.ByteLevel()
    if metadata.get("tokenizer.ggml.add_bos_token", is_llama3):
        tokenizer.post_processor = _bos_first(tokens[special_token_id(metadata, "bos")], vocabulary)
    tokenizer.add_tokens(_added_tokens(metadata))
    return tokenizer


def _bos_first(bos_token: str, vocabulary: dict[str, int]) -> processors.PostProcessor:
    return processors.TemplateProcessing(
        single=f"{bos_token} $A",
        pair=f"{bos_token} $A {bos_token} $B",
        special_tokens=[(bos_token, vocabulary[bos_token])],
    )


def _added_tokens(metadata: dict[str, Any]) -> list[AddedToken]:
    kinds = zip(metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"], strict=True)
    return [
        AddedToken(token, special=kind == CONTROL, normalized=False)
        for token, kind in kinds
        if kind in (CONTROL, USER_DEFINED)
    ]


def _special_tokens(metadata: dict[str, Any]) -> dict[str, str]:
    tokens = metadata["tokenizer.ggml.tokens"]
    ids = {key: special_token_id(metadata, name) for key, name in SPECIAL_TOKENS.items()}
    return {key: tokens[number] for key, number in ids.items() if number is not None}


def _tokenizer_config(metadata: dict[str, Any], special_tokens: dict[str, str]) -> dict[str, Any]:
    config = {
        **special_tokens,
        "clean_up_tokenization_spaces": False,
        "model_max_length": metadata["llama.context_length"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if "tokenizer.chat_template" in metadata:
        config["chat_template"] = metadata["tokenizer.chat_template"]
    return config
