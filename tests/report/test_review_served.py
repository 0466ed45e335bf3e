"""`understudy review` in a real browser: what is decided is in the project's files at once, and nobody else can decide."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser import WITNESS, launched_browser
from chat_server import ChatServer
from hostile import HOSTILE, HOSTILE_FORMULAS
from project import command_line, understudy
from understudy.dataset.curation import question_sha256, read_curation
from understudy.dataset.dataset import COLUMNS
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.serving.kept.flags import add_flag
from understudy.shared.files import read_json_lines, write_json, write_json_lines

TALK, FILE = "aaaaaaaaaaa", "bbbbbbbbbbb"
PAGE = {"X-Understudy": "page", "Content-Type": "application/json"}
expect.set_options(timeout=60_000)


class ReviewServer(ChatServer):
    """`understudy review` on a project."""

    def command(self) -> list[str]:
        return command_line("review", "--directory", self.project, "--port", self.port, *self.options)


def pair(number: int, question: str, answer: str, **changes: object) -> dict:
    record = dict.fromkeys(COLUMNS) | {
        "video_id": TALK,
        "slot": f"q{number:02d}",
        "question": question,
        "answer": answer,
    }
    record |= {"question_sha256": question_sha256(question), "title": "Compost", "tags": ["soil"], "origin": "teacher"}
    record |= {"verdict": "ok", "remarks": [], "split": "train", "tokens": 9, "start_s": 60.0, "end_s": 90.0}
    return record | changes


def project(folder: Path, pairs: list[dict], extra: str | None = None) -> Path:
    (folder / "data/dataset").mkdir(parents=True)
    named = f"dataset:\n  extra_pairs: {extra}\n" if extra else ""
    answers = "answers: {voice: plain}\n"
    (folder / "config.yaml").write_text(
        f"name: garden\nsource: {{captions_dir: captions}}\nteacher: {{model: none}}\nbase_model: none\n{answers}{named}"
    )
    (folder / "captions").mkdir()
    (folder / "captions/Compost.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nWords.\n")
    write_json_lines(folder / "data/dataset/pairs.jsonl", pairs)
    write_json_lines(folder / "data/dataset/rejected.jsonl", [])
    for talk in (TALK, FILE):
        segments = [[62.0, 5.0, f"Said in {talk}."]]
        write_json(folder / f"data/transcripts/{talk}.json", {"video_id": talk, "kind": "manual", "segments": segments})
    videos = [{"video_id": TALK, "source_file": None}, {"video_id": FILE, "source_file": "captions/Beans.srt"}]
    write_json(folder / "data/videos.json", videos)
    return folder


def three_pairs() -> list[dict]:
    return [pair(1, "One?", "First."), pair(2, "Two?", "Second $x$."), pair(3, "Three?", "Third.", video_id=FILE)]


def decided(folder: Path) -> dict[str, str]:
    path = folder / "data/curation.csv"
    return {row["slot"]: row["decision"] for row in csv.DictReader(path.open(newline=""))} if path.exists() else {}


def saved(page: Page) -> str:
    """Wait until the server has all decisions; return what the page says."""
    while page.evaluate("waiting.size || Boolean(sending)"):
        page.wait_for_timeout(50)
    return page.locator("#message").inner_text()


@pytest.fixture(scope="module")
def browser():
    with launched_browser() as launched:
        yield launched


@pytest.fixture
def opened(browser) -> Iterator:
    pages, complaints = [], []

    def open_page(server: ChatServer) -> Page:
        page = browser.new_page()
        page.add_init_script(WITNESS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(server.url) or complaints.append(request.url))
        page.goto(server.url)
        pages.append(page)
        return page

    yield open_page
    assert [one for page in pages for one in page.evaluate("reported")] == []
    assert complaints == []
    for page in pages:
        page.close()


def test_decisions_are_saved_by_themselves_and_undone(opened, tmp_path):
    folder = project(tmp_path / "garden", three_pairs())
    (folder / "data/curation.csv").write_text("video_id,slot,decision,note\nccccccccccc,q09,reject,of another run\n")
    with ReviewServer(folder) as server:
        page = opened(server)
        expect(page.locator("#question")).to_have_text("One?")
        page.keyboard.press("y")
        page.keyboard.press("n")
        assert saved(page) == "Saved in data/curation.csv; the next understudy run applies it."
        assert decided(folder) == {"q09": "reject", "q01": "keep", "q02": "reject"}
        expect(page.locator("#decided")).to_have_js_property("value", 2)
        # An e that is pressed opens the editor and isn't typed into it.
        expect(page.locator("#question")).to_have_text("Three?")
        page.keyboard.press("e")
        expect(page.locator("#edited-answer")).to_be_focused()
        expect(page.locator("#edited-answer")).to_have_value("Third.")
        page.locator("#edited-answer").fill("Another, with e.")
        page.keyboard.press("Control+Enter")
        saved(page)
        page.keyboard.press("u")
        page.keyboard.press("u")
        expect(page.locator("#question")).to_have_text("Two?")
        saved(page)
        assert decided(folder) == {"q09": "reject", "q01": "keep"}
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.reload()
        expect(page.locator("#progress")).to_have_text("1 of 3 decided, 3 shown")
    assert len(read_curation(str(folder / "data/curation.csv"))) == 2


def test_the_passage_and_its_link_stand_beside_the_answer(opened, tmp_path):
    with ReviewServer(project(tmp_path / "garden", three_pairs())) as server:
        page = opened(server)
        expect(page.locator("#said")).to_have_text(f"Said in {TALK}.")
        expect(page.locator("#said-link")).to_have_attribute("href", f"https://youtu.be/{TALK}?t=60")
        answer, said = page.locator("#answer").bounding_box(), page.locator("#rests-on").bounding_box()
        assert said["x"] >= answer["x"] + answer["width"] and abs(said["y"] - answer["y"]) < 30
        page.keyboard.press("j")
        expect(page.locator("#answer math")).to_have_count(1)
        page.keyboard.press("j")
        expect(page.locator("#said")).to_have_text(f"Said in {FILE}.")
        expect(page.locator("#said-link")).to_be_hidden()


@pytest.mark.parametrize("extra", [None, "own.jsonl"])
def test_a_flagged_answer_comes_first_and_its_right_one_is_a_pair(opened, tmp_path, extra):
    folder = project(tmp_path / "garden", three_pairs(), extra)
    if extra:
        write_json_lines(folder / extra, [{"question": "Old?", "answer": "Yes."}])
    passages = [{"heading": "Compost, 1:00", "link": f"https://youtu.be/{TALK}?t=60", "text": "Two years."}]
    flag = {"when": "now", "conversation": "c", "turn": 0, "question": "How long?", "answer": "Nine.", "note": "no"}
    add_flag(folder / "data/flags.csv", passages=passages, **flag)
    with ReviewServer(folder) as server:
        page = opened(server)
        expect(page.locator("#flags")).to_be_visible()
        for text in ("Two.", "Two years."):
            page.locator("#flags textarea").fill(text)
            page.get_by_role("button", name="Keep it as a hand-written pair").click()
            expect(page.locator("#flags .written")).to_contain_text("the next understudy run takes it up")
            page.locator("#flags .written").evaluate("said => { said.textContent = ''; }")
        page.reload()
        expect(page.locator("#question")).to_have_text("One?")
        expect(page.locator("#flags")).to_be_hidden()
    path = folder / (extra or "data/hand_written.jsonl")
    assert [row for _, row in read_json_lines(path)][-1] == {
        "question": "How long?",
        "answer": "Two years.",
        "video_id": TALK,
    }
    videos = [{"video_id": TALK, "title": "Compost", "source_file": None}]
    pairs = hand_written_pairs(str(path), videos)
    assert [one["status"] for one in pairs] == ["ok"] * len(pairs) and len(pairs) == (2 if extra else 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(opened, tmp_path, scheme, width):
    folder = project(tmp_path / "garden", three_pairs())
    add_flag(
        folder / "data/flags.csv", when="now", conversation="c", turn=0, question="W?", answer="A", passages=[], note=""
    )
    with ReviewServer(folder) as server:
        page = opened(server)
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        expect(page.locator("#flags")).to_be_visible()
        for key in (None, "Escape", "?"):
            if key:
                page.keyboard.press(key)
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_is_missing_is_said(tmp_path):
    folder = project(tmp_path / "garden", [])
    (folder / "data/dataset/pairs.jsonl").unlink()
    run = understudy("review", "--directory", folder)
    assert (
        run.returncode == 1
        and "data/dataset/pairs.jsonl is missing: `understudy run data/dataset/pairs.jsonl`" in run.stderr
    )


# What others try


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Iterator[tuple[httpx2.Client, Path]]:
    outside = tmp_path_factory.mktemp("outside") / "own.jsonl"
    outside.write_text("")
    folder = project(tmp_path_factory.mktemp("asked") / "garden", three_pairs(), str(outside))
    (folder / "outside").symlink_to(outside)
    with (
        ReviewServer(folder) as server,
        httpx2.Client(base_url=server.url, trust_env=False, timeout=None) as client,
    ):
        yield client, folder


DECISION = {"video_id": TALK, "slot": "q01", "question_sha256": question_sha256("One?"), "decision": "keep"}
RIGHT = {"question": "Q?", "answer": "A word.", "link": ""}


@pytest.mark.hostile
@pytest.mark.parametrize("path", ["/", "/review.js", "/review.css", "/api/decisions", "/api/right-answers"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403)],
)
def test_other_names_and_other_sites_get_nothing(asked, path, headers, status):
    client, folder = asked
    method = "POST" if path.startswith("/api") else "GET"
    body = {"json": DECISION if "decisions" in path else RIGHT} if method == "POST" else {}
    reply = client.request(method, path, headers={**(PAGE if body else {}), **headers}, **body)
    assert reply.status_code == status and "First." not in reply.text
    assert decided(folder) == {}


@pytest.mark.hostile
@pytest.mark.parametrize("path", ["/api/decisions", "/api/right-answers"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"headers": {"Content-Type": "application/json"}, "json": DECISION | RIGHT}, 403),
        (
            {
                "headers": {"X-Understudy": "page", "Content-Type": "text/plain"},
                "content": json.dumps(DECISION | RIGHT),
            },
            415,
        ),
        ({"headers": PAGE, "content": b"[1"}, 400),
        ({"headers": PAGE, "content": b"[]"}, 400),
        ({"headers": PAGE, "json": {}}, 400),
    ],
    ids=["no header", "a form's type", "no json", "no object", "nothing"],
)
def test_what_our_page_does_not_send_changes_nothing(asked, path, sent, status):
    client, folder = asked
    assert client.post(path, **sent).status_code == status
    assert decided(folder) == {} and not (folder / "data/hand_written.jsonl").exists()


@pytest.mark.hostile
@pytest.mark.parametrize("path", ["/api/decisions", "/api/right-answers"])
def test_a_body_that_is_too_large_changes_nothing(asked, path):
    client, folder = asked
    try:
        assert client.post(path, headers=PAGE, content=b" " * 4_000_001).status_code == 413
    except httpx2.TransportError:
        # The connection may be closed under the sending, which takes the reply with it.
        assert client.get("/").status_code == 200
    assert decided(folder) == {} and not (folder / "data/hand_written.jsonl").exists()


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/decisions", DECISION | {"decision": "delete"}, 400),
        ("/api/decisions", DECISION | {"decision": "edit"}, 400),
        ("/api/decisions", DECISION | {"slot": ""}, 400),
        ("/api/decisions", DECISION | {"note": "x" * 100_001}, 413),
        ("/api/decisions", DECISION | {"note": ["x"]}, 400),
        ("/api/right-answers", RIGHT | {"answer": "  "}, 400),
        # The configuration, which may be a stranger's, names a file outside of the project.
        ("/api/right-answers", RIGHT, 500),
    ],
)
def test_what_can_not_be_kept_is_refused_with_its_reason(asked, path, body, status):
    client, folder = asked
    reply = client.post(path, headers=PAGE, json=body)
    assert reply.status_code == status and reply.json()["error"]
    assert decided(folder) == {} and (folder / "outside").read_text() == ""


@pytest.mark.hostile
def test_hostile_pairs_stay_texts(opened, tmp_path):
    texts = [*HOSTILE, *HOSTILE_FORMULAS]
    pairs = [pair(number, f"{text[:300]} {number}", text, title=text[:200]) for number, text in enumerate(texts, 1)]
    folder = project(tmp_path / "garden", pairs)
    with ReviewServer(folder) as server:
        page = opened(server)
        for _ in texts:
            assert page.locator("#pair :is(script, img, svg, iframe, [style], [onclick], #answer a)").count() == 0
            page.keyboard.press("y")
        saved(page)
        assert page.evaluate("window.hacked") is None
    assert set(decided(folder).values()) == {"keep"} and len(decided(folder)) == len(texts)
