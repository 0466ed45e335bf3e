"""The commands of a model card: how the model is run from the hub, or from the project's folder where it isn't published."""

from pathlib import PurePosixPath
from typing import NamedTuple

from understudy.export.published_files import PARTS
from understudy.models.folder import MLX_FOLDERS

QUESTION = "What is the first thing to do?"
TRANSFORMERS = """\
from transformers import pipeline

chat = pipeline("text-generation", model="{folder}")
question = [{{"role": "user", "content": "{question}"}}]
print(chat(question, max_new_tokens=1024, do_sample=True, temperature=0.3)[0]["generated_text"][-1]["content"])"""


class Exports(NamedTuple):
    """What of the model `name` there is beside the Hugging Face folder: `repository` is its hub id or None, `named` are
    quantizations, MLX folders, and of the folders adapters and fused those that are in the repository."""

    name: str
    repository: str | None
    named: list[str]

    @property
    def quantizations(self) -> list[str]:
        return [export for export in self.named if export not in PARTS]

    @property
    def mlx_folders(self) -> list[str]:
        return [export for export in self.named if export in MLX_FOLDERS]


def usage_of(exports: Exports, base: str | None) -> list[dict[str, str]]:
    """Return program, language (of the code block) and commands for each way to run it; `base` is the base model's hub id."""
    folder = exports.repository or f"models/{exports.name}/hf"
    ways = gguf_ways(exports) if exports.quantizations else []
    mlx = f'mlx_lm.generate --model {folder} --temp 0.3 --max-tokens 1024 --prompt "{QUESTION}"'
    ways += [
        way("mlx_lm", mlx),
        *(mlx_way(exports, name) for name in exports.mlx_folders),
        way("transformers", TRANSFORMERS.format(folder=folder, question=QUESTION), "python"),
    ]
    if exports.repository and "adapters" in exports.named and base:
        download = f'hf download {exports.repository} --include "adapters/*" --local-dir {exports.name}'
        on_base = f'mlx_lm.generate --model {base} --adapter-path {exports.name}/adapters --prompt "{QUESTION}"'
        ways.append(way("The adapters on the base model, in mlx_lm", f"{download}\n{on_base}"))
    return ways


def mlx_way(exports: Exports, name: str) -> dict[str, str]:
    """Return how an MLX folder is run on a Mac; mlx_lm takes no folder inside of a repository by its name."""
    folder, download = f"models/{exports.name}/{name}", ""
    if exports.repository:
        folder = f"{exports.name}/{name}"
        download = f'hf download {exports.repository} --include "{name}/*" --local-dir {exports.name}\n'
    run = f'mlx_lm.generate --model {folder} --temp 0.3 --max-tokens 1024 --prompt "{QUESTION}"'
    return way(f"mlx_lm, {MLX_FOLDERS[name]} bits a weight, on a Mac", download + run)


def gguf_ways(exports: Exports) -> list[dict[str, str]]:
    """Return how Q4_K_M is run, or the last quantization where it is not there."""
    quant = "Q4_K_M" if "Q4_K_M" in exports.quantizations else exports.quantizations[-1]
    if exports.repository:
        address = f"https://huggingface.co/{exports.repository}"
        return [
            way("llama.cpp", f"llama-server -hf {exports.repository}:{quant}"),
            way("Ollama", f"ollama run hf.co/{exports.repository}:{quant}"),
            way("LM Studio", f"lms get {address}"),
        ]
    file = PurePosixPath("models") / f"{exports.name}-{quant}.gguf"
    return [
        way("llama.cpp", f"llama-server -m {file}"),
        way("Ollama", f"ollama create {exports.name} -f models/{exports.name}/Modelfile\nollama run {exports.name}"),
        way("LM Studio", f"lms import --copy --user-repo me/{exports.name}-gguf {file}"),
    ]


def way(program: str, commands: str, language: str = "sh") -> dict[str, str]:
    return {"program": program, "language": language, "commands": commands}
