"""Compare transformers' logits with MLX's: python compare.py FOLDER, in the environment of requirements.txt beside it.

Loads hf/ of every model that write_models.py made, and its GGUF file where transformers reads that architecture."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

# The share of the logits' spread that float32 sums in another order, and F16 weights in a GGUF file, may be off.
LARGEST_SHARE = 0.01
# Where its reader fills in the sizes of the published models, which these small ones don't have.
READS_NO_SMALL_ONES = {"gemma3_text": "the scale of the attention", "qwen3": "the size of the heads"}


def main(folder: Path) -> None:
    failed = False
    for model in sorted(path.parent for path in folder.glob("*/logits.json")):
        expected = json.loads((model / "logits.json").read_text())
        for gguf_file in (None, "model-F16.gguf"):
            if gguf_file and not (model / "hf" / gguf_file).exists():
                continue
            if gguf_file and model.name in READS_NO_SMALL_ONES:
                print(
                    f"{model.name:26} {gguf_file:16} not compared: transformers does not read {READS_NO_SMALL_ONES[model.name]}"
                )
                continue
            said, passed = compared(model / "hf", gguf_file, expected)
            print(f"{model.name:26} {gguf_file or 'hf/':16} {said}", flush=True)
            failed |= not passed
    sys.exit(failed)


def compared(folder: Path, gguf_file: str | None, expected: dict) -> tuple[str, bool]:
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
        found = loaded(torch.tensor([expected["tokens"]])).logits[0]
    of_mlx = torch.tensor(expected["logits"])
    share = ((found - of_mlx).abs().max() / of_mlx.std()).item()
    return f"{share:.5f} of the spread, wrong keys: {wrong}", share < LARGEST_SHARE and not wrong


if __name__ == "__main__":
    main(Path(sys.argv[1]))
