"""The teacher model behind an OpenAI-compatible server: asked once for each request, patient, and careful with money."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import openai

from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log
from understudy.shared.run import check_not_stopped, stop_run, wait_unless_stopped
from understudy.teacher.adaptive_limit import AdaptiveLimit
from understudy.teacher.api_key import MissingKeyError
from understudy.teacher.errors import Meaning, TeacherError, Verdict, verdict_on, verdict_on_error_inside
from understudy.teacher.habits import RUNGS, ServerHabits, json_in, with_schema_in_words
from understudy.teacher.requests import Request
from understudy.teacher.spending import (
    BYTES_OF_A_TOKEN,
    NO_TOKENS,
    BudgetReached,
    Ledger,
    Reservation,
    highest_usage,
    prices_of,
)
from understudy.teacher.store import ResponseStore

SAMPLING_KEYS = ("temperature", "reasoning_effort", "seed")
LONGEST_WAIT_S = 120
# Texts of any language have fewer characters a token.
MOST_CHARACTERS_OF_A_TOKEN = 10
LONGEST_ASKED_WAIT_S = 900
# What models without a reasoning parser on their server write before the reply.
REASONING = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True)
class Reply:
    """One answer of the teacher: `usage` counts tokens as prompt_tokens, cached_tokens, completion_tokens; `response` is its
    name in the response store."""

    text: str
    finish_reason: str
    refusal: str | None
    model: str
    usage: dict
    response: str
    from_store: bool

    @property
    def is_refused(self) -> bool:
        return bool(self.refusal) or self.finish_reason == "content_filter"


@dataclass(frozen=True)
class Job:
    """Who asks: the ledger's name, the video's id for messages and as the server's cache key, and the requests at a time."""

    name: str
    video_id: str
    in_flight: int = 1


class Teacher:
    """Asks each request once: what the response store has is not asked again.

    `connect` makes the client when the first request has to be sent: answers from the store need no key and no server.
    `identity` is what shapes the replies, `settings` the rest of the configuration's `teacher`."""

    def __init__(
        self,
        connect: Callable[[], openai.OpenAI],
        job: Job,
        model: str,
        identity: dict,
        settings: dict,
        store: ResponseStore,
    ):
        self._connect = connect
        self._client: openai.OpenAI | None = None
        self._failure: UnderstudyError | None = None
        self._connecting = Lock()
        self._job = job
        self._model = model
        self._settings = settings
        self._store = store
        self._sampling = {key: identity[key] for key in SAMPLING_KEYS if identity.get(key) is not None}
        self._limit = AdaptiveLimit(job.in_flight)
        prices, _ = prices_of(identity["model"], settings["prices"])
        self._ledger = Ledger(job.name, prices, settings["budget_usd"], settings["timeout_s"])
        self._habits = ServerHabits(settings["base_url"] if identity["gguf"] is None else "embedded", model)

    def ask(self, request: Request, fits: Callable[[str], bool] = lambda text: True) -> Reply:
        """Return the reply to `request`, from the store or from the server; one that was cut off is asked for once more with
        twice the tokens. `fits` says whether a text is what the request's schema asks for.

        Raises RunStopped for what every other request would meet, too, and TeacherError for what a new run may mend."""
        reply = self._asked_once(request, fits)
        if reply.finish_reason == "length":
            cut_off = reply
            log.info(
                "%s: a reply of %d tokens was cut off, asking for a longer one.", self._job.video_id, request.max_tokens
            )
            try:
                reply = self._asked_once(request.for_a_longer_reply(), fits)
            except TeacherError as error:
                log.info("No longer one was to be had: %s", error)
                return cut_off
        return reply

    @property
    def first_alone(self) -> bool:
        """Whether a talk's first answer is best sent alone."""
        return self._habits.first_alone

    def learn_from_answers(self, usages: list[dict]) -> None:
        """Learn from the usage of a talk's answers, newly asked and in their order, whether to send the first one alone."""
        self._habits.learn_from_cached_shares(
            [usage["cached_tokens"] / usage["prompt_tokens"] for usage in usages if usage["prompt_tokens"]]
        )

    def forget(self, request: Request) -> None:
        """Set the replies to a request aside as of no use, so that the next run asks again."""
        self._store.set_aside(request)
        self._store.set_aside(request.for_a_longer_reply())

    def _asked_once(self, request: Request, fits: Callable[[str], bool]) -> Reply:
        response = self._store.path_of(request).stem
        stored = self._store.reply_to(request)
        if stored is not None:
            return Reply(**stored, response=response, from_store=True)
        reply = self._asked_by_rung(request, fits) if request.schema is not None else self._sent(request, None)
        self._store.keep(request, reply)
        return Reply(**reply, response=response, from_store=False)

    def _asked_by_rung(self, request: Request, fits: Callable[[str], bool]) -> dict:
        """Ask for JSON as the server was found to take it; before that is known, from the strictest way down to the next."""
        decided = self._habits.rung
        rungs = RUNGS if decided is None else RUNGS[RUNGS.index(decided) :]
        reply = None
        for rung in rungs:
            try:
                reply = self._sent(request, rung)
            except LowerRung as refusal:
                log.info("%s does not take response_format %s: %s", self._model, rung, refusal)
                continue
            if rung != "json_schema":
                reply["text"] = json_in(reply["text"])
            if fits(reply["text"]):
                self._habits.remember(rung=rung)
                return reply
            if decided is not None or reply["refusal"] or reply["finish_reason"] != "stop":
                return reply
            log.info("%s: the reply does not keep to the JSON schema (%s).", self._model, rung)
        if reply is None:
            raise TeacherError(f"{self._model} takes no request for JSON.")
        return reply

    def _sent(self, request: Request, rung: str | None) -> dict:
        """Send until there is a reply, a reason to stop, or no more tries."""
        tries = 0
        while True:
            check_not_stopped()
            options = self._options(request, rung)
            try:
                with self._limit.slot() as round_, self._ledger.reserved(usage_of(options)) as reservation:
                    check_not_stopped()
                    outcome = self._one_try(options, reservation)
                    if isinstance(outcome, Verdict):
                        reservation.may_be_paid = outcome.may_be_paid
            except BudgetReached as error:
                raise stop_run(str(error)) from None
            if not isinstance(outcome, Verdict):
                self._limit.succeeded()
                return outcome
            if outcome.meaning is Meaning.REFUSED:
                return refused_reply(self._model, outcome.said)
            tries += outcome.meaning is not Meaning.DIFFERENTLY
            self._act_on(outcome, tries, round_)

    def _one_try(self, options: dict, reservation: Reservation) -> dict | Verdict:
        client = self._connected()
        try:
            completion = client.chat.completions.create(**options)
        except openai.OpenAIError as error:
            return verdict_on(error, options, client.base_url.host, client.api_key)
        except ValueError:
            # The client lets the JSON decoder's own error through.
            return Verdict(
                Meaning.AGAIN,
                f"{client.base_url.host} sent a reply that is no JSON. Check teacher.base_url",
                may_be_paid=True,
            )
        if isinstance(inside := getattr(completion, "error", None), dict):
            return verdict_on_error_inside(inside, options, client.base_url.host, client.api_key)
        if not getattr(completion, "choices", None) or completion.choices[0].message is None:
            said = f"{client.base_url} does not reply as an OpenAI-compatible server. Check teacher.base_url"
            return Verdict(Meaning.AGAIN, said, may_be_paid=True)
        reply = reply_of(completion)
        reservation.usage = reply["usage"] if completion.usage else guessed_usage(options, reply["text"])
        self._warn_of_a_cut_prompt(options, reply["usage"]["prompt_tokens"])
        if reply["finish_reason"] == "error":
            return Verdict(Meaning.AGAIN, f"{client.base_url.host} broke off its reply")
        return reply

    def _warn_of_a_cut_prompt(self, options: dict, read: int) -> None:
        """Some servers (Ollama is one) cut what exceeds their context, and say nothing."""
        characters = sum(len(message["content"]) for message in options["messages"])
        if read and characters > MOST_CHARACTERS_OF_A_TOKEN * read:
            log.warning(
                "%s: %s says that it read %d tokens of a request of %d characters: it has cut the transcript. Raise its context "
                "(for Ollama: OLLAMA_CONTEXT_LENGTH), then ask again (--config fresh=questions, then fresh=answers).",
                self._job.video_id,
                self._model,
                read,
                characters,
            )

    def _options(self, request: Request, rung: str | None) -> dict:
        """The request as the server takes it."""
        messages = request.messages
        options = {**self._sampling, "prompt_cache_key": self._job.video_id}
        if rung == "json_schema":
            named = {"name": request.schema["title"], "strict": True, "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        elif rung is not None:
            messages = with_schema_in_words(messages, request.schema)
        if rung == "json_object":
            options["response_format"] = {"type": "json_object"}
        options = {key: value for key, value in options.items() if key not in self._habits.refuses}
        return {"model": self._model, "messages": messages, self._habits.token_limit: request.max_tokens, **options}

    def _act_on(self, verdict: Verdict, tries: int, round_: int) -> None:
        """Wait, learn, or raise, as the verdict says."""
        if verdict.meaning is Meaning.STOP:
            raise stop_run(verdict.said)
        if verdict.meaning is Meaning.LOWER_RUNG:
            raise LowerRung(verdict.said)
        if verdict.meaning is Meaning.DIFFERENTLY:
            self._learn(verdict)
            return
        if verdict.meaning is Meaning.SLOWER:
            self._limit.halve(round_)
        if verdict.meaning is Meaning.GIVE_UP or tries > self._settings["retries"]:
            times = f", {tries} times" if tries > 1 else ""
            raise TeacherError(
                f"{self._job.video_id}: {verdict.said}{times}. Run again later; what was answered is kept."
            )
        wait_s = self._wait_s(verdict, tries)
        log.info("%s. Again in %.1f s.", verdict.said, wait_s)
        wait_unless_stopped(wait_s)

    def _wait_s(self, verdict: Verdict, tries: int) -> float:
        """Twice as long each time, with jitter so that not all come back at once, and after what the server asks for."""
        own = min(LONGEST_WAIT_S, self._settings["backoff_s"] * 2 ** (tries - 1)) * random.uniform(0.5, 1)
        return own if verdict.wait_s is None else min(verdict.wait_s, LONGEST_ASKED_WAIT_S) + own

    def _learn(self, verdict: Verdict) -> None:
        if verdict.parameter == "max_tokens":
            self._habits.remember(token_limit="max_completion_tokens")
            return
        if verdict.parameter in self._sampling and verdict.parameter not in self._habits.refuses:
            log.warning("%s does not take teacher.%s, it is left out: %s", self._model, verdict.parameter, verdict.said)
        self._habits.remember(refuses=[verdict.parameter])

    def _connected(self) -> openai.OpenAI:
        with self._connecting:
            if self._failure is not None:
                raise self._failure
            try:
                self._client = self._client or self._connect()
            except MissingKeyError as error:
                self._failure = stop_run(str(error))
                raise self._failure from None
            except UnderstudyError as error:
                self._failure = error
                raise
        return self._client


class LowerRung(UnderstudyError):
    """The server does not know this way of asking for JSON."""


def usage_of(options: dict) -> dict:
    """The most tokens that a request can take."""
    return highest_usage(options["messages"], options.get("max_tokens") or options["max_completion_tokens"])


def guessed_usage(options: dict, text: str) -> dict:
    """The tokens of a reply whose server doesn't count them."""
    return {**usage_of(options), "completion_tokens": len(text.encode()) // BYTES_OF_A_TOKEN}


def refused_reply(model: str, said: str) -> dict:
    """A refusal that came as an error, as it is kept."""
    return {
        "text": "",
        "finish_reason": "content_filter",
        "refusal": said,
        "model": model,
        "usage": dict(NO_TOKENS),
    }


def reply_of(completion) -> dict:
    """What is kept of a chat completion."""
    choice = completion.choices[0]
    usage = completion.usage
    details = getattr(usage, "prompt_tokens_details", None)
    # Half of a UTF-16 pair, which JSON can say, would fit into no file.
    text = (choice.message.content or "").encode("utf-8", "replace").decode("utf-8")
    return {
        "text": REASONING.sub("", text),
        "finish_reason": choice.finish_reason,
        "refusal": choice.message.refusal,
        "model": completion.model,
        "usage": {
            "prompt_tokens": getattr(usage, "prompt_tokens", None) or 0,
            "cached_tokens": getattr(details, "cached_tokens", None) or 0,
            "completion_tokens": getattr(usage, "completion_tokens", None) or 0,
        },
    }
