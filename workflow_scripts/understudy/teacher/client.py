"""The teacher model behind an OpenAI-compatible server: asked once for each request, patient, and careful with money."""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, NamedTuple

import openai

from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log
from understudy.shared.run import check_not_stopped, stop_run, wait_unless_stopped
from understudy.teacher.adaptive_limit import AdaptiveLimit
from understudy.teacher.api_key import MissingKeyError
from understudy.teacher.cut_prompts import is_cut
from understudy.teacher.errors import (
    Meaning,
    TeacherError,
    TranscriptTooLong,
    Verdict,
    error_inside,
    first_choice,
    how_to_start,
    verdict_on,
    verdict_on_error_inside,
)
from understudy.teacher.habits import RUNGS, ServerHabits, json_in, with_schema_in_words
from understudy.teacher.json_reply import fitting_json, listed_questions
from understudy.teacher.reply_text import text_of
from understudy.teacher.requests import Request
from understudy.teacher.spending import (
    NO_TOKENS,
    BudgetReached,
    Ledger,
    Reservation,
    prices_of,
)
from understudy.teacher.store import ResponseStore, is_final
from understudy.teacher.streaming import REPETITION
from understudy.teacher.unusable import MOST_TALKS, UnusableTalks
from understudy.teacher.usage import counted_usage, usage_of
from understudy.text.loops import is_loop

SAMPLING_KEYS = ("temperature", "reasoning_effort", "seed")
LONGEST_WAIT_S = 120
LONGEST_ASKED_WAIT_S = 900
# How often a reply that repeats itself is asked for with another seed, and how warm where there was no temperature.
MOST_REPETITIONS = 2
TEMPERATURE_OF_ANOTHER = 0.7
# How often a server may throw away the JSON that its model has written, before it is asked for in another way.
MOST_SPOILT = 2


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


class Asked(NamedTuple):
    """A request, and how many tokens are enough for its reply, where that is known."""

    request: Request
    enough: int | None = None


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
        # The last way of asking for JSON, once none has given any.
        self._loosest: str | None = None
        self._has_answered = False
        self._is_embedded = identity["gguf"] is not None
        self._unusable = UnusableTalks(job.name.split("-")[0])
        self._job = job
        self._model = model
        self._settings = settings
        self._store = store
        self._sampling = {key: identity[key] for key in SAMPLING_KEYS if identity.get(key) is not None}
        self._limit = AdaptiveLimit(job.in_flight)
        prices, _ = prices_of(identity["model"], settings["prices"])
        self._ledger = Ledger(job.name, prices, settings["budget_usd"], settings["timeout_s"])
        self._habits = ServerHabits(settings["base_url"] if identity["gguf"] is None else "embedded", model)

    def ask(
        self, request: Request, fits: Callable[[str], bool] = lambda text: True, enough: int | None = None
    ) -> Reply:
        """Return the reply to `request`, from the store or from the server; one that was cut off is asked for once more with
        twice the tokens, unless it repeats itself. `fits` says whether a text is what the request's schema asks for, `enough` how
        many tokens a model needs that doesn't reason: the embedded one gets no more.

        Raises RunStopped for what every other request would meet, too, and TeacherError for what a new run may mend."""
        reply = self._asked_once(request, fits, enough)
        longer = request.for_a_longer_reply()
        if reply.finish_reason == "length" and (self._store.has(longer) or not is_loop(reply.text)):
            cut_off = reply
            log.info(
                "%s: a reply of %d tokens was cut off, asking for a longer one.", self._job.video_id, request.max_tokens
            )
            try:
                reply = self._asked_once(longer, fits, enough and 2 * enough)
            except TeacherError as error:
                if not cut_off.text:
                    raise
                log.info("No longer one was to be had: %s", error)
                return cut_off
        if not is_final(asdict(reply)):
            raise TeacherError(
                f"{self._job.video_id}: {self._model} has written no answer within {longer.max_tokens} tokens, only what goes "
                "before it, if anything. Raise questions.max_tokens and answers.max_tokens, or lower teacher.reasoning_effort."
            )
        return reply

    def has_reply(self, request: Request) -> bool:
        """Whether a reply to a request is stored."""
        return self._store.has(request)

    @property
    def first_alone(self) -> bool:
        """Whether a talk's first answer is best sent alone."""
        return self._habits.first_alone

    def learn_from_answers(self, usages: list[dict]) -> None:
        """Learn from the usage of a talk's answers, newly asked and in their order, whether to send the first one alone."""
        self._habits.learn_from_cached_shares(
            [usage["cached_tokens"] / usage["prompt_tokens"] for usage in usages if usage["prompt_tokens"]]
        )

    def forget(self, request: Request, why: str | None = None) -> None:
        """Set the replies to a request aside as of no use, so that they are asked for again. With `why` the talk is lost with
        them: raises what `talk_failed` does."""
        self._store.set_aside(request)
        self._store.set_aside(request.for_a_longer_reply())
        if why is not None:
            self.talk_failed(why)

    def talk_failed(self, why: str) -> None:
        """Note that nothing of what was asked for about this talk can be used; `why` is the same for talks that fail alike.

        Raises RunStopped if it is the third in a row, because what comes would cost as much, and fail alike. What is from the
        store has cost nothing, and doesn't count."""
        if not self._has_answered or self._unusable.add(self._job.video_id, why) < MOST_TALKS:
            return
        raise stop_run(
            f"The replies of {self._model} to {MOST_TALKS} talks in a row can't be used, for the same reason: {why}. The last "
            f"talk was {self._job.video_id}; what was replied is kept in data/responses. Take another model, or raise "
            "questions.max_tokens if replies are cut off, then run the same command again."
        )

    def _asked_once(self, request: Request, fits: Callable[[str], bool], enough: int | None) -> Reply:
        response = self._store.path_of(request).stem
        stored = self._store.reply_to(request)
        if stored is not None:
            return Reply(**stored, response=response, from_store=True)
        asked = Asked(request, enough if self._is_embedded else None)
        reply = self._asked_by_rung(asked, fits) if request.schema is not None else self._sent(asked, None)
        if is_final(reply):
            self._store.keep(request, reply)
        return Reply(**reply, response=response, from_store=False)

    def _asked_by_rung(self, asked: Asked, fits: Callable[[str], bool]) -> dict:
        """Ask for JSON as the server was found to take it; before that is known, from the strictest way down to the next."""
        decided = self._habits.rung
        rungs = RUNGS if decided is None else RUNGS[RUNGS.index(decided) :]
        if decided is None and self._loosest is not None:
            rungs = (self._loosest,)
        reply, listed = None, None
        for rung in rungs:
            try:
                reply = self._sent(asked, rung)
            except LowerRung as refusal:
                log.info("%s does not take response_format %s: %s", self._model, rung, refusal)
                continue
            text = reply["text"]
            found = fitting_json(text, reply["finish_reason"] == "stop", fits)
            if found is not None:
                self._habits.remember(rung=rung)
                self._unusable.clear()
                return {**reply, "text": found}
            if rung != "json_schema":
                reply["text"] = json_in(text)
            as_list = listed_questions(text)
            listed = {**reply, "text": as_list} if as_list and fits(as_list) else listed
            if decided is not None or reply["refusal"] or reply["finish_reason"] != "stop":
                return listed or reply
            log.info("%s: the reply does not keep to the JSON schema (%s).", self._model, rung)
        if reply is None:
            raise TeacherError(f"{self._model} takes no request for JSON.")
        # No way of asking has given JSON. If it is a list that can be read, that is what this server gives.
        self._loosest = rung
        if listed is not None:
            self._habits.remember(rung=rung)
            self._unusable.clear()
        return listed or reply

    def _sent(self, asked: Asked, rung: str | None) -> dict:
        """Send until there is a reply, a reason to stop, or no more tries."""
        tries = repetitions = 0
        while True:
            check_not_stopped()
            options = self._options(asked, rung, tries + repetitions)
            try:
                with self._limit.slot() as round_, self._ledger.reserved(usage_of(options)) as reservation:
                    check_not_stopped()
                    outcome = self._one_try(options, reservation)
                    nobody_listens = isinstance(outcome, Verdict) and outcome.meaning is Meaning.NOBODY_LISTENS
                    self._has_answered |= not nobody_listens
                    if isinstance(outcome, Verdict):
                        reservation.may_be_paid = outcome.may_be_paid
            except BudgetReached as error:
                raise stop_run(str(error)) from None
            if not isinstance(outcome, Verdict):
                self._limit.succeeded()
                if outcome["finish_reason"] != REPETITION:
                    return outcome
                if repetitions == MOST_REPETITIONS:
                    return {**outcome, "finish_reason": "length"}
                repetitions += 1
                log.info("%s: the reply repeats itself. Again with another seed.", self._job.video_id)
                continue
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
        if (inside := error_inside(completion)) is not None:
            return verdict_on_error_inside(inside, options, client.base_url.host, client.api_key)
        choice = first_choice(completion)
        if choice is None:
            said = f"{client.base_url} does not reply as an OpenAI-compatible server. Check teacher.base_url"
            return Verdict(Meaning.AGAIN, said, may_be_paid=True)
        reply, reservation.usage = reply_of(completion, choice, options)
        self._warn_of_a_cut_prompt(options, reply["usage"]["prompt_tokens"])
        if reply["finish_reason"] == "error":
            return Verdict(Meaning.AGAIN, f"{client.base_url.host} broke off its reply")
        if not is_final(reply) and reply["finish_reason"] not in ("length", REPETITION):
            return Verdict(Meaning.AGAIN, f"{client.base_url.host} sent an empty reply, or one of reasoning alone")
        return reply

    def _warn_of_a_cut_prompt(self, options: dict, read: int) -> None:
        """Some servers (Ollama is one) cut what exceeds their context, and say nothing."""
        characters = sum(len(message["content"]) for message in options["messages"])
        if is_cut(read, characters, self._habits.most_read):
            log.warning(
                "%s: %s says that it read %d tokens of a request of %d characters: it has cut the transcript. Raise its context "
                "(for Ollama: OLLAMA_CONTEXT_LENGTH), then ask again (--config fresh=questions, then fresh=answers).",
                self._job.video_id,
                self._model,
                read,
                characters,
            )
        self._habits.learn_from_read(read, characters)

    def _options(self, asked: Asked, rung: str | None, further: int) -> dict:
        """The request as the server takes it; the first `further` time with another seed, and so on."""
        request, messages = asked.request, asked.request.messages
        options = {**self._sampling, "prompt_cache_key": self._job.video_id}
        if further and (self._is_embedded or "seed" in options):
            options["seed"] = options.get("seed", 0) + further
            # Without any chance in it, the same would come again.
            options |= {"temperature": TEMPERATURE_OF_ANOTHER} if options.get("temperature") == 0 else {}
        if rung == "json_schema":
            named = {"name": request.schema["title"], "strict": True, "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        elif rung is not None:
            messages = with_schema_in_words(messages, request.schema)
        if rung == "json_object":
            options["response_format"] = {"type": "json_object"}
        options = {key: value for key, value in options.items() if key not in self._habits.refuses}
        limit = min(request.max_tokens, asked.enough or request.max_tokens)
        return {"model": self._model, "messages": messages, self._habits.token_limit: limit, **options}

    def _act_on(self, verdict: Verdict, tries: int, round_: int) -> None:
        """Wait, learn, or raise, as the verdict says."""
        if verdict.meaning is Meaning.STOP:
            raise stop_run(verdict.said)
        if verdict.meaning is Meaning.TOO_LONG:
            raise TranscriptTooLong(f"{self._job.video_id}: {verdict.said}.")
        if verdict.meaning is Meaning.LOWER_RUNG or (verdict.parameter == "response_format" and tries > MOST_SPOILT):
            raise LowerRung(verdict.said)
        if verdict.meaning is Meaning.DIFFERENTLY:
            self._learn(verdict)
            return
        if verdict.meaning is Meaning.NOBODY_LISTENS and not self._has_answered:
            raise TeacherError(f"{self._job.video_id}: {how_to_start(self._settings['base_url'])}")
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


def refused_reply(model: str, said: str) -> dict:
    """A refusal that came as an error, as it is kept."""
    return {
        "text": "",
        "finish_reason": "content_filter",
        "refusal": said,
        "model": model,
        "usage": dict(NO_TOKENS),
    }


FINISH_REASONS = {
    "length": ("max_tokens", "max_output_tokens", "model_length", "max_length"),
    "stop": ("eos", "eos_token", "end_turn", "stop_sequence", "completed"),
    "content_filter": ("safety", "recitation", "blocklist", "prohibited_content"),
}


def reply_of(completion: Any, choice: Any, options: dict) -> tuple[dict, dict]:
    """Return what is kept of a chat completion, and the tokens that it is paid for."""
    text = text_of(choice.message)
    reason = str(choice.finish_reason).lower()
    usage, paid = counted_usage(getattr(completion, "usage", None), options, text)
    refusal = getattr(choice.message, "refusal", None)
    return {
        "text": text,
        "finish_reason": next(
            (name for name, others in FINISH_REASONS.items() if reason in others), choice.finish_reason
        ),
        "refusal": refusal if isinstance(refusal, str) else None,
        "model": completion.model if isinstance(completion.model, str) else options["model"],
        "usage": usage,
    }, paid
