"""Write models/{name}/commands.sh: the commands of mlx_lm for going on by hand with what the workflow trained."""

import shlex
from pathlib import Path, PurePosixPath

import yaml

from understudy.models.folder import MLX_KEYS
from understudy.shared.files import read_json, write_text
from understudy.shared.log import log

TEMPLATE = """\
#!/usr/bin/env bash
# mlx_lm's command line on what Understudy trains. Made by the workflow: your changes belong in a copy.
# Copy a command into a terminal in the project's folder, with the environment active (. .venv/bin/activate), or run one by name:
#   bash @file@ train | train-on | fuse | fuse-checkpoint | generate | generate-fused
# A second word is another checkpoint (train-on, fuse-checkpoint) or the question (generate, generate-fused).
#
# Linux without a GPU: the BLAS in MLX's wheel is 10 to 20 times slower than an optimised one. To preload the system's
# OpenBLAS, or the mkl of the environment:
#   export LD_PRELOAD="$(@find_blas@)"
set -eu
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# Everything is here; a path that is not would be looked for on the Hugging Face hub.
export HF_HUB_OFFLINE=1
checkpoint=@adapter_file@

case "${1:-}" in

# Train anew, as the workflow does. It writes over @adapters@, and the workflow then fuses what it finds there.
train)
    python -m mlx_lm lora --config @lora_config@
    ;;

# Train on from the weights of a checkpoint, into a folder of its own, for as many iterations again; `--iters 100` for fewer.
# Only the weights go on: the optimizer and the learning rate's schedule start anew.
train-on)
    checkpoint=${2:-$checkpoint}
    python -m mlx_lm lora --config @lora_config@ --resume-adapter-file "$checkpoint" --adapter-path @more_adapters@
    ;;

# Fuse the adapters into the base model@dequantized@. mlx_lm writes a tokenizer_config.json whose tokenizer_class,
# TokenizersBackend, other loaders reject: what LM Studio should open is made by `snakemake @workflow_fused@`.
fuse)
    python -m mlx_lm fuse --model @base@ --adapter-path @adapters@ --save-path @fused@@dequantize@
    ;;

# Fuse another checkpoint, such as 0000504_adapters.safetensors: mlx_lm takes a folder with the two files of these names.
fuse-checkpoint)
    checkpoint=${2:-$checkpoint}
    mkdir -p @one_checkpoint@
    cp -- "$checkpoint" @one_checkpoint@/adapters.safetensors
    cp -- "$(dirname -- "$checkpoint")/adapter_config.json" @one_checkpoint@/adapter_config.json
    python -m mlx_lm fuse --model @base@ --adapter-path @one_checkpoint@ --save-path @fused@@dequantize@
    ;;

# Ask the base model with its adapters, without fusing.
generate)
    python -m mlx_lm generate --model @base@ --adapter-path @adapters@ --temp 0.3 --max-tokens 1024 --prompt "${2:-@question@}"
    ;;

# Ask the model that `fuse` or `fuse-checkpoint` wrote; the workflow's own is in @workflow_folder@.
generate-fused)
    python -m mlx_lm generate --model @fused@ --temp 0.3 --max-tokens 1024 --prompt "${2:-@question@}"
    ;;

*)
    echo "Usage: bash $0 train | train-on | fuse | fuse-checkpoint | generate | generate-fused" >&2
    exit 2
    ;;
esac
"""
QUESTION = "What is the first thing to do?"
# The places of understudy/models/blas.py that Debian, Ubuntu and Fedora have, then the environment's.
FIND_BLAS = """python -c 'import glob, sys; print((glob.glob("/usr/lib/*/openblas-pthread/libblas.so.3") + \
glob.glob("/usr/lib64/libopenblasp.so.0") + glob.glob(sys.prefix + "/lib/libmkl_rt.so.*"))[0])'"""


def write_training_commands(lora_config: str, base_config: str, output: str) -> None:
    """Write `output`, a shell script beside `lora_config` (mlx_lm's YAML); `base_config` is the base model's config.json.

    All paths in it are relative to the project. Raises InputFileError if the base's configuration can't be read."""
    training = yaml.safe_load(Path(lora_config).read_text(encoding="utf-8"))
    is_quantized = any(key in read_json(base_config) for key in MLX_KEYS)
    write_text(output, commands(PurePosixPath(output), lora_config, training, is_quantized))
    log.info("%s: what to type for going on by hand", output)


def commands(output: PurePosixPath, lora_config: str, training: dict, is_quantized: bool) -> str:
    """Return the script's text, with every path quoted for the shell."""
    by_hand, adapters = output.parent / "by-hand", PurePosixPath(training["adapter_path"])
    paths = {
        "file": output,
        "lora_config": lora_config,
        "base": training["model"],
        "adapters": adapters,
        "adapter_file": adapters / "adapters.safetensors",
        "more_adapters": by_hand / "adapters",
        "one_checkpoint": by_hand / "checkpoint",
        "fused": by_hand / "fused",
        "workflow_folder": output.parent / "fused",
        "workflow_fused": output.parent / "fused/config.json",
    }
    words = {name: shlex.quote(str(path)) for name, path in paths.items()} | {
        "find_blas": FIND_BLAS,
        "question": QUESTION,
        "dequantize": " --dequantize" if is_quantized else "",
        "dequantized": ", onto its dequantized weights" if is_quantized else "",
    }
    # Between the marks of the template there is text, at its marks a word; no word is searched for marks.
    parts = TEMPLATE.split("@")
    return "".join(words[part] if number % 2 else part for number, part in enumerate(parts))
