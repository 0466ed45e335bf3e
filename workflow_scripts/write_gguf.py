"""Write models/{name}-{quant}.gguf from the Hugging Face folder, and keep it only if llama.cpp answers with it."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from lib.embedded_llama import EmbeddedModelError, embedded_server
from lib.errors import UnderstudyError, UnsupportedArchitecture
from lib.files import no_room_is_told, written_aside
from lib.gguf_quantization import check_quantization
from lib.gguf_writing import write_gguf_file
from lib.job_log import log, start_job_log
from lib.official_converter import write_with_official_converter

QUESTIONS = ("What is 2 + 2?", "Say hello.", "Name a color.")
CONTEXT_LENGTH = 512
ANSWER_TOKENS = 24
SHOWN = 60


class SilentModelError(UnderstudyError):
    """llama.cpp loads the file, but the model says nothing."""


def write_gguf(folder: Path, quant: str, path: Path, name: str, threads: int, converter: Path | None = None) -> None:
    """Write the model in `folder` to `path` as a GGUF file of type `quant`, and ask it something before it gets its name.

    llama.cpp's own converter takes what is of an architecture not written here; `converter` is a checkout's, None the package.
    Raises an UnderstudyError, and leaves nothing at `path`, if the folder or `quant` is not usable, or llama.cpp can't
    load the file or gets no answer from it."""
    check_quantization(quant)
    path.unlink(missing_ok=True)
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
            answer = first_answer(aside, threads)
        except UnderstudyError as error:
            raise type(error)(str(error).replace(str(aside), str(path))) from None
    log.info("%s: %d tensors, %.0f MB, llama.cpp answers: %r", path, tensors, path.stat().st_size / 1e6, answer)


def first_answer(path: Path, threads: int) -> str:
    """The beginning of llama.cpp's first answer that isn't empty to one of QUESTIONS.

    Raises EmbeddedModelError if it can't load the file, SilentModelError if all answers are empty."""
    with embedded_server(path, CONTEXT_LENGTH, threads=threads) as base_url:
        for question in QUESTIONS:
            answer = _ask(base_url, question, path).strip()
            if answer:
                return answer[:SHOWN]
    raise SilentModelError(f"{path}: llama.cpp loads the file, but gives an empty answer to {', '.join(QUESTIONS)}")


def _ask(base_url: str, question: str, path: Path) -> str:
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": ANSWER_TOKENS, "temperature": 0}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base_url}/chat/completions", json.dumps(body).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as response:
            return json.load(response)["choices"][0]["message"]["content"] or ""
    except urllib.error.HTTPError as error:
        raise EmbeddedModelError(f"{path}: llama.cpp can't answer: {error.read().decode(errors='replace')}") from None


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_gguf(
        folder=Path(snakemake.input.config).parent,
        quant=snakemake.wildcards.quant,
        path=Path(snakemake.output[0]),
        name=snakemake.config["name"],
        threads=snakemake.threads,
        converter=snakemake.config["export"]["converter"] and Path(snakemake.config["export"]["converter"]),
    )
