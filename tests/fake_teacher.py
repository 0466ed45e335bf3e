"""A hosted OpenAI-compatible API on loopback: it counts what it is asked, and answers from the request alone."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeTeacher:
    """`with FakeTeacher() as teacher`: `teacher.base_url` for the configuration, `teacher.requests` what was asked."""

    def __init__(self, delay_s: float = 0.0, questions: int = 3):
        self.delay_s = delay_s
        self.questions = questions
        self.requests: list[dict] = []
        self.error: tuple[int, dict] | None = None
        self.refuses_max_tokens = False
        self.questions_reply: str | None = None
        self._lock = threading.Lock()

    def __enter__(self):
        handler = type("Handler", (Handler,), {"teacher": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def forget(self) -> None:
        """Count from zero."""
        with self._lock:
            self.requests.clear()

    def asked(self, about: str = "", kind: str | None = None) -> list[dict]:
        """The requests whose messages hold `about`; `kind` is questions or answers."""
        with self._lock:
            found = list(self.requests)
        return [r for r in found if about in json.dumps(r["messages"]) and kind in (None, kind_of(r))]

    def reply(self, request: dict) -> str:
        digest = hashlib.sha256(json.dumps(request["messages"], sort_keys=True).encode()).hexdigest()
        if kind_of(request) == "answers":
            return f"The **answer** {digest[:8]} in short.\n\n- **First:** dig.\n- **Second:** wait.\n\nSlow hands."
        if self.questions_reply is not None:
            return self.questions_reply
        return json.dumps({"questions": [question(digest, number) for number in range(self.questions)]})


def question(digest: str, number: int) -> dict:
    return {"question": f"How does part {number} of {digest[:8]} work?", "tags": ["Soil Care", "spring"]}


def kind_of(request: dict) -> str:
    return "questions" if request.get("response_format", {}).get("type") == "json_schema" else "answers"


class Handler(BaseHTTPRequestHandler):
    """One chat completion at a time, as OpenAI's API answers it."""

    teacher: FakeTeacher
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.teacher._lock:
            self.teacher.requests.append(request)
        time.sleep(self.teacher.delay_s)
        if self.teacher.refuses_max_tokens and "max_tokens" in request:
            said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return self.send(400, {"error": {"message": said, "code": "unsupported_parameter"}})
        if self.teacher.error:
            return self.send(*self.teacher.error)
        text = self.teacher.reply(request)
        usage = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "fake-1",
            "choices": [choice],
            "usage": usage,
        }
        return self.send(200, reply)

    def send(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass
