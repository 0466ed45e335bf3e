"""A hosted OpenAI-compatible API on loopback: it counts what it is asked, answers from the request alone, and misbehaves as told.

`faults` is a list of faults, each met by one request in turn; `fault_of` a function that decides for each request. Faults are
described by the `Fault` constructors below, as the real servers show them."""

import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Fault:
    """One way to fail. `status` 0 means that the connection fails instead of the request."""

    status: int = 0
    body: dict | str = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    # reset, slow, cut, stall, twice, not_json, no_usage, length, refusal, content_filter, no_schema, no_choices, half
    how: str = ""
    # What the message has instead of its own, `content` for example.
    message: dict = field(default_factory=dict)


def error(status: int, message: str, code: str | None = None, param: str | None = None, **headers: str) -> Fault:
    """An error as OpenAI's API reports it."""
    names = {key.replace("_", "-"): value for key, value in headers.items()}
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    return Fault(status, body, names)


NO_CREDIT = error(
    429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota"
)
NO_MODEL = error(404, "The model `fake-1` does not exist or you do not have access to it.", "model_not_found")
TOO_MANY = error(429, "Rate limit reached for requests", "rate_limit_exceeded")
OVERLOADED = error(503, "The server is overloaded")
TOO_LONG = error(
    400,
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9311 tokens.",
    "context_length_exceeded",
    "messages",
)


class FakeTeacher:
    """`with FakeTeacher() as teacher`: `teacher.base_url` for the configuration, `teacher.requests` what was asked.

    `first_token_s` and `tokens_per_s` make a reply take as long as a real one's; `refuses` are parameters that it does not know,
    `verdict` is what it says as a judge of question, reference, first and second; `json_schema` and `json_object` whether it
    knows these ways of asking for JSON, or ignores them (None); `caches` whether it reports cached prompt tokens as OpenAI's
    does, in which case the schema comes before the messages; `said_usage` is what it says of every reply's tokens."""

    def __init__(self, delay_s: float = 0.0, questions: int = 3, tokens_per_s: float | None = None):
        self.delay_s = delay_s
        self.tokens_per_s = tokens_per_s
        self.questions = questions
        self.requests: list[dict] = []
        self.models: list[str] | None = None
        self.error: tuple[int, dict] | None = None
        self.faults: list[Fault] = []
        self.fault_of: Callable[[dict, int], Fault | None] = lambda request, number: None
        self.refuses: dict[str, str] = {}
        # What the second reader's reply is made to be, from the pairs it is shown; None: all are fine.
        self.reading = None
        self.json_schema: bool | None = True
        self.json_object: bool | None = True
        self.caches = False
        self.said_usage: dict | None = None
        self.questions_reply: str | None = None
        self.answer_length: Callable[[random.Random], int] | None = None
        self.verdict: Callable[[dict], str] = lambda material: "tie"
        self.in_flight = self.most_in_flight = 0
        self.served = self.lost = 0
        self.service_s = 0.0
        self.served_digests: list[str] = []
        self._seen: list[str] = []
        self._lock = threading.Lock()

    def __enter__(self):
        handler = type("Handler", (Handler,), {"teacher": self})
        self._server = Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def refuses_max_tokens(self) -> bool:
        return "max_tokens" in self.refuses

    @refuses_max_tokens.setter
    def refuses_max_tokens(self, refuses: bool) -> None:
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        self.refuses = {"max_tokens": said} if refuses else {}

    def forget(self) -> None:
        """Count from zero."""
        with self._lock:
            self.requests.clear()
            self.most_in_flight = self.served = 0
            self.service_s = 0.0

    def asked(self, about: str = "", kind: str | None = None) -> list[dict]:
        """The requests whose messages hold `about`; `kind` is questions, answers, reworded, grounded or judge."""
        with self._lock:
            found = list(self.requests)
        return [r for r in found if about in json.dumps(r["messages"]) and kind in (None, kind_of(r))]

    def fault_for(self, request: dict) -> Fault | None:
        """What goes wrong with this request, if anything."""
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
            if self.error:
                return Fault(*self.error)
            if self.faults:
                return self.faults.pop(0)
        for name, said in self.refuses.items():
            if name in request:
                return error(400, said, "unsupported_parameter", name)
        kind = request.get("response_format", {}).get("type")
        if (kind == "json_schema" and self.json_schema is False) or (
            kind == "json_object" and self.json_object is False
        ):
            return error(400, f"response_format type '{kind}' is not supported by this model", param="response_format")
        return self.fault_of(request, number)

    def reply(self, request: dict) -> str:
        digest = digest_of(request)
        if kind_of(request) == "judge":
            return json.dumps({"reason": "It reads so.", "verdict": self.verdict(judged_material(request))})
        if kind_of(request) == "reworded":
            return json.dumps({"questions": [reworded(item) for item in judged_material(request)]})
        if kind_of(request) == "reader":
            pairs = judged_material(request)
            fine = {"verdicts": [{"slot": pair["slot"], "kind": "fine", "words": ""} for pair in pairs]}
            return json.dumps(fine) if self.reading is None else self.reading(pairs)
        if kind_of(request) == "grounded":
            return answer_from(judged_material(request)["passage"])
        if kind_of(request) == "answers":
            answer = answer_about(request, digest)
            return (
                answer if self.answer_length is None else answer.ljust(self.answer_length(random.Random(digest)), ".")
            )
        if self.questions_reply is not None:
            return self.questions_reply
        text = json.dumps({"questions": [question(digest, number) for number in range(self.questions)]})
        kind = request.get("response_format", {}).get("type")
        ignores = (kind == "json_schema" and self.json_schema is None) or (
            kind == "json_object" and self.json_object is None
        )
        if ignores:
            return "Here are some questions that the talk answers:\n1. Why dig?\n2. Why wait?"
        return f"<think>{{hm}}</think> Sure!\n```json\n{text}\n```" if kind is None else text

    def usage(self, request: dict, text: str) -> dict:
        """Token counts, with the cached share of the prompt: blocks of 128 after the first 1,024, as OpenAI caches."""
        if self.said_usage is not None:
            return self.said_usage
        prompt = json.dumps(request["messages"])
        prefix = json.dumps(request.get("response_format", "")) + prompt
        with self._lock:
            shared = max((shared_length(prefix, seen) for seen in self._seen), default=0) if self.caches else 0
            if self.caches:
                self._seen.append(prefix)
        tokens, cached = (len(prompt) // 4, shared // 4) if self.caches else (900, 0)
        usage = {"prompt_tokens": tokens, "completion_tokens": 60, "total_tokens": tokens + 60}
        if self.caches:
            usage["prompt_tokens_details"] = {"cached_tokens": 0 if cached < 1024 else cached // 128 * 128}
        return usage


def shared_length(one: str, other: str) -> int:
    """How many characters two texts share at their beginnings."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def digest_of(request: dict) -> str:
    return hashlib.sha256(json.dumps(request["messages"], sort_keys=True).encode()).hexdigest()


def answer_about(request: dict, digest: str) -> str:
    """A short answer in good form, with words of the talk."""
    content = request["messages"][0]["content"]
    talk = content.split("=====")[2] if content.startswith("=====") else content
    words = sorted({word.strip(".,;:!?") for word in talk.split() if len(word) > 5}) or ["nothing"]
    one, two, three, four = random.Random(digest).choices(words, k=4)
    return (
        f"The **answer** {digest[:8]} is about {one} and {two}.\n\n- **First:** look for {three}.\n- **Second:** wait "
        f"for {four}.\n\n"
        "Slow hands and a good soil are all that it takes."
    )


def question(digest: str, number: int) -> dict:
    return {"question": f"How does part {number} of {digest[:8]} work?", "tags": ["Soil Care", "spring"]}


def reworded(item: dict) -> dict:
    """A question as somebody might ask it who doesn't know the field."""
    return {**item, "question": f"I just moved here, so {item['question'][0].lower()}{item['question'][1:]}"}


def answer_from(passage: str) -> str:
    """A short answer with the words of a passage alone, in an order of its own."""
    words = passage.split()
    lines = [" ".join(words[at : at + 6]).strip(".,") for at in range(0, len(words), 6)]
    return "\n".join(f"- **Point:** {line}." for line in reversed(lines))


def judged_material(request: dict) -> dict | list:
    """What stands between the marks of a request with material."""
    content = request["messages"][0]["content"]
    mark = re.search(r"=====[0-9a-f]{12}=====", content).group()
    return json.loads(content.split(mark)[1])


OPENINGS = {
    "Two answers to one question": "judge",
    "Below are questions that were written": "reworded",
    "Below are a question, a passage": "grounded",
    "Below are questions with their answers": "reader",
}


def kind_of(request: dict) -> str:
    """Pass 1 asks for JSON, by a schema or in words; pass 2 does not; the others open with words of their own."""
    opening = request["messages"][0]["content"]
    for begins, kind in OPENINGS.items():
        if opening.startswith(begins):
            return kind
    in_words = "JSON schema" in request["messages"][-1]["content"]
    return "questions" if in_words or "response_format" in request else "answers"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that was killed is no news."""

    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    """One chat completion at a time, as OpenAI's API answers it."""

    teacher: FakeTeacher
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        """The list of models, where there is one."""
        teacher = self.teacher
        if self.path != "/v1/models" or teacher.models is None:
            return self.send(404, {"error": {"message": "not found"}})
        if teacher.error:
            return self.send(*teacher.error)
        return self.send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in teacher.models]})

    def do_POST(self):
        teacher = self.teacher
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with teacher._lock:
            teacher.in_flight += 1
            teacher.most_in_flight = max(teacher.most_in_flight, teacher.in_flight)
        try:
            fault = teacher.fault_for(request)
            time.sleep(teacher.delay_s)
            self.answer(request, fault)
        finally:
            with teacher._lock:
                teacher.in_flight -= 1

    def answer(self, request: dict, fault: Fault | None) -> None:
        if fault is not None and fault.status:
            return self.send(fault.status, fault.body, fault.headers)
        how = fault.how if fault is not None else ""
        if how == "reset":
            return self.hang_up()
        if how == "slow":
            time.sleep(3)
        text = self.teacher.reply(request)
        if self.teacher.tokens_per_s:
            time.sleep(len(text) / 4 / self.teacher.tokens_per_s)
            with self.teacher._lock:
                self.teacher.service_s += self.teacher.delay_s + len(text) / 4 / self.teacher.tokens_per_s
        message = {"role": "assistant", "content": text, "refusal": None}
        reason = "stop"
        if how in ("length", "content_filter"):
            message["content"], reason = text[:20], how
        message |= fault.message if fault is not None else {}
        if how == "refusal":
            message |= {"content": None, "refusal": "I can't help with that."}
        if how == "half":
            message["content"] = text + " \ud83c"
        if how == "no_schema":
            message["content"] = "Sure! Here you are."
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "fake-1",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": self.teacher.usage(request, text),
        }
        if how == "no_usage":
            del body["usage"]
        if how == "no_choices":
            body["choices"] = []
        with self.teacher._lock:
            self.teacher.served += 1
            self.teacher.lost += how in ("cut", "stall", "twice", "not_json")
            self.teacher.served_digests.append(digest_of(request))
        return self.send(200, "<html>ok" if how == "not_json" else body, how=how)

    def send(self, status: int, body: dict | str, headers: dict | None = None, how: str = "") -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        data = data * 2 if how == "twice" else data
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if how in ("cut", "stall"):
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if how == "stall":
                time.sleep(3)
            return self.hang_up()
        self.wfile.write(data)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_):
        pass
