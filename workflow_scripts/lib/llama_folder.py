"""What a folder in Hugging Face layout must have before a model is trained on it or exported from it."""

from pathlib import Path
from typing import Any

from lib.errors import InputFileError
from lib.files import read_json

ARCHITECTURE = "LlamaForCausalLM"


def read_llama_config(folder: Path) -> dict[str, Any]:
    """config.json of `folder`.

    Raises InputFileError if it is missing or of another architecture than LlamaForCausalLM."""
    config = read_json(folder / "config.json")
    architectures = config.get("architectures") or [f"model_type {config.get('model_type')}"]
    is_llama = architectures == [ARCHITECTURE] or (
        config.get("model_type") == "llama" and "architectures" not in config
    )
    if not is_llama:
        raise InputFileError(
            f"{folder}/config.json: the architecture is {architectures[0]}; only {ARCHITECTURE} is understood, "
            "which Llama 3 and SmolLM2 are."
        )
    return config
