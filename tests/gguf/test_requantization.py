"""Quantizations of F16 files of architectures that only the official converter writes, beside llama_model_quantize's."""

import json
from pathlib import Path

import pytest

from gguf_digest import digest, metadata_of
from random_gguf import FILES, write_random_gguf
from understudy.gguf.requantization import quantize_gguf_file
from understudy.shared.errors import InputFileError

MIXES = json.loads((Path(__file__).parents[1] / "oracles/mixes.json").read_text(encoding="utf-8"))["files"]
QUICK = ("Q4_K_M", "Q8_0")


@pytest.mark.parametrize(
    "quant", [quant if quant in QUICK else pytest.param(quant, marks=pytest.mark.long) for quant in MIXES["hybrid"]]
)
@pytest.mark.parametrize("name", FILES)
def test_other_architectures_are_quantized_as_by_llama_cpp(tmp_path, name, quant):
    source = write_random_gguf(tmp_path / "f16.gguf", **FILES[name])
    quantize_gguf_file(source, quant, tmp_path / "quantized.gguf", threads=2)
    reference = MIXES[name][quant]
    assert digest(tmp_path / "quantized.gguf", each_tensor="tensors" in reference) == reference


def test_all_metadata_goes_on_but_the_file_s_type(tmp_path):
    source = write_random_gguf(tmp_path / "f16.gguf", **FILES["hybrid"])
    quantize_gguf_file(source, "Q4_K_M", tmp_path / "quantized.gguf", threads=2)
    before, after = metadata_of(source), metadata_of(tmp_path / "quantized.gguf")
    assert after == {**before, "general.file_type": "UINT32 15", "general.quantization_version": "UINT32 2"}


def test_a_file_that_is_cut_off_is_named(tmp_path):
    source = write_random_gguf(tmp_path / "f16.gguf", **FILES["hybrid"])
    source.write_bytes(source.read_bytes()[:2000])
    with pytest.raises(InputFileError, match=r"f16\.gguf is not a whole GGUF file"):
        quantize_gguf_file(source, "Q4_K_M", tmp_path / "quantized.gguf", threads=2)
