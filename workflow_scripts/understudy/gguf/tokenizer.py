"""Byte-level tokenizers between llama.cpp's names for their rules and the files that Hugging Face's libraries load.

`transformers` reads the tokenizer of a GGUF file only with torch installed; `tokenizers` alone is enough."""

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

from understudy.shared.errors import InputFileError, UnsupportedTokenizer
from understudy.shared.files import read_json, write_json

# gguf.TokenType, https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py
CONTROL, USER_DEFINED = 3, 4
SPECIAL_TOKENS = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
LLAMA3_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
# The expression of Qwen2Tokenizer in transformers.
QWEN2_REGEX = LLAMA3_REGEX.replace(r"\p{N}{1,3}", r"\p{N}")
# tekken.json in the package mistral-common.
TEKKEN_REGEX = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# o200k_base in the package tiktoken.
GPT4O_REGEX = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DIGITS, GPT2_WORDS = "single digits", "GPT-2's words"
# llama.cpp's names (src/llama-vocab.cpp) for a series of steps.
KNOWN_STEPS = {
    (DIGITS, GPT2_WORDS): "smollm",
    (GPT2_WORDS,): "gpt-2",
    (LLAMA3_REGEX,): "dbrx",
    (QWEN2_REGEX,): "qwen2",
    (TEKKEN_REGEX,): "tekken",
    (GPT4O_REGEX,): "gpt-4o",
}
SAME_SPLITS = (("Isolated", False), ("Removed", True))


def pre_tokenizer_name(path: Path) -> str:
    """llama.cpp's name for the way that the tokenizer.json at `path` splits text into words.

    The converter hashes the tokens of a sample text, which knows only unchanged vocabularies; this looks at the rules.
    Raises UnsupportedTokenizer, naming them, if they are none of KNOWN_STEPS."""
    tokenizer = read_json(path)
    model, normalizer = tokenizer["model"], (tokenizer.get("normalizer") or {}).get("type")
    rules = tokenizer.get("pre_tokenizer") or {}
    steps = [step for step in map(_step, rules.get("pretokenizers", [rules])) if step]
    name = KNOWN_STEPS.get(tuple(steps))
    # llama.cpp does not normalize; Qwen's NFC changes only text that isn't composed.
    is_known = model.get("type") == "BPE" and not model.get("byte_fallback") and normalizer in (None, "NFC")
    if name is None or not is_known:
        raise UnsupportedTokenizer(
            f"{path}: its tokenizer is {model.get('type')} with the normalizer {normalizer} and the pre-tokenizer "
            f"{' + '.join(steps) or None}, which is none of those that are known to be llama.cpp's "
            f"({', '.join(KNOWN_STEPS.values())}). A tokenizer.model of SentencePiece beside it would be used instead."
        )
    if name == "dbrx" and model.get("ignore_merges"):
        return "llama-bpe" if _begins_with_a_special_token(tokenizer) else "smaug-bpe"
    return name


def _begins_with_a_special_token(tokenizer: dict[str, Any]) -> bool:
    """Whether every text gets one, as Llama 3's texts do; those of others with its vocabulary, such as SmolLM3, don't."""
    rules = tokenizer.get("post_processor") or {}
    steps = rules.get("processors", [rules])
    return any("SpecialToken" in step["single"][0] for step in steps if step.get("single"))


def _step(rule: dict[str, Any]) -> str:
    """What one step of a pre-tokenizer does to the text; empty for the byte-level alphabet, which all have."""
    kind, expression = rule.get("type"), (rule.get("pattern") or {}).get("Regex")
    if kind == "Digits" and rule.get("individual_digits"):
        return DIGITS
    if kind == "ByteLevel" and not rule.get("add_prefix_space"):
        return GPT2_WORDS if rule.get("use_regex", True) else ""
    if kind == "Split" and expression and (rule.get("behavior"), rule.get("invert")) in SAME_SPLITS:
        return expression
    return f"unknown {kind}"


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
