"""What is served: a project's or a pack's model, talks and settings. Paths are seen from the working directory, its folder."""

from dataclasses import dataclass, field
from pathlib import Path

from understudy.shared.errors import UnderstudyError

NO_EMBEDDER = dict.fromkeys(("gguf", "base_url", "model", "revision"))
LOOPBACK, PORT, LAST_PORT = "127.0.0.1", 8080, 65535
PLAIN_ANSWERS = {"strict": False, "notice": None}


@dataclass(frozen=True)
class Served:
    """`model` is the GGUF file, None where another server computes; `base` the model before its training, as GGUF, that can
    be asked beside it. `data` is where conversations and flags are kept, None where nothing is kept.

    `embedder` and `answering` are the configuration's retrieval.embedder and answering, `measured` the error that held-out talks
    showed, in a sentence, `examples` questions that the page offers."""

    name: str
    model: Path | None
    voice: str | None = None
    base: Path | None = None
    data: Path | None = None
    embedder: dict = field(default_factory=lambda: dict(NO_EMBEDDER))
    answering: dict = field(default_factory=lambda: dict(PLAIN_ANSWERS))
    measured: str | None = None
    examples: tuple[str, ...] = ()
    with_sources: bool = True
    with_gate: bool = True


@dataclass(frozen=True)
class Address:
    """Where it is served, and which names are its own beside the address's."""

    host: str = LOOPBACK
    port: int = PORT
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class OtherEngine:
    """A server that speaks OpenAI's protocol, and its model, None for the only one."""

    url: str
    model: str | None = None


class ServeError(UnderstudyError):
    """The server can't begin, or can't go on."""
