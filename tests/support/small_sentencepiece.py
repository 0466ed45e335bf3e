"""A small tokenizer of SentencePiece's kind, made by hand so that its bytes are the same everywhere: tokenizer.model, and the
same pieces as tokenizer.json."""

import json
import struct
from pathlib import Path

from random_llama import chat_template

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
LETTERS = "etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ0123456789.,;:!?'\"-()\u00e9\u00fc\u4e2d"
WORDS = (
    "the of and to in is it you that he was for on are with as at be this have from or one had by word but not what all"
)
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
BPE = 2
ADDED = {"<|user|>": True, "<|assistant|>": True, "<end_of_turn>": False}


def write_small_sentencepiece(folder: Path, vocab_size: int, space_in_front: bool) -> None:
    """Write tokenizer.model, tokenizer.json and tokenizer_config.json of fewer than `vocab_size` tokens into `folder`.

    `space_in_front`: texts get a space before their first word, as Llama's and not as Gemma's do."""
    pieces = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    pieces += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    room = vocab_size - len(pieces) - len(ADDED) - 3 - len(LETTERS) - 1
    merged = [piece for word in WORDS.split() for piece in _beginnings(SPACE + word)]
    pieces += [(text, -float(rank), NORMAL) for rank, text in enumerate(list(dict.fromkeys(merged))[:room])]
    pieces += [(text, -1000.0 - rank, NORMAL) for rank, text in enumerate(SPACE + LETTERS)]
    (folder / "tokenizer.model").write_bytes(_model(pieces, space_in_front))
    added = {text: len(pieces) + number for number, text in enumerate(ADDED)}
    (folder / "tokenizer.json").write_text(json.dumps(_fast(pieces, added, space_in_front), ensure_ascii=False))
    special = {number: (text, True) for number, text in enumerate(("<unk>", "<s>", "</s>"))}
    decoder = {
        str(n): _added(t, s) for n, (t, s) in {**special, **{added[t]: (t, s) for t, s in ADDED.items()}}.items()
    }
    settings = {
        "added_tokens_decoder": decoder,
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": "<s>",
        "chat_template": chat_template(),
        "clean_up_tokenization_spaces": False,
        "eos_token": "</s>",
        "model_max_length": 2048,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False, indent=2))


def _beginnings(word: str) -> list[str]:
    return [word[:length] for length in range(2, len(word) + 1)]


def _added(text: str, special: bool) -> dict:
    return {
        "content": text,
        "special": special,
        "normalized": False,
        "lstrip": False,
        "rstrip": False,
        "single_word": False,
    }


def _fast(pieces: list[tuple[str, float, int]], added: dict[str, int], space_in_front: bool) -> dict:
    vocabulary = {text: number for number, (text, _, _) in enumerate(pieces)}
    words = sorted((piece for piece in pieces if piece[2] == NORMAL and len(piece[0]) > 1), key=lambda piece: -piece[1])
    merges = [
        [text[:cut], text[cut:]]
        for text, _, _ in words
        for cut in range(1, len(text))
        if text[:cut] in vocabulary and text[cut:] in vocabulary
    ]
    steps = [{"type": "Prepend", "prepend": SPACE}] if space_in_front else []
    steps.append({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if space_in_front else []
    special = [{"id": number, **_added(text, True)} for number, text in enumerate(("<unk>", "<s>", "</s>"))]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special + [{"id": number, **_added(text, ADDED[text])} for text, number in added.items()],
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<s>", "type_id": 1}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                *strip,
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }


def _model(pieces: list[tuple[str, float, int]], space_in_front: bool) -> bytes:
    """A ModelProto of https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto."""
    listed = b"".join(
        _field(1, _field(1, text.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", score) + _number(3, kind))
        for text, score, kind in pieces
    )
    trainer = _number(3, BPE) + _number(4, len(pieces)) + _number(35, 1)
    normalizer = _field(1, b"identity") + _number(3, int(space_in_front)) + _number(4, 0) + _number(5, 1)
    return listed + _field(2, trainer) + _field(3, normalizer)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])
