"""A small Hugging Face hub on loopback that takes models: repositories, LFS batches, parts, commits.

It has no xet: HF_HUB_DISABLE_XET=1 makes huggingface_hub speak LFS."""

import base64
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

TOKEN = "hf_publishpublishpublish"
LARGE = (".safetensors", ".gguf")


class Stored(NamedTuple):
    """A file of a repository."""

    content: bytes
    is_large: bool

    @property
    def oid(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def entry(self, path: str) -> dict:
        lfs = {"oid": self.sha256, "size": len(self.content), "pointerSize": 130}
        oid = "f" * 40 if self.is_large else self.oid
        return {"type": "file", "path": path, "size": len(self.content), "oid": oid} | (
            {"lfs": lfs} if self.is_large else {}
        )


class Repository:
    """`files` by path, `commits` with their messages."""

    def __init__(self, is_private: bool):
        self.is_private = is_private
        self.files: dict[str, Stored] = {}
        self.commits: list[str] = []


class FakeUploadHub:
    """`requests` has (method, path); `sent` the sha256 of each large file that came in whole."""

    def __init__(self, part_size: int | None = None):
        self.part_size = part_size  # bytes of a part, for the multipart protocol
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.parts: dict[tuple[str, int], bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.sent: list[str] = []
        self.faults: list[tuple[str, int, str]] = []  # a pattern of paths, status, message: each one once
        self.holds: str | None = None  # the sha256 of the file in whose middle the hub waits
        self.is_holding = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.answer(self)

            do_POST = do_PUT = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.holds = None
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request) -> None:
        path = urlsplit(request.path).path
        self.requests.append((request.command, path))
        body = self.body_of(request, path)
        fault = next((fault for fault in self.faults if re.search(fault[0], path)), None)
        if fault:
            self.faults.remove(fault)
            return self.reply(request, {"error": fault[2]}, fault[1])
        is_signed = path.startswith("/large/")
        if not is_signed and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.reply(request, {"error": "Invalid credentials in Authorization header"}, 401)
        for pattern, method in ROUTES.items():
            if found := re.fullmatch(pattern, path):
                return getattr(self, method)(request, body, *found.groups())
        return self.reply(request, {"error": f"no route {path}"}, 404)

    def body_of(self, request, path: str) -> bytes:
        """Read what was sent, in one piece or in chunks; of a file that is held only the beginning, and the rest never."""
        if request.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(request.rfile.readline(), 16):
                pieces.append(request.rfile.read(size))
                request.rfile.readline()
            request.rfile.readline()
            return b"".join(pieces)
        length = int(request.headers.get("Content-Length") or 0)
        if self.holds and self.holds in path and request.command == "PUT":
            request.rfile.read(length // 2)
            self.is_holding.set()
            while self.holds:
                time.sleep(0.01)
            request.close_connection = True
            return b""
        return request.rfile.read(length)

    def reply(self, request, record, status: int = 200, headers: dict | None = None) -> None:
        body = json.dumps(record).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {}), "Content-Length": len(body)}.items():
            request.send_header(name, str(value))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    def create(self, request, body) -> None:
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] != "owner":
            return self.reply(request, {"error": f"You don't have the rights to create a model under {name}"}, 403)
        if name in self.repositories:
            known = {"error": "You already created this model repo", "url": f"{self.url}/{name}"}
            return self.reply(request, known, 409)
        self.repositories[name] = Repository(asked["visibility"] == "private")
        return self.reply(request, {"url": f"{self.url}/{name}"})

    def validate(self, request, body) -> None:
        head = json.loads(body)["content"]
        errors = [] if head.startswith("---\n") else [{"message": "no metadata"}]
        self.reply(request, {"warnings": [], "errors": errors}, 400 if errors else 200)

    def info(self, request, body, name) -> None:
        repository = self.repositories.get(name)
        if repository is None:
            return self.reply(request, {"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        record = {"id": name, "_id": "1", "modelId": name, "sha": "a" * 40, "private": repository.is_private}
        return self.reply(request, {**record, "tags": [], "siblings": []})

    def tree(self, request, body, name) -> None:
        files = self.repositories[name].files
        self.reply(request, [stored.entry(path) for path, stored in sorted(files.items())])

    def preupload(self, request, body, name) -> None:
        files = self.repositories[name].files
        asked = json.loads(body)["files"]
        modes = {file["path"]: "lfs" if file["path"].endswith(LARGE) else "regular" for file in asked}
        known = {path: stored.sha256 if stored.is_large else stored.oid for path, stored in files.items()}
        self.reply(
            request,
            {
                "files": [
                    {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": known.get(path)}
                    for path, mode in modes.items()
                ]
            },
        )

    def batch(self, request, body, name) -> None:
        objects = [self.object_of(asked) for asked in json.loads(body)["objects"]]
        self.reply(request, {"transfer": "multipart" if self.part_size else "basic", "objects": objects})

    def object_of(self, asked: dict) -> dict:
        oid, size = asked["oid"], asked["size"]
        if oid in self.large:
            return {"oid": oid, "size": size}
        href, header = f"{self.url}/large/{oid}", {}
        if self.part_size:
            count = -(-size // self.part_size)
            header = {f"{number:05d}": f"{href}/{number}" for number in range(1, count + 1)}
            header["chunk_size"] = str(self.part_size)
            href = f"{href}/complete"
        actions = {"upload": {"href": href, "header": header}, "verify": {"href": f"{self.url}/verify/{oid}"}}
        return {"oid": oid, "size": size, "actions": actions}

    def take(self, request, body, oid) -> None:
        self.keep(oid, body)
        self.reply(request, {})

    def take_part(self, request, body, oid, number) -> None:
        self.parts[oid, int(number)] = body
        self.reply(request, {}, headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def complete(self, request, body, oid) -> None:
        numbers = [part["partNumber"] for part in json.loads(body)["parts"]]
        self.keep(oid, b"".join(self.parts[oid, number] for number in numbers))
        self.reply(request, {})

    def keep(self, oid: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() == oid:
            self.large[oid] = content
            self.sent.append(oid)

    def verify(self, request, body, oid) -> None:
        is_whole = len(self.large.get(oid, b"")) == json.loads(body)["size"]
        self.reply(request, {} if is_whole else {"error": "not whole"}, 200 if is_whole else 422)

    def commit(self, request, body, name) -> None:
        repository = self.repositories[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repository.commits.append(value["summary"])
            elif line["key"] == "file":
                repository.files[value["path"]] = Stored(base64.b64decode(value["content"]), False)
            elif line["key"] == "lfsFile":
                repository.files[value["path"]] = Stored(self.large[value["oid"]], True)
            elif line["key"] == "deletedFile":
                del repository.files[value["path"]]
        self.reply(request, {"commitUrl": f"{self.url}/{name}/commit/{'b' * 40}", "commitOid": "b" * 40})


NAME = r"([\w.-]+/[\w.-]+)"
ROUTES = {
    "/api/repos/create": "create",
    "/api/validate-yaml": "validate",
    f"/api/models/{NAME}": "info",
    f"/api/models/{NAME}/tree/main": "tree",
    f"/api/models/{NAME}/preupload/main": "preupload",
    f"/api/models/{NAME}/commit/main": "commit",
    rf"/{NAME}\.git/info/lfs/objects/batch": "batch",
    r"/large/(\w{64})": "take",
    r"/large/(\w{64})/(\d+)": "take_part",
    r"/large/(\w{64})/complete": "complete",
    r"/verify/(\w{64})": "verify",
}
