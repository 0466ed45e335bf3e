"""What the endpoints share while the application runs."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from understudy.serving.answers import Answers
from understudy.serving.conversations import Conversations
from understudy.serving.engine import Engine
from understudy.serving.served import Served


@dataclass
class Bases:
    """The base model's engine, started when it is first asked; `start` is None where there is no base model."""

    start: Callable[[], AbstractContextManager[Engine]] | None
    _opened: ExitStack = field(default_factory=ExitStack)
    _engine: Engine | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def has_one(self) -> bool:
        return self.start is not None

    async def engine(self) -> Engine:
        """Raises EmbeddedModelError if llama.cpp can't load the file."""
        async with self._starting:
            if self._engine is None:
                self._engine = await asyncio.to_thread(self._opened.enter_context, self.start())
            return self._engine

    async def close(self) -> None:
        """End what was started."""
        if self._engine is not None:
            await self._engine.close()
        await asyncio.to_thread(self._opened.close)


@dataclass
class State:
    """`model` is its name for clients; `answering` are the conversations to which an answer is being written."""

    served: Served
    model: str
    answers: Answers
    conversations: Conversations
    bases: Bases
    answering: set[str] = field(default_factory=set)
    started: int = field(default_factory=lambda: int(time.time()))
