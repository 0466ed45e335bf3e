import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from llama_requests import post
from project import in_a_process
from random_llama import packaged_model
from understudy.models.llama.server import EmbeddedModelError, embedded_server, read_prefix_once


def chat(base_url: str, messages: list[dict], **options) -> dict:
    return post(base_url, "/v1/chat/completions", {"messages": messages, "temperature": 0, **options})


def server_processes() -> list[int]:
    """The processes that this one has started and that serve a model."""
    listing = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    return [
        int(pid) for pid, parent, command in rows if parent == str(os.getpid()) and "llama/server_process.py" in command
    ]


def test_it_answers_and_is_gone_afterwards(capfd):
    with embedded_server(packaged_model(), 512, threads=2) as base_url:
        answer = chat(base_url, [{"role": "user", "content": "What is 2 + 2?"}], max_tokens=16)
        assert "4" in answer["choices"][0]["message"]["content"]
        assert len(server_processes()) == 1
    assert server_processes() == []
    assert capfd.readouterr() == ("", "")


def test_a_common_prefix_is_read_once_for_all_slots():
    talk = " ".join(f"Line {number}: the harvest was {number % 7} baskets of apples." for number in range(12))
    questions = [[{"role": "user", "content": f"{talk} What of line {number}?"}] for number in range(4)]
    with embedded_server(packaged_model(), 512, parallel=4, threads=2, shares_prefix=True) as base_url:
        prefix = read_prefix_once(base_url, questions[0])
        with ThreadPoolExecutor(4) as pool:
            usages = [answer["usage"] for answer in pool.map(lambda q: chat(base_url, q, max_tokens=1), questions)]
    assert all(usage["prompt_tokens_details"]["cached_tokens"] > prefix - 20 for usage in usages)


@pytest.mark.parametrize(("content", "said"), [(b"hello" * 100, "invalid magic"), (b"", "It says: ")])
def test_what_is_no_model_is_an_error_with_llama_cpp_s_reason(tmp_path, content, said):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with (
        pytest.raises(EmbeddedModelError, match=rf"model\.gguf: llama\.cpp can't load it\. .*{said}"),
        embedded_server(path, 512),
    ):
        pass


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(EmbeddedModelError, match="does not exist"), embedded_server(tmp_path / "x.gguf", 512):
        pass


def test_a_crash_of_the_server_is_an_error_that_says_so():
    said = pytest.raises(EmbeddedModelError, match=r"llama\.cpp stopped with status -6")
    with said, embedded_server(packaged_model(), 512) as base_url:
        os.kill(server_processes()[0], signal.SIGABRT)
        time.sleep(0.5)
        chat(base_url, [{"role": "user", "content": "Hi"}])


def test_an_error_of_the_block_itself_comes_through():
    with pytest.raises(ZeroDivisionError), embedded_server(packaged_model(), 512):
        _ = 1 / 0


def test_the_server_does_not_outlive_a_killed_job():
    script = (
        "import time\n"
        "from understudy.models.llama.server import embedded_server\n"
        f"with embedded_server({str(packaged_model())!r}, 512) as url: print(url, flush=True); time.sleep(60)"
    )
    job = subprocess.Popen(in_a_process(script), stdout=subprocess.PIPE, text=True)
    base_url = job.stdout.readline().strip()
    assert post(base_url, "/tokenize", {"content": "Hi"})["tokens"]
    job.kill()
    job.wait()
    job.stdout.close()
    time.sleep(1)
    with pytest.raises(OSError):
        post(base_url, "/tokenize", {"content": "Hi"})
