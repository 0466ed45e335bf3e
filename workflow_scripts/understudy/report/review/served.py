"""The review page, served: a decision is in data/curation.csv at once, and a right answer in the hand-written pairs."""

import asyncio
import csv
import io
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from understudy.dataset.curation import COLUMNS, DECISIONS, check_decision, read_curation
from understudy.dataset.hand_written_pairs import check_hand_written
from understudy.report.review.flags import LINK, flagged_answers
from understudy.report.review.rests_on import passages_of_pairs
from understudy.report.review.review_page import page_data, part, served_page
from understudy.serving.application import guarded_application, page_file
from understudy.serving.guard import Hosts
from understudy.serving.page_api import changing
from understudy.serving.requests import text_of
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, read_json_lines, write_text

CURATION, FLAGS, VIDEOS = Path("data/curation.csv"), Path("data/flags.csv"), Path("data/videos.json")
PAIRS = (Path("data/dataset/pairs.jsonl"), Path("data/dataset/rejected.jsonl"))
HAND_WRITTEN = Path("data/hand_written.jsonl")
LONGEST_TEXT, LONGEST_NAME = 100_000, 500
EDITS = ("edited_question", "edited_answer", "note")


@dataclass
class Review:
    """The pairs of the project in the working directory. `hand_written` is its file of hand-written pairs."""

    name: str
    hand_written: Path
    # Between the reading and the writing of a file nothing else may change it.
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def page(self) -> str:
        """The page as the files are now. Raises InputFileError."""
        pairs = self.pairs()
        talks = sorted({pair["video_id"] for pair in pairs if pair["video_id"]})
        transcripts = [str(path) for talk in talks if (path := Path(f"data/transcripts/{talk}.json")).is_file()]
        videos = read_json(VIDEOS) if VIDEOS.is_file() else []
        source_files = {video["video_id"]: video["source_file"] for video in videos}
        flags = flagged_answers(FLAGS if FLAGS.is_file() else None, self.right_answers())
        passages = passages_of_pairs(pairs, transcripts, source_files)
        return served_page(page_data(pairs, passages, flags, self.curation(), self.name))

    def pairs(self) -> list[dict]:
        for path in PAIRS:
            if not path.is_file():
                raise InputFileError(f"{path} is missing: `understudy run {PAIRS[0]}` makes it. Then this again.")
        return [pair for path in PAIRS for _, pair in read_json_lines(path)]

    def curation(self):
        return read_curation(str(CURATION) if CURATION.is_file() else None)

    def decide(self, decision: dict[str, str]) -> None:
        """Put one decision into the file, in the place of an earlier one on the same pair. One that says nothing is taken out.

        Raises InputFileError where the file has a fault, which is left as it is."""
        with self._changing:
            rows = self.curation()[COLUMNS].to_dict("records")
            about = (decision["video_id"], decision["slot"])
            kept = [
                row
                for row in rows
                if (row["video_id"], row["slot"]) != about
                or row["question_sha256"] not in ("", decision["question_sha256"])
            ]
            said = [decision] if decision["decision"] or decision["note"] else []
            text = io.StringIO()
            writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
            writer.writeheader()
            writer.writerows([*kept, *said])
            write_text(CURATION, text.getvalue())

    def right_answers(self) -> dict[str, str]:
        """The hand-written answers by their questions."""
        if not self.hand_written.is_file() or self.hand_written.suffix != ".jsonl":
            return {}
        rows = [row for _, row in read_json_lines(self.hand_written)]
        return {
            row["question"]: row["answer"]
            for row in rows
            if isinstance(row, dict) and {"question", "answer"} <= row.keys()
        }

    def write_pair(self, pair: dict[str, str]) -> None:
        """Add a hand-written pair; one with the same question is replaced. Raises InputFileError for a file that isn't ours."""
        path = self.hand_written
        check_hand_written(pair, str(path))
        if path.suffix != ".jsonl" or not path.resolve().is_relative_to(Path.cwd()):
            raise InputFileError(
                f"dataset.extra_pairs is {path}: only a .jsonl file inside of the project is written. Add the pair yourself, or "
                "name another file."
            )
        with self._changing:
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            # Also where the file has a fault, which this names.
            rows = read_json_lines(path) if path.is_file() else []
            same = {number for number, row in rows if isinstance(row, dict) and row.get("question") == pair["question"]}
            kept = [line for number, line in enumerate(lines, 1) if number not in same and line.strip()]
            write_text(path, "\n".join([*kept, json.dumps(pair, ensure_ascii=False)]) + "\n")


def create_review(review: Review, hosts: Hosts) -> Starlette:
    """The application of a review."""
    application = guarded_application(
        [
            Route("/", page),
            Route("/review.js", program),
            Route("/review.css", style),
            Route("/page/{name:path}", page_file),
            Route("/api/decisions", decisions, methods=["POST"]),
            Route("/api/right-answers", right_answers, methods=["POST"]),
        ],
        hosts,
    )
    application.state.review = review
    return application


async def page(request: Request) -> Response:
    text = await asyncio.to_thread(request.app.state.review.page)
    headers = {"Cache-Control": "no-store"}
    return Response(text.encode("utf-8", "replace"), headers=headers, media_type="text/html; charset=utf-8")


async def program(_: Request) -> Response:
    return Response(part("page.js"), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def style(_: Request) -> Response:
    return Response(part("page.css"), media_type="text/css", headers={"Cache-Control": "no-cache"})


async def decisions(request: Request) -> JSONResponse:
    """Keep one decision."""
    body = await changing(request)
    decision = {name: whole(text_of(body, name, LONGEST_NAME)) for name in ("video_id", "slot", "question_sha256")}
    decision["decision"] = text_of(body, "decision", LONGEST_NAME)
    decision |= {name: whole(text_of(body, name, LONGEST_TEXT, default="")) for name in EDITS}
    if decision["decision"] not in DECISIONS:
        raise HTTPException(400, f"decision is none of {', '.join(filter(None, DECISIONS))}.")
    try:
        check_decision("This decision", decision)
    except InputFileError as error:
        raise HTTPException(400, str(error)) from None
    await asyncio.to_thread(request.app.state.review.decide, decision)
    return JSONResponse({})


async def right_answers(request: Request) -> JSONResponse:
    """Write the right answer to a question as a hand-written pair, of the talk that `link` leads to."""
    body = await changing(request)
    pair = {name: whole(text_of(body, name, LONGEST_TEXT)) for name in ("question", "answer")}
    link = text_of(body, "link", LONGEST_NAME, default="")
    if LINK.fullmatch(link):
        pair["video_id"] = link.removeprefix("https://youtu.be/")[:11]
    try:
        check_hand_written(pair, "This pair")
    except InputFileError as error:
        raise HTTPException(400, str(error)) from None
    await asyncio.to_thread(request.app.state.review.write_pair, pair)
    return JSONResponse({"file": str(request.app.state.review.hand_written)})


def whole(text: str) -> str:
    """Half a character, as JSON may have one, can't be written."""
    return text.encode("utf-8", "replace").decode("utf-8")
