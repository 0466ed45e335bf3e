# The files of rules/export.smk.
from understudy.gguf.types import quantization_to_run


def gguf_to_run():
    """The GGUF file that Ollama and `understudy serve` run: of the configured quantizations the one for most machines."""
    return gguf_file(quantization_to_run(config["export"]["quantizations"]))


def other_ggufs():
    """The model's other GGUF files."""
    return [path for path in gguf_files() if path != gguf_to_run()]
