"""What endpoints share: one base model, however often and however shortly it is asked for."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from random_llama import packaged_model
from understudy.models.llama.server import EmbeddedModelError, RunningServer
from understudy.serving.engine import Engine, llama_engine
from understudy.serving.state import Bases


class Started:
    """The base models that were started."""

    def __init__(self) -> None:
        self.running: list[RunningServer] = []

    @contextlib.contextmanager
    def start(self) -> Iterator[Engine]:
        with llama_engine(packaged_model()) as (engine, running):
            self.running.append(running)
            yield engine


async def stopped_at_once(bases: Bases) -> None:
    asking = asyncio.create_task(bases.engine())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.hostile
def test_comparisons_that_are_stopped_early_start_one_base_model_which_ends_with_the_server():
    started = Started()

    async def compared() -> None:
        bases = Bases(started.start)
        for _ in range(3):
            await stopped_at_once(bases)
        assert await bases.engine() is await bases.engine()
        await bases.close()

    asyncio.run(compared())
    (running,) = started.running
    assert running.process.poll() is not None


@pytest.mark.hostile
def test_a_base_model_that_is_still_loading_ends_with_the_server_too():
    started = Started()

    async def compared() -> None:
        bases = Bases(started.start)
        await stopped_at_once(bases)
        await bases.close()

    asyncio.run(compared())
    assert [running.process.poll() is not None for running in started.running] == [True]


def test_a_base_model_that_can_t_be_loaded_is_tried_again(tmp_path):
    file = tmp_path / "base.gguf"

    @contextlib.contextmanager
    def start() -> Iterator[Engine]:
        with llama_engine(file) as (engine, _):
            yield engine

    async def compared() -> None:
        bases = Bases(start)
        with pytest.raises(EmbeddedModelError):
            await bases.engine()
        file.symlink_to(packaged_model())
        assert await bases.engine()
        await bases.close()

    asyncio.run(compared())
