"""The tokenizer of a folder in Hugging Face layout, as the metadata of a GGUF file, a function a family.

Keys and values as llama.cpp's converter writes them (conversion/base.py, llama.py, gemma.py and phi.py there): with
tokenizer.model the pieces of SentencePiece, otherwise tokenizer.json's byte-level BPE. docs/export.md says which rules were
compared with what."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
from gguf import GGUFWriter, SpecialVocab, TokenType
from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer

from understudy.gguf.tokenizer import pre_tokenizer_name
from understudy.models.layout import Config
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

VOCABULARY_WITHOUT_BOS = 49152
SCORE_OF_NO_PIECE = -10000.0
SCORE_OF_AN_ADDED_TOKEN = -1000.0
SENTENCEPIECE_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
SAME_NAMES: Mapping[str, str] = {}
TOKENS_OF_PHI3 = {"<unk>", "<s>", "</s>", "<|endoftext|>"}
LOOKING_SPECIAL = ("<pad>", "<mask>", "<2mass>", "[@BOS@]")
SPECIAL_FORMS = (("<|", "|>"), ("<\N{FULLWIDTH VERTICAL LINE}", "\N{FULLWIDTH VERTICAL LINE}>"), ("<unused", ">"))

# It warns of templates for pairs of texts, which a GGUF file has no place for.
logging.getLogger("gguf.vocab").setLevel(logging.ERROR)


def name_for_llama_cpp(name: str, folder: Path) -> str:
    """`name`, with "phi-3" for the "phi3" in it, unless the tokenizer in `folder` is Phi 3's.

    By "phi3" in general.name llama.cpp (src/llama-vocab.cpp) drops the white space behind special tokens, as Phi 3's tokenizer
    does, and can't load a file without TOKENS_OF_PHI3. Both writers make "Phi 3" of "phi-3", which it passes over."""
    path = folder / "tokenizer.json"
    added = read_json(path).get("added_tokens", []) if path.is_file() else []
    strips = {token["content"]: token.get("rstrip") for token in added}
    is_phi3 = strips.keys() >= TOKENS_OF_PHI3 and strips["</s>"]
    return name if is_phi3 else re.sub("(?i)(?<=phi)(?=3)", "-", name)


def add_llama_vocabulary(
    writer: GGUFWriter, folder: Path, config: Config, family_names: Mapping[str, str] = SAME_NAMES
) -> None:
    """Llama, Mistral, SmolLM 3 and Granite; `family_names` are a family's own words for pre-tokenizers.

    This and the functions below raise UnsupportedTokenizer, naming it, if its rules are not known to be llama.cpp's, and
    InputFileError if a file is missing or has more tokens than the model."""
    prefix_space = _settings(folder).get("add_prefix_space")
    if prefix_space is not None:
        writer.add_add_space_prefix(prefix_space)
    add_plain_vocabulary(writer, folder, config, family_names)
    # So the converter marks the models that share this vocabulary, Granite's small ones and SmolLM2.
    if config["vocab_size"] == VOCABULARY_WITHOUT_BOS:
        writer.kv_data[0].pop(gguf.Keys.Tokenizer.ADD_BOS, None)
        writer.add_add_bos_token(False)


def add_plain_vocabulary(
    writer: GGUFWriter, folder: Path, config: Config, family_names: Mapping[str, str] = SAME_NAMES
) -> None:
    """Qwen, and the part that all families have."""
    if (folder / "tokenizer.model").is_file():
        pieces = Pieces(folder, config["vocab_size"])
        pieces.take_added_tokens()
        pieces.add_to(writer)
    else:
        _add_byte_level(writer, folder, config["vocab_size"], family_names)


def add_gemma_vocabulary(writer: GGUFWriter, folder: Path, config: Config) -> None:
    """Gemma 3, whose texts get no space in front."""
    add_plain_vocabulary(writer, folder, config)
    if (folder / "tokenizer.model").is_file():
        writer.add_add_space_prefix(False)


def add_phi3_vocabulary(writer: GGUFWriter, folder: Path, config: Config) -> None:
    """Phi 3, with SentencePiece's pieces, and Phi 4, with byte-level BPE."""
    if _settings(folder).get("tokenizer_class") == "GPT2Tokenizer" or not (folder / "tokenizer.model").is_file():
        _add_byte_level(writer, folder, config["vocab_size"], SAME_NAMES)
    else:
        pieces = Pieces(folder, config["vocab_size"])
        pieces.take_added_tokens_of_phi3()
        pieces.add_to(writer)


class Pieces:
    """The pieces of tokenizer.model and the tokens added to them, by id: texts, scores and kinds."""

    def __init__(self, folder: Path, vocab_size: int):
        """Raises InputFileError if tokenizer.model is not SentencePiece's, or has more pieces than `vocab_size`."""
        self.folder = folder
        path = folder / "tokenizer.model"
        processor = SentencePieceProcessor()
        try:
            processor.LoadFromFile(str(path))
        except (OSError, RuntimeError) as error:
            raise InputFileError(f"{path} is not a whole SentencePiece model ({error}).") from None
        if processor.vocab_size() > vocab_size:
            raise InputFileError(
                f"{path} has {processor.vocab_size()} tokens, but config.json beside it says {vocab_size}."
            )
        self.texts = [f"[PAD{number}]" for number in range(vocab_size)]
        self.scores = [SCORE_OF_NO_PIECE] * vocab_size
        self.kinds = [TokenType.UNUSED] * vocab_size
        for number in range(processor.vocab_size()):
            self._put(number, processor.IdToPiece(number), _piece_kind(processor, number), processor.GetScore(number))

    def take_added_tokens(self) -> None:
        """Put the tokens of added_tokens.json and tokenizer_config.json in their places."""
        self._take_added_tokens_file()
        for number, token in _settings(self.folder).get("added_tokens_decoder", {}).items():
            text = token["content"]
            if token.get("special") or _looks_special(text):
                self._put(int(number), text, TokenType.CONTROL)
            else:
                self._put(int(number), text.replace(SENTENCEPIECE_SPACE, " "), TokenType.USER_DEFINED)

    def take_added_tokens_of_phi3(self) -> None:
        """Put the tokens of added_tokens.json, tokenizer_config.json and tokenizer.json in their places."""
        self._take_added_tokens_file()
        added = list(_settings(self.folder).get("added_tokens_decoder", {}).items())
        if (self.folder / "tokenizer.json").is_file():
            added += [
                (token["id"], token) for token in read_json(self.folder / "tokenizer.json").get("added_tokens", [])
            ]
        for number, token in added:
            kind = TokenType.CONTROL if token.get("special") else TokenType.USER_DEFINED
            self._put(int(number), token["content"], kind)

    def add_to(self, writer: GGUFWriter) -> None:
        """Add the tokens and the special ones among them."""
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(self.texts)
        writer.add_token_scores(self.scores)
        writer.add_token_types(self.kinds)
        SpecialVocab(self.folder, n_vocab=len(self.texts)).add_to_gguf(writer, quiet=True)

    def _take_added_tokens_file(self) -> None:
        path = self.folder / "added_tokens.json"
        for text, number in (read_json(path) if path.is_file() else {}).items():
            self._put(number, text, TokenType.USER_DEFINED)

    def _put(self, number: int, text: str, kind: TokenType, score: float = SCORE_OF_AN_ADDED_TOKEN) -> None:
        if number < len(self.texts):
            self.texts[number], self.kinds[number], self.scores[number] = text, kind, score


def _piece_kind(processor: SentencePieceProcessor, number: int) -> TokenType:
    if processor.IsUnknown(number):
        return TokenType.UNKNOWN
    if processor.IsControl(number):
        return TokenType.CONTROL
    if processor.IsUnused(number):
        return TokenType.UNUSED
    return TokenType.BYTE if processor.IsByte(number) else TokenType.NORMAL


def _add_byte_level(writer: GGUFWriter, folder: Path, vocab_size: int, family_names: Mapping[str, str]) -> None:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputFileError(f"{path} does not exist. A GGUF file needs it: run the stage that writes {folder} again.")
    name = pre_tokenizer_name(path)
    tokens, kinds = _tokens(path, vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(family_names.get(name, name))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    SpecialVocab(folder, load_merges=True).add_to_gguf(writer, quiet=True)


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    return read_json(path) if path.is_file() else {}


def _tokens(path: Path, vocab_size: int) -> tuple[list[str], list[TokenType]]:
    tokenizer = Tokenizer.from_file(str(path))
    by_id = {number: token for token, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    if max(by_id) >= vocab_size:
        raise InputFileError(f"{path} has {max(by_id) + 1} tokens, but config.json beside it says {vocab_size}.")
    added = tokenizer.get_added_tokens_decoder()
    both = [_token(number, by_id, added, tokenizer) for number in range(vocab_size)]
    return [text for text, _ in both], [kind for _, kind in both]


def _token(number: int, by_id: dict[int, str], added: dict, tokenizer: Tokenizer) -> tuple[str, TokenType]:
    if number not in by_id:
        return f"[PAD{number}]", TokenType.UNUSED
    text = by_id[number]
    if number not in added:
        return text, TokenType.NORMAL
    if not added[number].normalized:
        text = tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
    if added[number].special or _looks_special(text):
        return text, TokenType.CONTROL
    return text.replace(SENTENCEPIECE_SPACE, " "), TokenType.USER_DEFINED


def _looks_special(token: str) -> bool:
    """TextModel.does_token_look_special of the converter."""
    return token in LOOKING_SPECIAL or any(
        token.startswith(begin) and token.endswith(end) for begin, end in SPECIAL_FORMS
    )
