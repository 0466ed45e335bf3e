"""One server with the real model, its talks and their gate, for all tests that only ask."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from chat_server import ChatServer, garden, http_client
from fake_engine import FakeEngine
from talks_to_search import WORDS_ALONE
from understudy.passages.gate import GATE
from understudy.passages.store import INDEX, RECORD
from understudy.retrieve.gate import build_gate
from understudy.shared.files import write_json_lines


def gated_garden(folder: Path) -> Path:
    """The garden with the gate that its rule writes for talks without questions."""
    project = garden(folder)
    write_json_lines(project / "none.jsonl", [])
    build_gate(*(str(project / path) for path in ("none.jsonl", "none.jsonl", INDEX / RECORD, GATE)), WORDS_ALONE)
    return project


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[ChatServer]:
    """The real model."""
    with ChatServer(gated_garden(tmp_path_factory.mktemp("real") / "garden")) as running:
        yield running


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine() as running:
        yield running


@pytest.fixture
def theirs(tmp_path, engine) -> Iterator[ChatServer]:
    """A server in front of somebody's engine."""
    with ChatServer(gated_garden(tmp_path / "garden"), "--engine", engine.url) as running:
        yield running


@pytest.fixture
def http(server) -> Iterator[httpx2.Client]:
    with http_client(server) as client:
        yield client
