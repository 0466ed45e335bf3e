"""Talks that many ask at once."""

import asyncio
import threading

import pytest

from chat_server import garden
from understudy.passages.talks import Talks
from understudy.serving.served import NO_EMBEDDER, PLAIN_ANSWERS
from understudy.serving.talks import LONGEST_SEARCHED, AskedTalks, searched_part

pytestmark = pytest.mark.hostile


class Watched(Talks):
    """Real talks; what they are asked is noted, and they answer when `goes_on` is set."""

    def passages(self, question, before, count_tokens):
        self.asked.append((question, before))
        self.goes_on.wait()
        return super().passages(question, before, count_tokens)


@pytest.fixture
def watched(tmp_path, monkeypatch):
    monkeypatch.chdir(garden(tmp_path / "garden"))
    with Watched.opened(dict(NO_EMBEDDER), PLAIN_ANSWERS, None) as talks:
        talks.asked, talks.goes_on = [], threading.Event()
        asked = AskedTalks(talks, len)
        yield asked
        talks.goes_on.set()
        asked.close()


def test_only_the_beginning_and_the_end_of_a_long_question_are_searched_with(watched):
    watched.talks.goes_on.set()
    long = "Does a cabbage stalk rot? " + "word after word " * 60_000 + "Or do I bash it?"
    asyncio.run(watched.found(long, long))
    ((question, before),) = watched.talks.asked
    assert question == before and len(question) <= LONGEST_SEARCHED
    assert question.startswith("Does a cabbage stalk rot? ") and question.endswith(" Or do I bash it?")
    assert searched_part("x" * LONGEST_SEARCHED) == "x" * LONGEST_SEARCHED


def test_whoever_has_gone_leaves_no_search_waiting(watched):
    async def asked() -> None:
        asking = [asyncio.create_task(watched.found(f"Stalk {number}?", None)) for number in range(9)]
        while not watched.talks.asked:
            await asyncio.sleep(0.01)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        watched.talks.goes_on.set()
        await watched.found("Do stalks rot?", None)

    asyncio.run(asked())
    assert [question for question, _ in watched.talks.asked] == ["Stalk 0?", "Do stalks rot?"]
