"""What breaks off an export: damaged files, a full disk, a kill. No file with the final name, a message, and the next run
finishes."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hub_models import write_other_family
from project import in_a_process
from random_llama import write_random_llama, write_safetensors
from understudy.export.gguf import write_gguf
from understudy.export.hf import origin_of, write_hugging_face_folder
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import FileNotWritten, InputFileError, UnsupportedArchitecture
from understudy.shared.files import read_json, write_json

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small file system takes root on Linux"
)


@pytest.fixture
def sharded(tmp_path) -> Path:
    return write_random_llama(tmp_path / "fused", shards=2)


def write_hf(folder: Path) -> Path:
    write_hugging_face_folder(str(folder / "config.json"), str(folder.parent / "hf/config.json"))
    return folder.parent / "hf"


def write_model(folder: Path) -> Path:
    write_gguf(folder, "Q4_K_M", folder.parent / "x.gguf", "x", threads=2)
    return folder.parent / "x.gguf"


def truncated(folder: Path) -> None:
    (folder / SHARDS[1]).write_bytes((folder / SHARDS[1]).read_bytes()[:-100])


def without_a_shard(folder: Path) -> None:
    (folder / SHARDS[1]).unlink()


def with_a_wrong_shape(folder: Path) -> None:
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", config | {"intermediate_size": config["intermediate_size"] + 32})


def with_a_header_without_end(folder: Path) -> None:
    (folder / SHARDS[0]).write_bytes(struct.pack("<Q", 100_000) + b"[" * 100_000)


def without_a_header(folder: Path) -> None:
    (folder / SHARDS[0]).write_bytes(b"\x10")


@pytest.mark.parametrize("write", [write_hf, write_model])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, "model-00002.* is truncated"),
        (without_a_shard, "model-00002.* does not exist"),
        (with_a_wrong_shape, "has the shape .* but config.json beside it asks for"),
        (without_a_header, "model-00001.* is not a whole safetensors file"),
        (with_a_header_without_end, "model-00001.* is not a whole safetensors file"),
    ],
)
def test_a_damaged_folder_is_told_and_mended_it_is_exported(sharded, write, damage, said):
    whole = {path: path.read_bytes() for path in sharded.iterdir()}
    damage(sharded)
    with pytest.raises(InputFileError, match=said):
        write(sharded)
    assert not [path for path in sharded.parent.rglob("*") if path.is_file() and path.parent != sharded]
    for path, content in whole.items():
        path.write_bytes(content)
    assert write(sharded).exists()


def test_not_a_number_in_the_weights_is_told(sharded):
    weights = {
        tensor.name: (tensor.dtype, np.array(tensor.read()))
        for tensor in stored_tensors(sharded).values()
        if tensor.path.name == SHARDS[0]
    }
    name = next(name for name in weights if name.endswith("weight") and weights[name][1].ndim == 2)
    weights[name][1][-1, -1] = np.nan
    write_safetensors(sharded / SHARDS[0], weights)
    with pytest.raises(InputFileError, match=f"{name} has values that are not finite"):
        write_model(sharded)
    assert not list(sharded.parent.glob("*gguf*")) and not list(sharded.parent.glob(".*part"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB, and a function that makes it larger."""
    disk = tmp_path / "models"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    yield disk, lambda: subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
    subprocess.run(["umount", disk], check=True)


@mounts
def test_a_full_disk_leaves_no_gguf(sharded, small_disk):
    disk, enlarge = small_disk
    with pytest.raises(FileNotWritten, match=r"x\.gguf can't be written: No space left on device\. Make room"):
        write_gguf(sharded, "F16", disk / "x.gguf", "x", threads=2)
    assert not list(disk.iterdir())
    enlarge()
    write_gguf(sharded, "F16", disk / "x.gguf", "x", threads=2)


@mounts
def test_a_full_disk_leaves_no_hugging_face_folder(sharded, small_disk):
    disk, enlarge = small_disk
    target = disk / "hf/config.json"
    with pytest.raises(FileNotWritten, match=r"hf/config\.json can't be written: No space left on device"):
        write_hugging_face_folder(str(sharded / "config.json"), str(target))
    assert not [path for path in disk.rglob("*") if path.is_file()]
    enlarge()
    write_hugging_face_folder(str(sharded / "config.json"), str(target))
    assert target.exists()


def test_a_kill_in_the_middle_of_writing_leaves_no_gguf_and_the_next_run_finishes(tmp_path):
    folder = write_random_llama(tmp_path / "hf", hidden_size=256, intermediate_size=1024, layers=12, heads=8)
    path = tmp_path / "x.gguf"
    code = (
        "from pathlib import Path; from understudy.export.gguf import write_gguf; "
        "write_gguf(Path('hf'), 'Q5_K_M', Path('x.gguf'), 'x', 1)"
    )
    writing = subprocess.Popen(in_a_process(code), cwd=tmp_path)
    while not any(part.stat().st_size > 1e6 for part in tmp_path.glob(".x.gguf.*.part")):
        assert writing.poll() is None
        time.sleep(0.001)
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    assert not path.exists() and list(tmp_path.glob(".x.gguf.*.part"))
    write_gguf(folder, "Q5_K_M", path, "x", threads=2)
    assert sorted(tmp_path.iterdir()) == [folder, path]


def test_a_model_of_an_unknown_architecture_is_taken_if_mlx_lm_took_the_base_as_it_is(tmp_path):
    fused, base = (write_other_family(tmp_path / name) for name in ("fused", "base"))
    target = tmp_path / "hf/config.json"
    write_hugging_face_folder(str(fused / "config.json"), str(target), str(base / "config.json"))
    assert read_json(target)["architectures"] == ["HeliumForCausalLM"]
    assert stored_tensors(target.parent).keys() == stored_tensors(base).keys()
    write_json(base / "config.json", read_json(base / "config.json") | {"quantization": {"bits": 4}})
    said = "HeliumForCausalLM has other tensors on the hub than mlx_lm saves"
    with pytest.raises(UnsupportedArchitecture, match=said):
        write_hugging_face_folder(str(fused / "config.json"), str(target), str(base / "config.json"))


def test_the_origin_names_no_path_of_this_machine(tmp_path):
    write_json(tmp_path / "understudy_source.json", {"source": "/home/someone/base", "kind": "folder"})
    for name in ("adapters", "rows"):
        (tmp_path / name).write_text(name)
    origin = origin_of(str(tmp_path / "config.json"), str(tmp_path / "adapters"), str(tmp_path / "rows"), "1.2")
    assert origin["base_model"] == {"source": "base", "revision": None}
    assert origin["workflow_version"] == "1.2" and "/home" not in json.dumps(origin)
    assert len(origin["adapters_sha256"]) == len(origin["dataset_sha256"]) == 64


def test_the_origin_names_the_hub_s_model_and_commit(tmp_path):
    record = {"source": "owner/model", "kind": "hub", "revision": "c0ffee"}
    write_json(tmp_path / "understudy_source.json", record)
    (tmp_path / "file").write_text("")
    origin = origin_of(str(tmp_path / "config.json"), str(tmp_path / "file"), str(tmp_path / "file"), "1.2")
    assert origin["base_model"] == {"source": "owner/model", "revision": "c0ffee"}
