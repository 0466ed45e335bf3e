"""Serve a pack: what its own serve.py calls, and `understudy serve PACK`, which runs nothing of the pack."""

import argparse
import os
import sys
from pathlib import Path

from understudy.serving.arguments import Wanted, add_options, wanted
from understudy.serving.pack import Pack, read_pack
from understudy.serving.served import Served
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log, start_command_log


def main(folder: Path, words: list[str] | None = None) -> int:
    """Serve the pack `folder` as the arguments say; return the exit status: 1 after an error that a person can mend."""
    parser = argparse.ArgumentParser(
        prog="serve.py", description="Serve this pack: a page, and OpenAI's protocol, until Ctrl-C."
    )
    add_options(parser)
    arguments = parser.parse_args(words)
    start_command_log()
    try:
        serve_pack(folder, wanted(arguments))
        sys.stdout.flush()
        return 0
    except UnderstudyError as error:
        log.error("Error: %s", error)
        return 1
    except KeyboardInterrupt:
        return 130


def serve_pack(folder: Path, what: Wanted) -> None:
    """Serve a pack; its folder becomes the working directory.

    Raises PackFault for one that can't be trusted, and what serve raises."""
    from understudy.serving.service import serve

    pack = read_pack(folder.resolve())
    os.chdir(pack.folder)
    serve(served_pack(pack, what), what.address, what.other)


def served_pack(pack: Pack, what: Wanted) -> Served:
    """What is served of a pack. Another engine computes in the place of its model."""
    return Served(
        name=pack.name,
        model=Path(pack.model.name),
        voice=pack.voice,
        data=Path("data"),
        embedder=pack.embedder,
        answering={"strict": pack.strict, "notice": pack.notice},
        measured=pack.measured,
        examples=tuple(pack.examples),
        **what.shown,
    )
