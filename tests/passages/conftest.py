"""The demo's talks, indexed once for all tests of this room."""

import pytest

from talks_to_search import MINILM, indexed_demo, search_in
from understudy.passages.embedder import embedder_for
from understudy.passages.search import Search
from understudy.passages.store import INDEX, PASSAGES, open_store


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo's talks with their index, vectors included. What is there is not to be changed."""
    return indexed_demo(tmp_path_factory.mktemp("demo") / "demo")


@pytest.fixture(scope="session")
def by_words(demo):
    return search_in(demo)


@pytest.fixture(scope="session")
def by_meaning(demo):
    with embedder_for(MINILM, 2) as embedder:
        yield Search(open_store(demo / INDEX / PASSAGES), embedder)
