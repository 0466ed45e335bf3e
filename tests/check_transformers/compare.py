"""Compare transformers' logits with MLX's: python compare.py FOLDER, in the environment of requirements.txt beside it.

Loads hf/ of every model that write_models.py made, and its GGUF file where transformers reads that architecture."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

# The share of the logits' spread that float32 sums in another order, and F16 weights in a GGUF file, may be off.
LARGEST_SHARE, LARGEST_OF_GGUF = 1e-4, 0.01
# Where its reader fills in the sizes of the published models, which these small ones don't have.
READS_NO_SMALL_ONES = {
    "gemma3": "the scale of the attention",
    "gemma3_text": "the scale of the attention",
    "qwen3": "the size of the heads",
}


def main(folder: Path) -> None:
    failed = False
    for model in sorted(path.parent for path in folder.glob("*/logits.npy")):
        tokens, of_mlx = json.loads((model / "tokens.json").read_text()), torch.tensor(np.load(model / "logits.npy"))
        for gguf_file in (None, "model-F16.gguf"):
            if gguf_file and not (model / "hf" / gguf_file).exists():
                continue
            if gguf_file and (family := model.name.removesuffix("-hub").removesuffix("-4bit")) in READS_NO_SMALL_ONES:
                print(
                    f"{model.name:26} {gguf_file:16} not compared: transformers does not read {READS_NO_SMALL_ONES[family]}"
                )
                continue
            said, passed = compared(model / "hf", gguf_file, tokens, of_mlx)
            print(f"{model.name:26} {gguf_file or 'hf/':16} {said}", flush=True)
            failed |= not passed
            if gguf_file is None:
                (model / "transformers.json").write_text(json.dumps({"said": said, "passed": passed}))
    sys.exit(failed)


def compared(folder: Path, gguf_file: str | None, tokens: list[int], of_mlx: torch.Tensor) -> tuple[str, bool]:
    try:
        loaded, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **({"gguf_file": gguf_file} if gguf_file else {})
        )
    except (ValueError, NotImplementedError) as error:
        if gguf_file and "not supported" in str(error):
            return "transformers does not read this architecture from GGUF", True
        raise
    wrong = [name for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in report.get(kind, ())]
    with torch.no_grad():
        found = loaded(torch.tensor([tokens])).logits[0, -len(of_mlx) :]
    share = ((found - of_mlx).abs().max() / of_mlx.std()).item()
    return f"{share:.6f} of the spread" + (f", wrong keys: {wrong}" if wrong else ""), share < (
        LARGEST_OF_GGUF if gguf_file else LARGEST_SHARE
    ) and not wrong


if __name__ == "__main__":
    main(Path(sys.argv[1]))
