"""Write models for compare.py: python write_models.py FOLDER, in the project's environment.

Each family that trains, as mlx_lm saves it after fusing, then as hf/ and as GGUF, with MLX's logits beside it. The models that
write_hub_models.py made come twice: in their layout, and in 4 bits as mlx_lm packs them."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "workflow_scripts"), str(HERE.parent / "support")]

import mlx.core as mx  # noqa: E402
import numpy as np  # noqa: E402
from mlx_lm.utils import save_model  # noqa: E402

from hub_models import RECORDED, RECORDED_WORDS, imported_and_fused, packed_by_mlx_lm  # noqa: E402
from random_llama import packaged_model, write_small_tokenizer  # noqa: E402
from random_models import FAMILIES, VOCABULARY, write_random_model  # noqa: E402
from understudy.export.hf import write_hugging_face_folder  # noqa: E402
from understudy.gguf.families import FAMILIES as GGUF_FAMILIES  # noqa: E402
from understudy.gguf.reading import import_gguf  # noqa: E402
from understudy.gguf.writing import write_gguf_file  # noqa: E402
from understudy.models.folder import copy_companions  # noqa: E402
from understudy.models.mlx.load import load_base, load_weights  # noqa: E402
from understudy.shared.files import read_json, write_json  # noqa: E402

# Past the windows and the first stretch of positions that the models were trained on.
TOKENS = [(7 * position) % 500 + 3 for position in range(300)]
COMPARED = 40


def main(folder: Path) -> None:
    for family in FAMILIES:
        # llama.cpp's converter knows a tokenizer by what its whole vocabulary makes of a text.
        words = VOCABULARY if family in GGUF_FAMILIES else RECORDED_WORDS
        write_model(write_random_model(folder / family / "base", family, vocab_size=words), folder / family)
    for name in RECORDED:
        base = folder / "hub" / name / "base"
        write_small_tokenizer(base, RECORDED_WORDS)
        write_model_of_hub(base, folder / f"{name}-hub")
        packed = packed_by_mlx_lm(folder / f"{name}-hub/base", folder / "hub" / name / "packed")
        write_model_of_hub(packed, folder / f"{name}-4bit")
    base = folder / "demo" / "base"
    base.mkdir(parents=True)
    import_gguf(packaged_model(), base)
    write_model(base, folder / "demo")


def write_model(base: Path, folder: Path) -> None:
    save_model(folder / "fused", load_weights(base))
    copy_companions(base, folder / "fused")
    write_json(folder / "fused/config.json", read_json(base / "config.json"))
    write_exports(folder)


def write_model_of_hub(source: Path, folder: Path) -> None:
    imported_and_fused(source, folder)
    write_exports(folder)


def write_exports(folder: Path) -> None:
    """Write hf/, the GGUF file where it is written here, and MLX's logits of the last positions."""
    write_hugging_face_folder(str(folder / "fused/config.json"), str(folder / "hf/config.json"))
    if read_json(folder / "hf/config.json")["model_type"] in GGUF_FAMILIES:
        write_gguf_file(folder / "hf", "F16", folder / "hf/model-F16.gguf", "model", threads=2)
    model, _ = load_base(folder / "fused")
    model.eval()
    logits = model(mx.array([TOKENS]))[0, -COMPARED:].astype(mx.float32)
    np.save(folder / "logits.npy", np.array(logits))
    write_json(folder / "tokens.json", TOKENS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
