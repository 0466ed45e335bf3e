"""llama.cpp's own converter, for architectures that are not written here.

It needs torch, and its package claims the names `gguf` and `conversion`, so it runs in an environment of its own: `.converter/`
in the repository, made from envs/converter.txt and envs/converter_modules.txt when it is needed for the first time."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.gguf.requantization import count_tensors, quantize_gguf_file
from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.shared.files import read_json
from understudy.shared.formats import in_gigabytes
from understudy.shared.log import log

ENVIRONMENT = REPOSITORY / ".converter"
REQUIREMENTS = REPOSITORY / "envs/converter.txt"
MODULES = REPOSITORY / "envs/converter_modules.txt"
ENVIRONMENT_BYTES = 1_300_000_000
# pip's own settings decide where torch comes from.
WITH_CUDA = (
    ", and some GB more of CUDA unless PIP_EXTRA_INDEX_URL names PyTorch's index for CPUs"
    if sys.platform == "linux"
    else ""
)
OUTPUT_TYPES = {"F32": "f32", "F16": "f16", "BF16": "bf16"}
LINES_SHOWN = 12
# Keys and tokens stay here.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class ConverterFailed(UnderstudyError):
    """llama.cpp's converter, or the setting up of its environment, ended with an error."""


def write_with_official_converter(
    folder: Path, quant: str, path: Path, name: str, threads: int, script: Path | None
) -> int:
    """Write the model in `folder` to `path` as a GGUF file of type `quant`; return the number of tensors.

    The converter writes F32, F16 and BF16; the other types are made here of its F16 file, which lies beside `path` as long as it
    is needed. `script` is the convert_hf_to_gguf.py of a llama.cpp checkout; None takes the package.
    Raises ConfigurationError if `script` is not there, ConverterFailed with the converter's last lines if it can't convert."""
    python = converter_python(script)
    log.info("%s", what_it_takes(folder, python, quant))
    prepare_environment(python)
    if quant in OUTPUT_TYPES:
        convert(folder, OUTPUT_TYPES[quant], path, name, python, script, threads)
        return count_tensors(path)
    f16_path = path.with_name(f"{path.name.removesuffix('.part')}.F16.part")
    try:
        convert(folder, OUTPUT_TYPES["F16"], f16_path, name, python, script, threads)
        return quantize_gguf_file(f16_path, quant, path, threads)
    finally:
        f16_path.unlink(missing_ok=True)


def converter_python(script: Path | None) -> Path:
    """The Python that runs the converter: that of a .venv or venv beside `script`, otherwise that of .converter/.

    Raises ConfigurationError if `script` is no file."""
    if script is not None:
        if not script.is_file():
            raise ConfigurationError(
                f"export.converter is {str(script)!r}: there is no such file. It is the convert_hf_to_gguf.py of a "
                "llama.cpp checkout, or null for the package."
            )
        for environment in (".venv", "venv"):
            python = script.parent / environment / "bin/python"
            if python.is_file():
                return python
    return ENVIRONMENT / "bin/python"


def what_it_takes(folder: Path, python: Path, quant: str) -> str:
    """Say that the converter is used, that it needs torch, and how much disk."""
    parts = [f"llama.cpp's own converter takes {folder}; it needs torch"]
    if not is_ours(python):
        parts.append(f"which {python} has to have")
    elif is_prepared():
        parts.append(f"which is in {ENVIRONMENT.name}/")
    else:
        parts.append(
            f"which is installed into {ENVIRONMENT.name}/ now, once: about {in_gigabytes(ENVIRONMENT_BYTES)} of disk{WITH_CUDA}"
        )
    if quant not in OUTPUT_TYPES:
        size = sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
        parts.append(f"and up to {in_gigabytes(size)} for an F16 file, which is removed at the end")
    return ", ".join(parts) + "."


def is_ours(python: Path) -> bool:
    return python == ENVIRONMENT / "bin/python"


def is_prepared() -> bool:
    """Whether .converter/ was made to its end, from the requirements as they are now."""
    made_from = ENVIRONMENT / "made_from"
    return made_from.is_file() and made_from.read_bytes() == requirements()


def requirements() -> bytes:
    return REQUIREMENTS.read_bytes() + MODULES.read_bytes()


def packaged_script() -> Path:
    """The package's converter. Python looks for `conversion` beside it first, before the one in site-packages."""
    return ENVIRONMENT / "modules/convert_hf_to_gguf.py"


def prepare_environment(python: Path) -> None:
    """Make .converter/ unless it is there, or `python` is another environment's. One that was cut short is made anew.

    Raises ConverterFailed with the installer's last lines."""
    if not is_ours(python):
        return
    with only_one_at_a_time():
        if is_prepared():
            return
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        run([sys.executable, "-m", "venv", ENVIRONMENT], "making its environment")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*install, "-r", REQUIREMENTS], "installing what it needs")
        beside = ["--no-deps", "--target", packaged_script().parent]
        run([*install, *beside, "-r", MODULES], "installing its modules")
        (ENVIRONMENT / "made_from").write_bytes(requirements())


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Two projects may want the environment at once."""
    with ENVIRONMENT.with_name(f"{ENVIRONMENT.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def convert(
    folder: Path, output_type: str, path: Path, name: str, python: Path, script: Path | None, threads: int
) -> None:
    """Run the converter on `folder`; `output_type` is f32, f16 or bf16.

    Raises ConverterFailed with its last lines, and leaves nothing at `path`, if it fails."""
    program = (script or packaged_script()).resolve()
    with tempfile.TemporaryDirectory(prefix="understudy-") as temporary:
        # The converter takes the name in the metadata from the folder's, which is `hf` for every model.
        model = Path(temporary) / name
        model.symlink_to(folder.resolve(), target_is_directory=True)
        command = [python, program, model, "--outfile", path.resolve(), "--outtype", output_type, *options_for(folder)]
        try:
            run(command, f"converting {folder}", converter_variables(threads))
        except ConverterFailed:
            path.unlink(missing_ok=True)
            raise


def options_for(folder: Path) -> list[str]:
    """The converter's options for a family: Qwen3.5's layer that predicts a second token isn't in hf/, and newer converters look
    for it unless told."""
    config = read_json(folder / "config.json")
    return ["--no-mtp"] if "mtp_num_hidden_layers" in {**config, **config.get("text_config", {})} else []


def converter_variables(threads: int) -> dict[str, str]:
    """The converter's environment variables: nothing of this process's Python, no key, and no hub to ask."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed_on, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads), "PYTHONNOUSERSITE": "1"}


def run(command: list, doing: str, variables: dict[str, str] | None = None) -> None:
    """Run `command`. Raises ConverterFailed with its last lines if it can't be run or fails."""
    variables = installer_variables() if variables is None else variables
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise ConverterFailed(f"llama.cpp's converter failed in {doing}: {error}") from None
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-LINES_SHOWN:]) or "nothing."
        raise ConverterFailed(
            f"llama.cpp's converter failed in {doing} (status {done.returncode}). {hint(said)}Its last lines:\n{said}"
        )


def hint(said: str) -> str:
    """What to do about the best-known failures."""
    if "is not supported" in said or "was not recognized" in said:
        return "A newer llama.cpp may know the model: name its convert_hf_to_gguf.py as export.converter. "
    if "No module named" in said:
        return f"Its environment lacks a package: `pip install -r {REQUIREMENTS.relative_to(REPOSITORY)}` there. "
    if "No space left" in said:
        return "The disk is full: make room, then the same command. "
    return ""


def installer_variables() -> dict[str, str]:
    """All but what would lead pip to this process's own packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "LD_PRELOAD")}
