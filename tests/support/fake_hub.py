"""A small Hugging Face hub on loopback, speaking what huggingface_hub asks for: model info, files, Range, error codes."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "owner/model"


class FakeHub:
    """Serves the files of `folder` as owner/model. `requests` has (method, path, Range header, Authorization header)."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.requests: list[tuple[str, str, str | None, str | None]] = []
        self.refusal: tuple[int, str, str] | None = None  # status, X-Error-Code, X-Error-Message
        self.breaks_after: int | None = None  # bytes of a weight file, once; then 500 until it is mended
        self.waits_after: int | None = None  # bytes of a weight file, until it is told to go on
        self.is_down = False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def downloaded(self) -> list[str]:
        return [path.rsplit("/", 1)[1] for _, path, _, _ in self.requests if "/resolve/" in path]

    def answer(self, request) -> None:
        headers = request.headers
        self.requests.append((request.command, request.path, headers.get("Range"), headers.get("Authorization")))
        if self.is_down:
            self.refuse(request, 500, "", "")
        elif self.refusal:
            self.refuse(request, *self.refusal)
        elif request.path.startswith("/api/models/"):
            self.give_info(request)
        else:
            self.give_file(request, self.folder / request.path.rsplit("/", 1)[1])

    def refuse(self, request, status: int, code: str, message: str) -> None:
        self.send(request, status, b"", {"X-Error-Code": code, "X-Error-Message": message} if code or message else {})

    def give_info(self, request) -> None:
        revision = request.path.split("?")[0].partition("/revision/")[2] or "main"
        if not request.path.startswith(f"/api/models/{MODEL}"):
            return self.refuse(request, 404, "RepoNotFound", "Repository not found")
        if revision not in ("main", "v1", COMMIT):
            return self.refuse(request, 404, "RevisionNotFound", "Invalid rev id")
        siblings = []
        for path in sorted(self.folder.iterdir()):
            content = path.read_bytes()
            sibling = {"rfilename": path.name, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            if path.suffix in (".safetensors", ".bin"):
                sibling["lfs"] = {
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "size": len(content),
                    "pointerSize": 130,
                }
            siblings.append(sibling)
        body = {
            "id": MODEL,
            "_id": "1",
            "modelId": MODEL,
            "sha": COMMIT,
            "private": False,
            "tags": [],
            "siblings": siblings,
        }
        return self.send(request, 200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def give_file(self, request, path: Path) -> None:
        if not path.is_file():
            return self.refuse(request, 404, "EntryNotFound", "Entry not found")
        content = path.read_bytes()
        begin = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        extra = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if begin:
            extra["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        stop = None
        if self.breaks_after is not None and path.suffix == ".safetensors":
            stop, self.breaks_after, self.is_down = self.breaks_after, None, True
        elif self.waits_after is not None and path.suffix == ".safetensors":
            stop = self.waits_after
        return self.send(request, 206 if begin else 200, content[begin:], extra, stop)

    def send(self, request, status: int, body: bytes, headers: dict[str, str], stop: int | None = None) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body[:stop])
        while self.waits_after is not None and stop is not None:
            time.sleep(0.01)
        if stop is not None:
            request.close_connection = True
