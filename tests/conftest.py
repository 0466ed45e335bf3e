"""One finished project for the session; each test gets a copy of its own to change."""

import logging
import signal

import pytest

from fake_teacher import FakeTeacher
from project import MODEL, Project
from random_llama import write_random_llama
from tiny_training import BASE, TRAIN, VALID, chat_row
from understudy.shared.files import write_json_lines

# A shell ignores Ctrl-C for what it starts in the background, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def session_teacher():
    with FakeTeacher() as teacher:
        yield teacher


@pytest.fixture
def teacher(session_teacher):
    """The fake hosted API, counting from zero; how a test makes it behave ends with that test."""
    session_teacher.forget()
    behaviour = dict(vars(session_teacher))
    yield session_teacher
    for name in ("reading", "fault_of", "delay_s", "json_schema", "json_object", "said_usage", "refuses"):
        setattr(session_teacher, name, behaviour[name])


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "tiny-base"
    write_random_llama(folder, hidden_size=64)
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory, session_teacher, tiny_base):
    """A project after its first run. Not to be changed."""
    project = Project.made_in(tmp_path_factory.mktemp("finished") / "project", session_teacher.base_url, tiny_base)
    project.snakemake(MODEL)
    return project


@pytest.fixture
def project(tmp_path, finished, teacher):
    """A copy of the finished project."""
    return finished.copied_to(tmp_path / "project")


@pytest.fixture
def new_project(tmp_path, teacher, tiny_base):
    """A project before its first run."""
    return Project.made_in(tmp_path / "project", teacher.base_url, tiny_base)


@pytest.fixture
def trainable(tmp_path, monkeypatch, caplog):
    """A project directory with a base model, six training rows and two held-out ones; the working directory."""
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("understudy")
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    write_random_llama(BASE)
    write_json_lines(TRAIN, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in range(6)])
    write_json_lines(VALID, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in (7, 8)])
    return tmp_path
