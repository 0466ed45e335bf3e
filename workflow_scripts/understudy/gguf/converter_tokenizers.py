"""Which tokenizers llama.cpp's own converter knows, before it is installed.

It tells a byte-level tokenizer by a hash of the tokens of one text (get_vocab_base_pre in its conversion/base.py). That text and
its names by hash are in converter_tokenizers.json; a test of `make check-converter` compares them with the pinned converter's."""

from hashlib import sha256
from pathlib import Path

from tokenizers import Tokenizer

from understudy.models.mlx.load import load_its_tokenizer
from understudy.shared.files import read_json

KNOWN = Path(__file__).with_suffix(".json")


def name_of_tokenizer(folder: Path) -> str | None:
    """llama.cpp's name for the tokenizer in `folder`, as its converter finds it; None if it knows no such tokenizer."""
    known = read_json(KNOWN)
    readings = [load_its_tokenizer(folder).encode(known["text"])]
    if (folder / "tokenizer.json").is_file():
        # transformers has rules of its own for some families, in one version and not in the next.
        readings.append(Tokenizer.from_file(str(folder / "tokenizer.json")).encode(known["text"]).ids)
    names = [known["names"].get(sha256(str(list(tokens)).encode()).hexdigest()) for tokens in readings]
    return next(filter(None, names), None)
