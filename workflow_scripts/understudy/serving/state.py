"""What the endpoints share while the application runs."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field

from understudy.serving.answers import Answers
from understudy.serving.engine import Engine
from understudy.serving.kept.conversations import Conversations
from understudy.serving.served import Served
from understudy.shared.errors import UnderstudyError


@dataclass
class Bases:
    """The base model's engine, started when it is first asked; `start` is None where there is no base model."""

    start: Callable[[], AbstractContextManager[Engine]] | None
    _opened: ExitStack = field(default_factory=ExitStack)
    _starting: asyncio.Task[Engine] | None = None

    @property
    def has_one(self) -> bool:
        return self.start is not None

    async def engine(self) -> Engine:
        """The one engine; who stops waiting for its start doesn't stop it. Raises EmbeddedModelError if llama.cpp can't load the
        file."""
        if self._starting is None or (self._starting.done() and self._starting.exception()):
            self._starting = asyncio.create_task(asyncio.to_thread(lambda: self._opened.enter_context(self.start())))
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        """End what was started, also what is only starting."""
        if self._starting is not None:
            with suppress(UnderstudyError):
                await (await self._starting).close()
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
