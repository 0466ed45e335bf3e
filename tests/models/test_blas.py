"""The re-execution with an optimised BLAS, for real: in a plain script and in a job of Snakemake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from project import REPOSITORY
from understudy.models import blas as optimised_blas

SCRIPTS = str(REPOSITORY / "workflow_scripts")
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="macOS has Accelerate")
HAS_BLAS = pytest.mark.skipif(not optimised_blas.candidates(), reason="no OpenBLAS and no mkl here")

PROBE = """
import json, os, sys, time
sys.path.insert(0, {scripts!r})
from understudy.models.blas import blas_in_use, is_blas_optimised, run_with_optimised_blas

if __name__ == "__main__":
    open("starts", "a").write("x")
    run_with_optimised_blas()

import mlx.core as mx
import numpy as np

mx.set_default_device(mx.cpu)
left, right = (np.random.default_rng(seed).normal(size=(512, 512)).astype("float32") for seed in (1, 2))
a, b = mx.array(left), mx.array(right)
seconds = []
for _ in range(5):
    start = time.perf_counter()
    product = a @ b
    mx.eval(product)
    seconds.append(time.perf_counter() - start)
error = float(np.abs(np.array(product) - left.astype("float64") @ right).max())
stdin = "" if {in_snakemake!r} else sys.stdin.read()
record = dict(gflops=2 * 512**3 / min(seconds) / 1e9, error=error, blas=blas_in_use(), optimised=is_blas_optimised(),
              argv=sys.argv[1:], stdin=stdin, preload=os.environ.get("LD_PRELOAD", ""), starts=len(open("starts").read()))
json.dump(record, open("record.json", "w"))
"""


def write_probe(folder, in_snakemake=False):
    path = folder / "probe.py"
    path.write_text(PROBE.format(scripts=SCRIPTS, in_snakemake=in_snakemake), encoding="utf-8")
    return path


def run_probe(folder, *arguments, **environment):
    (folder / "starts").unlink(missing_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", optimised_blas.MARKER)}
    command = [sys.executable, "-u", str(write_probe(folder)), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=inherited | environment, input="hello", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "record.json").read_text(encoding="utf-8"))


@ON_LINUX
@HAS_BLAS
def test_products_become_fast_and_stay_right(tmp_path):
    fast = run_probe(tmp_path)
    slow = run_probe(tmp_path, **{optimised_blas.MARKER: "none"})
    assert fast["optimised"] and not slow["optimised"]
    assert fast["gflops"] > 4 * slow["gflops"], (fast["gflops"], slow["gflops"])
    assert fast["error"] < 1e-3
    assert "apt install" in slow["blas"] and "apt install" not in fast["blas"]


@ON_LINUX
@HAS_BLAS
def test_arguments_stdin_and_an_existing_preload_are_kept(tmp_path):
    other = next(str(path) for path in Path("/proc/self/maps").read_text().split() if path.endswith("libm.so.6"))
    record = run_probe(tmp_path, "--name", "two words", LD_PRELOAD=other)
    assert record["argv"] == ["--name", "two words"] and record["stdin"] == "hello"
    assert record["starts"] == 2
    assert record["preload"].split()[-1] == other and len(record["preload"].split()) == 2


@ON_LINUX
@HAS_BLAS
def test_it_works_in_a_script_of_snakemake(tmp_path):
    write_probe(tmp_path, in_snakemake=True)
    (tmp_path / "Snakefile").write_text(
        'rule probe:\n    output: "record.json"\n    script: "probe.py"\n', encoding="utf-8"
    )
    inherited = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", optimised_blas.MARKER)}
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "2",
        "--directory",
        str(tmp_path),
        "-s",
        str(tmp_path / "Snakefile"),
    ]
    done = subprocess.run(command, env=inherited, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["optimised"] and record["starts"] == 2


@ON_LINUX
def test_a_library_that_does_not_load_is_passed_over(tmp_path, monkeypatch):
    broken = tmp_path / "libopenblas.so.0"
    broken.write_bytes(b"not a library")
    monkeypatch.setattr(optimised_blas, "SYSTEM_OPENBLAS", (str(broken),))
    monkeypatch.setattr(optimised_blas, "IN_THE_ENVIRONMENT", ())
    assert optimised_blas.candidates() == [broken]
    assert optimised_blas.find_optimised_blas() is None
    optimised_blas.run_with_optimised_blas()


@ON_LINUX
@HAS_BLAS
def test_the_system_comes_before_the_environment(monkeypatch, tmp_path):
    system = tmp_path / "libblas.so.3"
    system.write_bytes(b"")
    monkeypatch.setattr(optimised_blas, "SYSTEM_OPENBLAS", (str(tmp_path / "{triplet}"), str(system)))
    assert optimised_blas.candidates()[0] == system


def test_on_macos_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("executed again"))
    optimised_blas.run_with_optimised_blas()
    assert optimised_blas.is_blas_optimised() and "Accelerate" in optimised_blas.blas_in_use()
