"""Three questions and answers of one talk, beside its transcript, before all talks are paid for: understudy preview [TALK]

Pass 1 is the project's own job, and an answer is asked for with the request that the job `answers` will make: its reply is
stored, so that nothing is asked twice."""

import os
import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

from understudy.commands.project import check_talks, configuration_of_project, enter_project
from understudy.commands.run import make_first
from understudy.commands.running.ending import command_again
from understudy.passages.cutting import plain_line
from understudy.passages.support import Place, PlacesOfAnswers
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json, write_text
from understudy.shared.formats import clock_time, counted
from understudy.shared.run import remove_stop_file
from understudy.teach.answers import asked_answers
from understudy.teach.question_list import read_questions, slots_of
from understudy.teacher.client import Job
from understudy.teacher.prompts import messages_about, prompt_file
from understudy.teacher.servers import EmbeddedWork, teacher_for, teacher_identity
from understudy.text.language import language_of_talk
from understudy.text.safe_html import content_policy, rendered_answer

DATA, PAGE = Path("data"), Path("data/preview/index.html")
LOCKS = Path(".snakemake/locks")
SHOWN, WORDS_OF_A_PLACE = 3, 120
# Videos without captions are passed over, as long as not nearly all are.
MOST_TRIED = 5
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1rem; color: #222; background: #fff }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem }
section { min-width: 0; overflow-wrap: anywhere }
.talk { max-height: 85vh; overflow-y: auto; position: sticky; top: 0 }
.talk p { margin: .2rem 0 }
time { color: #666; margin-right: .5rem }
mark { background: #fff3bf; color: inherit }
h2 { font-size: 1.1rem }
.status { color: #a33 }
@media (max-width: 50rem) { main { display: block } .talk { max-height: none; position: static } }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #1b1b1b } mark { background: #5c4b00 } time { color: #999 }
}
"""


class Shown(NamedTuple):
    """An answer's record, and the place in the talk that holds most of it."""

    record: dict
    place: Place | None


def preview(directory: Path | None, talk: str | None) -> int:
    """Ask for three answers of one talk, print them, write the page, and return an exit status.

    `talk` is an id or a part of a title; without it the first talk that has captions. Raises UnderstudyError."""
    enter_project(directory)
    config = configuration_of_project()
    check_talks(config, "preview asks the teacher model about a talk")
    again = command_again([talk] if talk else [], directory, "preview")
    status = make_first(["--", str(DATA / "videos.json")], config, again)
    if status:
        return status
    for video in videos_meant(read_json(DATA / "videos.json"), talk)[:MOST_TRIED]:
        # Without captions a talk gets no questions, and the teacher isn't asked.
        status = make_first(["--", str(DATA / "questions" / f"{video['video_id']}.json")], config, again)
        if status:
            return status
        transcript = read_json(DATA / "transcripts" / f"{video['video_id']}.json")
        if transcript["status"] == "ok":
            show(transcript, answers_shown(transcript, config))
            return 0
    raise UnderstudyError(
        "None of these talks has captions: `understudy run channel_report` says why. Name another one."
    )


def videos_meant(videos: list[dict], talk: str | None) -> list[dict]:
    """The videos with this id, else with this in their title, else all. Raises UnderstudyError if there is none."""
    if talk is None:
        found = videos
    else:
        found = [video for video in videos if video["video_id"] == talk]
        found = found or [video for video in videos if talk.casefold() in video["title"].casefold()]
    if not found:
        wanted = "has no talk" if talk is None else f"has no talk with {talk!r} as its id or in its title"
        raise UnderstudyError(f"data/videos.json {wanted}.")
    return found


def answers_shown(transcript: dict, config: dict) -> list[Shown]:
    """Ask for the answers to the first questions of a talk, as the job `answers` would."""
    slots = slots_of(config["questions"]["per_video"])
    questions = read_questions(DATA / "questions" / f"{transcript['video_id']}.json", slots)["questions"][:SHOWN]
    if not questions:
        raise UnderstudyError(
            f"{transcript['video_id']}: the teacher has written no question to this talk. Name another one."
        )
    if not any(LOCKS.glob("*")):
        # What stopped an earlier run is looked at anew.
        remove_stop_file()
    identity, style = teacher_identity(config["teacher"]), config["answers"]
    title = plain_line(transcript["title"])
    print(f"Asking for {counted(len(questions), 'answer')} about {title} ...", file=sys.stderr, flush=True)
    job = Job(f"preview-{transcript['video_id']}", transcript["video_id"], len(questions))
    work = EmbeddedWork(os.cpu_count() or 1, messages_about(transcript))
    with teacher_for(job, identity, config["teacher"], work) as teacher:
        is_warm = identity["gguf"] is not None
        records = asked_answers(
            teacher, transcript, questions, prompt_file("answers.md"), style, job.in_flight, is_warm
        )
    places = PlacesOfAnswers(transcript["segments"], language_of_talk(transcript), WORDS_OF_A_PLACE)
    return [Shown(record, places.of(record["answer"]) if record["status"] == "ok" else None) for record in records]


def show(transcript: dict, answers: list[Shown]) -> None:
    """Print the answers, each with its place in the talk, and write the page."""
    print(f"\n{plain_line(transcript['title'])}\n")
    for number, (record, place) in enumerate(answers, 1):
        print(f"{number}. {plain_line(record['question'])}\n")
        if record["status"] != "ok":
            print(f"   ({record['status']})")
        print("\n".join(f"   {plain_line(line)}".rstrip() for line in record["answer"].splitlines()))
        if place is not None:
            print(f"\n   Nearest in the talk, {span_of(place)}: {plain_line(place.text)}")
        print()
    write_text(PAGE, page(transcript, answers))
    print(f"Beside the whole transcript: {PAGE.resolve()} (`understudy open preview`)")
    print(
        "The replies are stored, and `understudy run` does not ask for them again. What all talks take: `understudy plan`."
    )


def span_of(place: Place) -> str:
    return f"{clock_time(place.start_s)} to {clock_time(place.end_s)}"


def page(transcript: dict, answers: list[Shown]) -> str:
    """The transcript beside the answers; where an answer is from is marked."""
    places = [place for _, place in answers if place is not None]
    spoken = "\n".join(spoken_line(segment, places) for segment in transcript["segments"])
    told = "\n".join(answer_block(number, shown) for number, shown in enumerate(answers, 1))
    title = escape(plain_line(transcript["title"]))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{content_policy("", STYLE)}">
<title>Preview: {title}</title><style>{STYLE}</style></head>
<body><h1>{title}</h1><main><section class="talk" aria-label="The talk">{spoken}</section>
<section aria-label="Questions and answers">{told}</section></main></body></html>
"""


def spoken_line(segment: list, places: list[Place]) -> str:
    """A segment [start_s, duration_s, text] of the talk; start and duration are null in plain text."""
    start_s, duration_s, text = segment
    said = escape(plain_line(text))
    if start_s is None:
        return f"<p>{said}</p>"
    is_marked = any(start_s < place.end_s and start_s + duration_s > place.start_s for place in places)
    return f"<p><time>{clock_time(start_s)}</time>{f'<mark>{said}</mark>' if is_marked else said}</p>"


def answer_block(number: int, shown: Shown) -> str:
    record, place = shown
    status = "" if record["status"] == "ok" else f'<p class="status">{escape(record["status"])}</p>'
    where = "" if place is None else f"<p>Nearest in the talk: <mark>{span_of(place)}</mark></p>"
    return (
        f"<article><h2>{number}. {escape(plain_line(record['question']))}</h2>{status}"
        f"{rendered_answer(record['answer'], below=2)}{where}</article>"
    )
