"""Write models for compare.py: python write_models.py FOLDER, in the project's environment.

Each family that trains, as mlx_lm saves it after fusing, then as hf/ and as GGUF, with MLX's logits beside it."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "workflow_scripts"), str(HERE.parent)]

import mlx.core as mx  # noqa: E402
from mlx_lm.utils import save_model  # noqa: E402

from random_llama import packaged_model  # noqa: E402
from random_models import FAMILIES, write_random_model  # noqa: E402
from understudy.export.hf import write_hugging_face_folder  # noqa: E402
from understudy.gguf.families import FAMILIES as GGUF_FAMILIES  # noqa: E402
from understudy.gguf.reading import import_gguf  # noqa: E402
from understudy.gguf.writing import write_gguf_file  # noqa: E402
from understudy.models.folder import copy_companions  # noqa: E402
from understudy.models.mlx.load import load_base, load_weights  # noqa: E402
from understudy.shared.files import read_json, write_json  # noqa: E402

TOKENS = [(7 * position) % 500 + 3 for position in range(40)]


def main(folder: Path) -> None:
    for family in FAMILIES:
        write_model(write_random_model(folder / family / "base", family), folder / family)
    base = folder / "demo" / "base"
    base.mkdir(parents=True)
    import_gguf(packaged_model(), base)
    write_model(base, folder / "demo")


def write_model(base: Path, folder: Path) -> None:
    save_model(folder / "fused", load_weights(base))
    copy_companions(base, folder / "fused")
    config = read_json(base / "config.json")
    write_json(folder / "fused/config.json", config)
    write_hugging_face_folder(str(folder / "fused/config.json"), str(folder / "hf/config.json"))
    if config["model_type"] in GGUF_FAMILIES:
        write_gguf_file(folder / "hf", "F16", folder / "hf/model-F16.gguf", "model", threads=2)
    model, _ = load_base(folder / "fused")
    model.eval()
    logits = model(mx.array([TOKENS]))[0].astype(mx.float32)
    write_json(folder / "logits.json", {"tokens": TOKENS, "logits": logits.tolist()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
