"""Write models/{name}-{quant}.gguf from the Hugging Face folder, and keep it only if llama.cpp answers with it."""

from pathlib import Path

from understudy.export.smoke_test import BadAnswerError, HeldOutRows, first_answer
from understudy.gguf.converter import write_with_official_converter
from understudy.gguf.quantization import check_quantization
from understudy.gguf.vocabulary import name_for_llama_cpp
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama.server import embedded_server
from understudy.shared.errors import UnderstudyError, UnsupportedArchitecture
from understudy.shared.files import no_room_is_told, written_aside
from understudy.shared.log import log

SHORT_CONTEXT = 64


def write_gguf(
    folder: Path,
    quant: str,
    path: Path,
    name: str,
    threads: int,
    *,
    converter: Path | None = None,
    held_out: Path | None = None,
    keep_bad: bool = False,
) -> None:
    """Write the model in `folder` to `path` as a GGUF file of type `quant`, and try it before it gets its name.

    llama.cpp's own converter takes what is of an architecture not written here; `converter` is a checkout's, None the package.
    The file is asked three questions of `held_out`, a file of chat rows; without one, llama.cpp only loads it. Raises an
    UnderstudyError, and leaves nothing at `path`, if the folder or `quant` is not usable, llama.cpp can't load the file, or
    an answer is empty, endless or garbled; with `keep_bad`, a bad answer is a warning."""
    check_quantization(quant)
    name = name_for_llama_cpp(name, folder)
    # Gigabytes that a killed run left; Snakemake's lock keeps two runs from writing this file at once.
    for left_over in path.parent.glob(f".{path.name}.*.part"):
        left_over.unlink()
    with no_room_is_told(path), written_aside(path) as aside:
        try:
            tensors = write_gguf_file(folder, quant, aside, name, threads)
        except UnsupportedArchitecture as error:
            log.info("%s", error)
            tensors = write_with_official_converter(folder, quant, aside, name, threads, converter)
        try:
            answer = answer_of(aside, folder, held_out, threads)
        except UnderstudyError as error:
            told = type(error)(str(error).replace(str(aside), str(path)))
            if not (keep_bad and isinstance(error, BadAnswerError)):
                raise told from None
            log.warning("Warning: %s", told)
            answer = "answers badly"
    log.info("%s: %d tensors, %.0f MB, llama.cpp %s", path, tensors, path.stat().st_size / 1e6, answer)


def answer_of(path: Path, folder: Path, held_out: Path | None, threads: int) -> str:
    """What llama.cpp does with the file: the beginning of its first answer, or that it loads it."""
    if held_out is not None:
        return f"answers: {first_answer(path, HeldOutRows(held_out, folder / 'tokenizer.json'), threads)!r}"
    with embedded_server(path, SHORT_CONTEXT, threads=threads):
        return "loads it"
