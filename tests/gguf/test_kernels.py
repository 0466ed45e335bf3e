import sys

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type

from understudy.gguf import kernels as ggml_kernels
from understudy.gguf.kernels import ggml_quantize_chunk, quantize_rows
from understudy.gguf.quantization import FALLBACKS, QUANTIZATIONS, STORED

KINDS = sorted({*(kind for _, kind in QUANTIZATIONS.values()), *FALLBACKS.values()} - set(STORED))
ROWS = np.random.default_rng(3).standard_normal((2, 3, 512), dtype=np.float32) * np.float32(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="whether the wheel for macOS exports it is not known")
def test_the_installed_xllamacpp_has_the_fast_kernels():
    assert ggml_quantize_chunk() is not None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_both_sources_of_kernels_give_the_same_bytes(kind, monkeypatch):
    fast = quantize_rows(ROWS, kind)
    monkeypatch.setattr(ggml_kernels, "ggml_quantize_chunk", lambda: None)
    assert quantize_rows(ROWS, kind).tobytes() == fast.tobytes()
    assert fast.shape[:-1] == (2, 3)


def test_rows_that_no_block_fits_are_refused():
    with pytest.raises(ValueError, match="rows of 500 values"):
        quantize_rows(ROWS[..., :500], Type.Q4_K)


def test_a_library_that_can_not_be_loaded_leaves_it_to_libgguf(monkeypatch, tmp_path):
    monkeypatch.setattr(ggml_kernels, "library", lambda: tmp_path / "xllamacpp.so")
    assert ggml_quantize_chunk.__wrapped__() is None
