"""Tell what teaching will take before a single request: calls, tokens, money, time, and what is stored already."""

from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from tabulate import tabulate

from understudy.passages.support import longest_passage
from understudy.shared.formats import as_duration, in_thousands
from understudy.shared.log import log
from understudy.teach.pace import Pace, Work
from understudy.teach.planned import LATER_PASSES, Prompts, VideoRequests, requests_of_project
from understudy.teach.reader import TOKENS_OF_A_VERDICT
from understudy.teach.reworded import naive_fraction
from understudy.teacher.api_key import how_it_is_asked
from understudy.teacher.errors import WAYS_OUT
from understudy.teacher.requests import Request
from understudy.teacher.servers import context_of_teacher, store_identity, teacher_identity
from understudy.teacher.spending import MILLION, ledger_lines, prices_of, spent_usd
from understudy.teacher.store import ResponseStore
from understudy.text.transcripts import voices_in

# A token of English is 4.5 characters for most tokenizers, of other languages down to two and a half.
CHARACTERS_OF_A_TOKEN = {"low": 5.0, "high": 3.0}
# The group of the configuration that has the most tokens of a pass's reply.
LENGTH_OF = {"questions": "questions", "answers": "answers", "reworded": "questions", "grounded": "answers"}
# Those that every project has.
TWO_PASSES = ("questions", "answers")
# Before anything was answered: what a published run of this kind gave, and twice as much for models that reason first.
FIRST_GUESS = {
    "questions": (600, 2500),
    "answers": (200, 900),
    "reworded": (200, 1200),
    "grounded": (100, 700),
    "reader": (300, 1500),
}
# Characters of the frame and a usual prompt.
PROMPT_OF_QUESTIONS, PROMPT_OF_ANSWERS, PROMPT_OF_REWORDED, PROMPT_OF_GROUNDED = 2000, 2500, 1500, 2700
PROMPT_OF_READER, CHARACTERS_OF_AN_ANSWER = 2000, 800
CHARACTERS_OF_A_QUESTION = 150
# Of the demo's 122 hand-written answers 35 have no place of 120 words that holds them.
REWRITTEN_SHARE = 0.3
WORDS_A_MINUTE, MINUTES_UNKNOWN, CHARACTERS_OF_A_WORD = 150, 12, 5.7
LOWEST_CACHED_SHARE = {"low": 0.8, "high": 0.0}


class Calls(NamedTuple):
    """What one pass will ask. Characters of all prompts; `shared` of them open a video's requests after its first."""

    calls: int = 0
    characters: int = 0
    shared: int = 0
    stored: int = 0

    def with_calls(self, of_video: list[int], stored: int = 0) -> "Calls":
        """Add a video's requests by their characters."""
        return Calls(
            self.calls + len(of_video),
            self.characters + sum(of_video),
            self.shared + sum(of_video[1:]),
            self.stored + stored,
        )

    def with_requests(self, requests: list[Request], store: ResponseStore) -> "Calls":
        """Add those of a video's requests that the store can't answer, and count the others."""
        left = [request for request in requests if not store.has(request)]
        return self.with_calls([characters_of(request) for request in left], len(requests) - len(left))


class Plan(NamedTuple):
    """What is left to ask in each pass, how many videos there are, and how many without a transcript yet; the longest talk and
    the characters of its longest request; and which talks, in which several speak, can't be asked about."""

    passes: dict[str, Calls]
    videos: int
    without_transcript: int
    longest: tuple[dict, int] | None = None
    unclear: tuple[str, ...] = ()


def plan_of(videos: Iterable[VideoRequests], slots: int, store: ResponseStore, config: dict) -> Plan:
    """Count what is left to ask, one video in memory at a time. What isn't known of a video yet counts as that of a usual one."""
    passes = {pass_: Calls() for pass_ in ("questions", *LATER_PASSES)}
    lengths, unfetched, count = [], [], 0
    longest, unclear = None, []
    for video in videos:
        count += 1
        if video.transcript is None:
            unfetched.append(video.video)
            continue
        if video.questions is None:
            unclear += what_is_unclear(video.transcript)
            continue
        characters = max(map(characters_of, [video.questions, *(video.answers or [])]))
        if longest is None or characters > longest[1]:
            longest = video.video, characters
        length = len(video.transcript["text"])
        lengths.append(length)
        passes["questions"] = passes["questions"].with_requests([video.questions], store)
        usual = usual_calls(length, slots, config)
        for pass_ in LATER_PASSES:
            known = getattr(video, pass_)
            calls = passes[pass_]
            passes[pass_] = calls.with_calls(usual[pass_]) if known is None else calls.with_requests(known, store)
    for video in unfetched:
        length = guessed_length(video, lengths)
        usual = {"questions": [length + PROMPT_OF_QUESTIONS], **usual_calls(length, slots, config)}
        passes = {pass_: calls.with_calls(usual[pass_]) for pass_, calls in passes.items()}
    # Each has a passage of its own.
    passes["grounded"] = passes["grounded"]._replace(shared=0)
    asked = {pass_: calls for pass_, calls in passes.items() if pass_ in TWO_PASSES or calls != Calls()}
    return Plan(asked, count, len(unfetched), longest, tuple(unclear))


def what_is_unclear(transcript: dict) -> list[str]:
    """Why a talk in which several speak is not asked about, in a line, if so."""
    voices = voices_in(transcript)
    if voices is None:
        return []
    why = (
        "which of its speakers is the teacher?"
        if voices.is_unclear
        else "none of its speakers is one of source.speaker."
    )
    return [f"{transcript['video_id']} ({transcript['title']}): {why} {voices.in_words()}"]


def length_text(longest: tuple[dict, int], context: int | None) -> str:
    """How long the longest talk is for the teacher, and whether it fits."""
    video, characters = longest
    low, high = (int(characters / CHARACTERS_OF_A_TOKEN[bound]) for bound in ("low", "high"))
    tokens = f"{in_thousands(low)} to {in_thousands(high)} tokens a request"
    said = f"The longest talk is {video['video_id']} ({video['title']}): {tokens}"
    if context is None:
        return f"{said}. The server doesn't say how many its model takes; compare."
    fits = "it fits" if high <= context else "it may not fit" if low <= context else f"it doesn't fit. {WAYS_OUT}"
    return f"{said}; the teacher takes {in_thousands(context)} with its reply: {fits}."


def usual_calls(length: int, slots: int, config: dict) -> dict[str, list[int]]:
    """The later passes' requests about a talk of `length` characters by their characters, as long as they aren't known."""
    drawn = naive_fraction(config) * slots
    grounding = config["grounding"]
    passage = int(longest_passage(grounding["passage_words"]) * CHARACTERS_OF_A_WORD)
    return {
        "answers": [length + PROMPT_OF_ANSWERS] * slots,
        "reworded": [PROMPT_OF_REWORDED + int(drawn * CHARACTERS_OF_A_QUESTION)] if drawn else [],
        "grounded": [PROMPT_OF_GROUNDED + passage] * round(REWRITTEN_SHARE * slots * grounding["rewrite"]),
        "reader": [PROMPT_OF_READER + slots * (CHARACTERS_OF_A_QUESTION + CHARACTERS_OF_AN_ANSWER)]
        if config["dataset"]["second_reader"]
        else [],
    }


def guessed_length(video: dict, lengths: list[int]) -> int:
    """Characters of a talk that is not fetched yet: by its duration, else as long as the others are."""
    if video["duration_s"]:
        return int(video["duration_s"] / 60 * WORDS_A_MINUTE * CHARACTERS_OF_A_WORD)
    return int(mean(lengths)) if lengths else int(MINUTES_UNKNOWN * WORDS_A_MINUTE * CHARACTERS_OF_A_WORD)


def characters_of(request: Request) -> int:
    return sum(len(message["content"]) for message in request.messages)


def expected_reply(pass_: str, lines: list[dict], longest: int) -> tuple[float, float]:
    """Low and high of a reply's tokens: what this project's replies took so far, else a guess; no more than may be asked for."""
    taken = [line["completion_tokens"] for line in lines if line["pass"] == pass_ and line.get("completion_tokens")]
    low, high = (0.8 * mean(taken), 1.2 * mean(taken)) if taken else FIRST_GUESS[pass_]
    return min(low, longest), min(high, longest)


def longest_replies(plan: Plan, config: dict, slots: list[str]) -> dict[str, int]:
    """The most tokens of a reply of each pass."""
    lengths = {pass_: config[group]["max_tokens"] for pass_, group in LENGTH_OF.items()}
    lengths["reader"] = TOKENS_OF_A_VERDICT * (len(slots) + 1)
    return {pass_: lengths[pass_] for pass_ in plan.passes}


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
    passes: dict[str, Calls],
    lines: list[dict],
    prices: dict | None,
    origin: str,
    pace: Pace,
    spent: float,
    longest: dict[str, int],
) -> str:
    """The plan as a table and sentences; `longest` has the most tokens of a pass's reply."""
    rows, low_usd, high_usd, low_s, high_s = [], 0.0, 0.0, 0.0, 0.0
    for pass_, calls in passes.items():
        low, high = expected_reply(pass_, lines, longest[pass_])
        prompts = prompt_tokens(calls, "low"), prompt_tokens(calls, "high")
        # The embedded llama.cpp reads a talk once.
        shared = LOWEST_CACHED_SHARE["low"] * calls.shared
        read = tuple((calls.characters - shared) / CHARACTERS_OF_A_TOKEN[bound] for bound in ("low", "high"))
        seconds = pace.seconds(pass_, Work(calls.calls, read, (low, high)), lines)
        low_s, high_s = low_s + seconds[0], high_s + seconds[1]
        usd = ""
        if prices is not None:
            bounds = price(calls, low, prices, "low"), price(calls, high, prices, "high")
            low_usd, high_usd = low_usd + bounds[0], high_usd + bounds[1]
            usd = "{:.2f} to {:.2f}".format(*bounds)
        rows.append(
            [
                pass_,
                calls.calls,
                calls.stored,
                "{} to {}".format(*map(in_thousands, prompts)),
                "{} to {}".format(*map(in_thousands, (calls.calls * low, calls.calls * high))),
                f"0 to {calls.shared / max(1, calls.characters):.0%}",
                usd,
            ]
        )
    headers = ["pass", "calls", "stored", "prompt tokens", "completion tokens", "cached", "US dollars"]
    total = f"{low_usd:.2f} to {high_usd:.2f} US dollars ({origin}), {spent:.2f} spent so far."
    if pace.teacher["gguf"] is not None:
        total = "nothing to pay, the teacher runs on this machine."
    elif prices is None or not any(prices.values()):
        total = f"No price: {origin}." if prices is None else f"nothing to pay, the price is 0 ({origin})."
    return (
        tabulate(rows, headers=headers, disable_numparse=True)
        + f"\n\nAll in all: {total}\nAbout {as_duration(low_s)} to {as_duration(high_s)} with {pace.total} requests in flight."
    )


def plan_in_a_line(
    data: Path, config: dict, prompts: Prompts, slots: list[str], limits: dict[str, int], talks: int
) -> str:
    """Requests, time and money that are left, in a line; before the talks are listed, for `talks` of usual length."""
    teacher = config["teacher"]
    if not (data / "videos.json").exists():
        unknown = (VideoRequests({"duration_s": None}, None) for _ in range(talks))
        plan = plan_of(unknown, len(slots), None, config)
    else:
        store = ResponseStore(store_identity(teacher_identity(teacher)))
        plan = plan_of(requests_of_project(data, config, prompts, slots, store), len(slots), store, config)
    prices, origin = prices_of(teacher["model"], teacher["prices"])
    pace = Pace.of(teacher, limits, plan.videos)
    longest = longest_replies(plan, config, slots)
    text = plan_text(
        plan.passes, ledger_lines(data / "spending"), prices, origin, pace, spent_usd(data / "spending"), longest
    )
    money, time = text.splitlines()[-2:]
    asked = ", ".join(f"{calls.calls} for {pass_}" for pass_, calls in plan.passes.items())
    return f"requests: {asked}. {time} {money}"


def plan_teaching(
    data: Path, config: dict, identity: dict, prompts: Prompts, slots: list[str], limits: dict[str, int]
) -> None:
    """Log the plan of a project whose data is in `data`; `limits` are those of the profile, llm and question_jobs."""
    teacher = config["teacher"]
    store = ResponseStore(store_identity(identity))
    plan = plan_of(requests_of_project(data, config, prompts, slots, store), len(slots), store, config)
    prices, origin = prices_of(teacher["model"], teacher["prices"])
    spent = spent_usd(data / "spending")
    name = teacher["model"] or teacher["gguf"]
    log.info("The plan for %d videos with %s:\n", plan.videos, name)
    if teacher["gguf"] is None:
        log.info("%s\n", how_it_is_asked(teacher["base_url"]))
    pace = Pace.of(teacher, limits, plan.videos)
    longest = longest_replies(plan, config, slots)
    lines = ledger_lines(data / "spending")
    log.info("%s", plan_text(plan.passes, lines, prices, origin, pace, spent, longest))
    if plan.without_transcript:
        log.info(
            "%d videos have no transcript yet: their length is guessed. `understudy run channel_report` fetches them.",
            plan.without_transcript,
        )
    if plan.longest is not None:
        log.info("%s", length_text(plan.longest, context_of_teacher(identity, teacher)))
    if plan.unclear:
        log.info("Not asked about until source.speaker says whose words count:\n  %s", "\n  ".join(plan.unclear))
    if teacher["budget_usd"] is not None:
        log.info("teacher.budget_usd stops the project at %.2f.", teacher["budget_usd"])
