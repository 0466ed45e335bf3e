"""Tell what the two passes will take before a single request: calls, tokens, money, time, and what is stored already."""

from pathlib import Path
from statistics import mean
from typing import NamedTuple

from tabulate import tabulate

from lib.job_log import log, start_job_log
from lib.planned_requests import Prompts, VideoRequests, requests_of_project
from lib.prices import prices_of
from lib.response_store import ResponseStore
from lib.spending import MILLION, ledger_lines, spent_usd
from lib.teacher_servers import store_identity
from lib.teaching_requests import Request

# A token of English is 4.5 characters for most tokenizers, of other languages down to two and a half.
CHARACTERS_OF_A_TOKEN = {"low": 5.0, "high": 3.0}
# Before anything was answered: what a published run of this kind gave, and twice as much for models that reason first.
FIRST_GUESS = {"questions": (600, 2500), "answers": (200, 900)}
SECONDS_OF_A_CALL = {"questions": (8, 40), "answers": (4, 20)}
WORDS_A_MINUTE, MINUTES_UNKNOWN, CHARACTERS_OF_A_WORD = 150, 12, 5.7
LOWEST_CACHED_SHARE = {"low": 0.8, "high": 0.0}


class Calls(NamedTuple):
    """What one pass will ask. Characters of all prompts; `shared` of them open a video's requests after its first."""

    calls: int
    characters: int
    shared: int
    stored: int


def calls_of_passes(videos: list[VideoRequests], slots: int, store: ResponseStore) -> dict[str, Calls]:
    """Count what is left to ask in each pass. A video without transcript or questions counts as a usual one."""
    lengths = [len(video.transcript["text"]) for video in videos if video.questions]
    questions, answers, stored_questions, stored_answers = [], [], 0, 0
    for video in videos:
        if video.transcript is not None and video.questions is None:
            continue
        length = len(video.transcript["text"]) if video.transcript else guessed_length(video.video, lengths)
        if video.questions is not None and store.has(video.questions):
            stored_questions += 1
        else:
            questions.append(characters_of(video.questions) if video.questions else length + 2000)
        if video.answers is not None:
            left = [request for request in video.answers if not store.has(request)]
            stored_answers += len(video.answers) - len(left)
            answers.append([characters_of(request) for request in left])
        else:
            answers.append([length + 2500] * slots)
    every_answer = [characters for of_video in answers for characters in of_video]
    shared = sum(sum(of_video[1:]) for of_video in answers)
    return {
        "questions": Calls(len(questions), sum(questions), 0, stored_questions),
        "answers": Calls(len(every_answer), sum(every_answer), shared, stored_answers),
    }


def guessed_length(video: dict, lengths: list[int]) -> int:
    """Characters of a talk that is not fetched yet: by its duration, else as long as the others are."""
    if video["duration_s"]:
        return int(video["duration_s"] / 60 * WORDS_A_MINUTE * CHARACTERS_OF_A_WORD)
    return int(mean(lengths)) if lengths else int(MINUTES_UNKNOWN * WORDS_A_MINUTE * CHARACTERS_OF_A_WORD)


def characters_of(request: Request) -> int:
    return sum(len(message["content"]) for message in request.messages)


def completion_tokens(pass_: str, lines: list[dict]) -> tuple[float, float]:
    """Tokens of a reply, low and high: what this project's replies took so far, else a guess."""
    taken = [line["completion_tokens"] for line in lines if line["pass"] == pass_]
    return (0.8 * mean(taken), 1.2 * mean(taken)) if taken else FIRST_GUESS[pass_]


def prompt_tokens(calls: Calls, bound: str) -> float:
    return calls.characters / CHARACTERS_OF_A_TOKEN[bound]


def cached_tokens(calls: Calls, bound: str) -> float:
    """Tokens of the prompts that a server with a cache has read before: at best all that a video's answers share."""
    return LOWEST_CACHED_SHARE[bound] * calls.shared / CHARACTERS_OF_A_TOKEN[bound]


def price(calls: Calls, completion: float, prices: dict, bound: str) -> float:
    """US dollars of a pass."""
    cached = cached_tokens(calls, bound)
    fresh = prompt_tokens(calls, bound) - cached
    cached_price = prices.get("cached_input", prices["input"])
    return (fresh * prices["input"] + cached * cached_price + calls.calls * completion * prices["output"]) / MILLION


def plan_text(
    passes: dict[str, Calls], lines: list[dict], prices: dict | None, origin: str, in_flight: int, spent: float
) -> str:
    """The plan as a table and sentences."""
    rows, low_usd, high_usd, low_s, high_s = [], 0.0, 0.0, 0.0, 0.0
    for pass_, calls in passes.items():
        low, high = completion_tokens(pass_, lines)
        low_s += calls.calls * SECONDS_OF_A_CALL[pass_][0] / in_flight
        high_s += calls.calls * SECONDS_OF_A_CALL[pass_][1] / in_flight
        usd = ""
        if prices is not None:
            bounds = price(calls, low, prices, "low"), price(calls, high, prices, "high")
            low_usd, high_usd = low_usd + bounds[0], high_usd + bounds[1]
            usd = "{:.2f} to {:.2f}".format(*bounds)
        prompts = prompt_tokens(calls, "low"), prompt_tokens(calls, "high")
        rows.append(
            [
                pass_,
                calls.calls,
                calls.stored,
                "{} to {}".format(*map(thousands, prompts)),
                "{} to {}".format(*map(thousands, (calls.calls * low, calls.calls * high))),
                f"0 to {calls.shared / max(1, calls.characters):.0%}",
                usd,
            ]
        )
    headers = ["pass", "calls", "stored", "prompt tokens", "completion tokens", "cached", "US dollars"]
    total = (
        f"{low_usd:.2f} to {high_usd:.2f} US dollars ({origin}), {spent:.2f} spent so far."
        if prices
        else f"No price: {origin}."
    )
    return (
        tabulate(rows, headers=headers, disable_numparse=True)
        + f"\n\nAll in all: {total}\nAbout {hours(low_s)} to {hours(high_s)} with {in_flight} requests in flight."
    )


def thousands(number: float) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(1, round(seconds / 60))} min"


def plan_teaching(data: Path, config: dict, identity: dict, prompts: Prompts, slots: list[str], in_flight: int) -> None:
    """Log the plan of a project whose data is in `data`."""
    teacher = config["teacher"]
    store = ResponseStore(store_identity(identity))
    videos = list(requests_of_project(data, config, prompts, slots, store))
    without = sum(video.transcript is None for video in videos)
    passes = calls_of_passes(videos, len(slots), store)
    prices, origin = prices_of(teacher["model"], teacher["prices"])
    spent = spent_usd(data / "spending")
    name = teacher["model"] or teacher["gguf"]
    log.info("The plan for %d videos with %s:\n", len(videos), name)
    log.info("%s", plan_text(passes, ledger_lines(data / "spending"), prices, origin, in_flight, spent))
    if without:
        log.info(
            "%d videos have no transcript yet: their length is guessed. snakemake channel_report fetches them.", without
        )
    if teacher["budget_usd"] is not None:
        log.info("teacher.budget_usd stops the project at %.2f.", teacher["budget_usd"])


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    plan_teaching(
        data=Path("data"),
        config=snakemake.config,
        identity=snakemake.params.teacher,
        prompts=Prompts(snakemake.input.questions_prompt, snakemake.input.answers_prompt),
        slots=snakemake.params.slots,
        in_flight=snakemake.params.in_flight,
    )
