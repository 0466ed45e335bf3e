"""Somebody's OpenAI-compatible engine, which says what a test wants it to say."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 24


class FakeEngine:
    """Answers every question with `answer`, in pieces; after `holds` pieces, if that is set, it waits for `goes_on`."""

    def __init__(self) -> None:
        self.answer = ""
        self.holds: int | None = None
        self.goes_on = threading.Event()
        # A client has gone in the midst of an answer.
        self.left = threading.Event()
        self.asked: list[list[dict]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "FakeEngine":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()

    def says(self, answer: str, holds: int | None = None) -> None:
        """What comes next."""
        self.answer, self.holds = answer, holds
        self.goes_on.clear()

    def pieces(self) -> list[str]:
        """The answer as it is sent."""
        return [self.answer[at : at + PIECE] for at in range(0, len(self.answer), PIECE)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self.reply(json.dumps({"object": "list", "data": [{"id": "theirs", "object": "model"}]}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not body.get("stream"):
                    return self.reply(json.dumps({"choices": [{"message": {"content": engine.answer}}]}))
                engine.asked.append(body["messages"])
                # The client goes when somebody stops an answer.
                try:
                    self.stream()
                except ConnectionError:
                    engine.left.set()

            def stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for number, piece in enumerate(engine.pieces()):
                    if number == engine.holds:
                        engine.goes_on.wait()
                    self.send({"delta": {"content": piece}, "finish_reason": None})
                self.send({"delta": {}, "finish_reason": "stop"})
                self.wfile.write(b"data: [DONE]\n\n")

            def reply(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def send(self, choice: dict) -> None:
                chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()

        return Handler
