"""Record what llama_model_quantize makes of the files of tests/support/random_gguf.py: python record_mixes.py WORKING_FOLDER

Runs in the environment of requirements.txt beside it, not in the project's; see README.md."""

import ctypes
import importlib.metadata
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "workflow_scripts"), str(HERE.parent)]

import llama_cpp  # noqa: E402
from gguf import LlamaFileType  # noqa: E402

from gguf_digest import digest  # noqa: E402
from random_gguf import FILES, write_random_gguf  # noqa: E402

QUANTIZED = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L")
QUANTIZED += ("Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K")
IN_DETAIL = "Q4_K_M"


def main(working_folder: Path) -> None:
    files = {}
    for name, options in FILES.items():
        source = write_random_gguf(working_folder / f"{name}.gguf", **options)
        files[name] = {quant: digest(quantize(source, quant), quant == IN_DETAIL) for quant in QUANTIZED}
    versions = {"llama-cpp-python": importlib.metadata.version("llama-cpp-python")}
    mixes = json.dumps({"versions": versions, "files": files}, indent=1)
    (HERE / "mixes.json").write_text(mixes + "\n", encoding="utf-8")


def quantize(source: Path, quant: str) -> Path:
    path = source.with_name(f"{source.stem}-{quant}.gguf")
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = LlamaFileType[f"MOSTLY_{quant}"].value
    parameters.nthread = 2
    status = llama_cpp.llama_model_quantize(str(source).encode(), str(path).encode(), ctypes.byref(parameters))
    if status:
        raise SystemExit(f"llama_model_quantize failed for {path} with status {status}")
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
