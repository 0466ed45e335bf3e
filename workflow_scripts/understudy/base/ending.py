"""What ends an answer, made the same for all readers of a base model.

A chat template ends each turn with a token of its own. Where that is no end token of the tokenizer or of generation_config.json,
a model learns to write it and nobody stops there: answers run to the limit, or show it."""

import json
from pathlib import Path

from mlx_lm.utils import load_config

from understudy.base.chat_template import change_chat_template
from understudy.models.mlx.load import load_its_tokenizer
from understudy.rows.row_tokens import ending_of
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log

# llama.cpp stops at these whatever a GGUF file says (load_vocab in its src/llama-vocab.cpp).
STOPS_OF_LLAMA_CPP = (
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>",
)  # fmt: skip


def settle_ending(folder: Path) -> None:
    """Make the token that ends the turns of the chat template an end token of the model in `folder`, and say so.

    generation_config.json is what MLX and transformers read, the tokenizer's `eos_token` what becomes that of a GGUF file."""
    tokenizer = load_its_tokenizer(folder)
    if not tokenizer.has_chat_template:
        return
    ending = ending_of(tokenizer)
    if ending.added:
        log.info("The chat template ends no turn with a token of its own: each row gets %s at its end", ending.added)
    if ending.token is None:
        return
    name, old = tokenizer.added_tokens_decoder[ending.token].content, tokenizer.eos_token
    ends = load_config(folder).get("eos_token_id")
    known = ends if isinstance(ends, list) else [end for end in [ends] if end is not None]
    is_known = ending.token in known
    if not is_known:
        _write_ends(folder, [ending.token, *known])
    if name == old or (is_known and name in STOPS_OF_LLAMA_CPP):
        return
    _make_it_the_tokenizer_s(folder, name, old)
    log.info(
        "The chat template ends a turn with %s, which was not the tokenizer's end token (%s): now it is, in all files", name, old
    )  # fmt: skip


def _write_ends(folder: Path, tokens: list[int]) -> None:
    path, config = folder / "generation_config.json", read_json(folder / "config.json")
    others = {key: config[key] for key in ("bos_token_id", "pad_token_id") if config.get(key) is not None}
    write_json(path, {**(read_json(path) if path.is_file() else others), "eos_token_id": tokens})


def _make_it_the_tokenizer_s(folder: Path, name: str, old: str | None) -> None:
    if old is not None:
        # A template that writes the old one goes on writing it.
        keep = f"{{% set eos_token = {json.dumps(old, ensure_ascii=False)} %}}"
        change_chat_template(folder, lambda template: keep + template if "eos_token" in template else template)
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / file).is_file():
            write_json(folder / file, {**read_json(folder / file), "eos_token": name})
