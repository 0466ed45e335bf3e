"""What an error of the teacher's server means: stop the run, wait and repeat, send it differently, or give up this request."""

import email.utils
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import openai

from understudy.shared.credentials import known_secrets
from understudy.shared.errors import UnderstudyError
from understudy.teacher.length import overlong

LONGEST_REASON = 300
LONGEST_PART = 4000
# Keys under which servers give back what they were sent, or what the model wrote.
OF_THE_REQUEST = ("input", "failed_generation", "messages", "prompt")
NO_CREDIT = re.compile(
    "insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient[_ ](?:balance|credits?|funds)|credit balance"
    "|out of credits?|payment required|balance (?:is |was )?(?:too low|insufficient|not enough|negative)"
    "|please (?:recharge|top up)",
    re.I,
)
WRONG_KEY = re.compile(
    r"(?:incorrect|invalid|wrong|missing|no valid)[^.]{0,20} api.?key|api.?key[^.]{0,20}(?:not valid|invalid)", re.I
)
NO_MODEL = re.compile(
    r"(?:not a valid model|invalid model|model[^.]{0,60}(?:does not exist|not found|not exist)|no such model|unknown model"
    r"|no models? (?:is |are )?loaded|model is not loaded|model_not_found)",
    re.I,
)
# A quota that is used up until tomorrow, or longer: no wait of minutes helps.
DAILY_QUOTA = re.compile(
    r"per[-_ ]?(?:day|week|month)\b|(?-i:Per(?:Day|Week|Month))|\b(?:daily|weekly|monthly)\b[^.]{0,30}(?:quota|limit)"
    r"|(?:quota|limit)[^.]{0,30}\b(?:daily|weekly|monthly|for today|this (?:week|month)|24[- ]?h(?:ours?)?)\b|\b[TR]PD\b",
    re.I,
)
TOO_MANY = re.compile(r"rate.?limit|too many requests|resource.?exhausted|throttl|quota (?:was |is )?exceeded", re.I)
OVERLOADED = re.compile(r"overloaded|temporarily|try again|server (?:is )?busy|at capacity|model is loading", re.I)
# A limit that a single request exceeds: waiting doesn't help.
NEVER_FITS = re.compile(
    r"request too large|must be reduced|reduce your message|request entity too large|payload too large|body too large",
    re.I,
)
REFUSED = re.compile(
    r"\b(?:content_filter|invalid_prompt|content_policy_violation|data_inspection_failed)\b|content exists risk"
    r"|(?:input|prompt) was flagged|flagged by moderation|inappropriate content|content management policy",
    re.I,
)
# The model has written JSON that the server itself doesn't let through.
SPOILT_REPLY = re.compile(
    "json_validate_failed|output_parse_failed|failed_generation|failed to generate json|generated json does not match"
    "|produced invalid content",
    re.I,
)
PAGE = re.compile("<html|<!doctype", re.I)
OPTIONAL = ("temperature", "reasoning_effort", "seed", "prompt_cache_key")
NOT_TAKEN = re.compile(
    "unsupported|n[o']t support|unrecognized|unknown|unexpected|extra|not permitted|not allowed|invalid param|cannot find field"
    r"|deprecated|not (?:enabled|available)|(?:may|can) only be|no effect",
    re.I,
)
# What is said of a schema, or of a way of asking for JSON. Ollama calls it `format`.
WAY_OF_ASKING = re.compile(
    r"response.?(?:format|schema|mime)|schema|json.?(?:object|mode)|structured.?output|grammar|guided.?(?:json|decoding)"
    r"|constrained decoding|\bformat of type\b|support the requested parameters|handle the requested parameters",
    re.I,
)


WAYS_OUT = (
    "Ways out: a model with a longer context (teacher.model); a longer context on a server of your own (Ollama: "
    "OLLAMA_CONTEXT_LENGTH; LM Studio, llama-server: the context length of the loaded model); the talk's captions divided "
    "into several files in source.captions_dir"
)


class TeacherError(UnderstudyError):
    """The server did not answer one request; another run takes it up."""


class TranscriptTooLong(TeacherError):
    """The model can't read a talk as long as this one; another run would meet the same."""


class Said(NamedTuple):
    """What a server says of an error: `reason` is for the user, `words` are all that it says."""

    reason: str
    words: str


class Meaning(Enum):
    """What to do about an error."""

    STOP = auto()  # every other request would meet it, too
    SLOWER = auto()  # too many requests: wait, and have fewer in flight
    AGAIN = auto()  # it may pass: wait, and repeat
    NOBODY_LISTENS = auto()  # no program is there: the same, but for the first request
    DIFFERENTLY = auto()  # a parameter that this model refuses: send it without, or under its other name
    LOWER_RUNG = auto()  # this way of asking for JSON is not known there
    REFUSED = auto()  # the provider does not let this request through: an answer of its kind
    GIVE_UP = auto()  # this request will not be answered
    TOO_LONG = auto()  # nor will any other about this talk, as long as model and server stay


@dataclass(frozen=True)
class Verdict:
    """`said` is for the user; `parameter` is what to leave out or rename, or was no help, `wait_s` what the server asks for.

    `may_be_paid`: the connection broke, so that nobody knows whether the server did the work."""

    meaning: Meaning
    said: str
    parameter: str | None = None
    wait_s: float | None = None
    may_be_paid: bool = False


def verdict_on(error: openai.OpenAIError, sent: dict, server: str, key: str) -> Verdict:
    """Judge an error: one of the connection by its class, one of the server by its words, and only what they leave open by its
    status. `sent` is the request, `server` its host, `key` what no text may show."""
    broken = verdict_on_connection(error, server)
    if broken is not None:
        return broken
    said = said_by(error)
    for known in (key, *known_secrets()):
        said = Said(said.reason.replace(known, "[key]"), said.words.replace(known, "[key]"))
    said = said._replace(reason=said.reason[:LONGEST_REASON])
    return verdict_on_words(said, error, sent, server) or verdict_on_status(said.reason, error, sent, server)


def verdict_on_connection(error: openai.OpenAIError, server: str) -> Verdict | None:
    """What it means that no reply came, or none that is JSON; None if one did."""
    if isinstance(error, openai.APITimeoutError):
        return Verdict(Meaning.AGAIN, f"{server} gave no answer within teacher.timeout_s", may_be_paid=True)
    if isinstance(error, openai.APIConnectionError):
        return Verdict(
            Meaning.NOBODY_LISTENS if is_refused_connection(error) else Meaning.AGAIN,
            f"{server} can't be reached, or broke off. Is teacher.base_url right, and the server running?",
            may_be_paid=not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout),
        )
    if isinstance(error, openai.APIResponseValidationError):
        return Verdict(
            Meaning.AGAIN, f"{server} sent a reply that is no JSON. Check teacher.base_url", may_be_paid=True
        )
    return None


def is_refused_connection(error: BaseException) -> bool:
    """Whether the machine is there, and no program listens."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def verdict_on_words(said: Said, error: openai.OpenAIError, sent: dict, server: str) -> Verdict | None:
    """What a server's words mean whatever their status, or None. The words of a proxy's page say nothing."""
    words, reason = said.words, said.reason
    if PAGE.search(words):
        return None
    if REFUSED.search(words):
        return Verdict(Meaning.REFUSED, reason)
    if WRONG_KEY.search(words):
        return wrong_key(server)
    if NO_CREDIT.search(words):
        return no_credit(server)
    if SPOILT_REPLY.search(words):
        way = "response_format" if "response_format" in sent else None
        return Verdict(Meaning.AGAIN, f"{server} has thrown away what the model wrote: {reason}", way, may_be_paid=True)
    too_long = verdict_on_length(said, sent, server)
    if too_long is not None:
        return too_long
    if isinstance(error, openai.RateLimitError) or TOO_MANY.search(words) or NEVER_FITS.search(words):
        return verdict_on_rate(said, error, server)
    if NO_MODEL.search(words):
        return no_model(sent, reason, server)
    return verdict_on_what_was_sent(said, getattr(error, "param", None), sent)


def verdict_on_length(said: Said, sent: dict, server: str) -> Verdict | None:
    """What a request means that doesn't fit into the model's context: which of the two is to be changed."""
    max_tokens = sent.get("max_tokens") or sent["max_completion_tokens"]
    found = overlong(said.words, max_tokens)
    if found is None or (NEVER_FITS.search(said.words) and TOO_MANY.search(said.words)):
        return None
    if found.is_the_reply:
        room = f" to {found.limit - found.prompt} or less" if found.limit and found.prompt else ""
        return Verdict(
            Meaning.GIVE_UP,
            f"{server} can't write a reply as long as is asked for: {said.reason}. Lower questions.max_tokens and "
            f"answers.max_tokens{room}, or start the server with a longer context",
        )
    known = found.limit and found.prompt
    numbers = f"{found.prompt} tokens asked for, {found.limit} possible" if known else said.reason
    return Verdict(
        Meaning.TOO_LONG,
        f"the transcript is too long for {sent['model']} ({numbers}). {WAYS_OUT}",
    )


def verdict_on_rate(said: Said, error: openai.OpenAIError, server: str) -> Verdict:
    """What `too many requests` means: a limit of the day, one that this request alone exceeds, or one that passes."""
    reason = said.reason
    if NEVER_FITS.search(said.words):
        return Verdict(
            Meaning.GIVE_UP,
            f"{server} never takes a request as large as this one ({reason}). Take a model or an account with a higher limit, "
            "or a shorter talk",
        )
    if DAILY_QUOTA.search(said.words):
        return Verdict(
            Meaning.STOP,
            f"{server} says that the quota of the day is used up: {reason}. What was answered is kept; run the same command "
            "again when the quota is renewed, or raise it.",
        )
    return Verdict(Meaning.SLOWER, f"{server}: too many requests ({reason})", wait_s=asked_wait_s(error, said.words))


def verdict_on_what_was_sent(said: Said, parameter: str | None, sent: dict) -> Verdict | None:
    """What it means if a server doesn't take a parameter, or the way in which JSON is asked for."""
    words, reason = said.words, said.reason
    if "max_tokens" in sent and "max_completion_tokens" in words:
        return Verdict(Meaning.DIFFERENTLY, reason, parameter="max_tokens")
    refused = [name for name in OPTIONAL if name in sent and NOT_TAKEN.search(words)]
    if parameter in refused:
        return Verdict(Meaning.DIFFERENTLY, reason, parameter=parameter)
    if "response_format" in sent and WAY_OF_ASKING.search(words):
        return Verdict(Meaning.LOWER_RUNG, reason)
    named = next((name for name in refused if re.search(rf"\b{name}\b", words)), None)
    return named and Verdict(Meaning.DIFFERENTLY, reason, parameter=named)


def verdict_on_status(reason: str, error: openai.OpenAIError, sent: dict, server: str) -> Verdict:
    """What an error means whose words say nothing that is known."""
    status = getattr(error, "status_code", None)
    if status == 401:
        return wrong_key(server)
    if status == 403:
        return Verdict(
            Meaning.STOP,
            f"{server} does not allow this: {reason}. Check what the key may do (its project, region and models), then run the "
            "same command again.",
        )
    if status == 402:
        return no_credit(server)
    if status == 404:
        return no_model(sent, reason, server)
    if status == 429:
        return Verdict(Meaning.SLOWER, f"{server}: too many requests ({reason})", wait_s=asked_wait_s(error, reason))
    if status is not None and (status >= 500 or status in (408, 409)):
        return Verdict(
            Meaning.AGAIN,
            f"{server} answered with an error of its own ({status}): {reason}",
            wait_s=asked_wait_s(error, reason),
        )
    if OVERLOADED.search(reason):
        return Verdict(Meaning.AGAIN, f"{server} is busy: {reason}", wait_s=asked_wait_s(error, reason))
    return Verdict(Meaning.GIVE_UP, f"{server} answered with an error ({status or type(error).__name__}): {reason}")


def wrong_key(server: str) -> Verdict:
    return Verdict(
        Meaning.STOP, f"{server} refuses the API key. Check OPENAI_API_KEY, then run the same command again."
    )


def no_credit(server: str) -> Verdict:
    return Verdict(
        Meaning.STOP, f"{server} says that there is no credit left. Add some, then run the same command again."
    )


def no_model(sent: dict, reason: str, server: str) -> Verdict:
    return Verdict(
        Meaning.STOP,
        f"{server} has no model {sent['model']!r}. Check teacher.model and teacher.base_url. It says: {reason}",
    )


def said_by(error: openai.OpenAIError) -> Said:
    """What the server said: its message, or where that is not in the usual place, its reply; and all the words of the reply."""
    message = str(getattr(error, "message", "") or error)
    response = getattr(error, "response", None)
    reply = getattr(response, "text", "") or ""
    usual = isinstance(getattr(error, "body", None), dict) and isinstance(error.body.get("message"), str)
    reason = " ".join((message if usual or not reply else f"{message} {reply}").split())
    try:
        words = " ".join(words_of_body(json.loads(reply)))
    except (ValueError, RecursionError):
        words = reply[:LONGEST_PART]
    return Said(reason, " ".join(f"{message} {words}".split()))


def words_of_body(body: Any, key: str = "") -> Iterator[str]:
    """The keys and values of an error's JSON, without what it repeats of the request."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from words_of_body(value, str(name))
    elif isinstance(body, list):
        for value in body:
            yield from words_of_body(value, key)
    else:
        yield f"{key}: {'' if key in OF_THE_REQUEST else str(body)[:LONGEST_PART]}"


ERRORS_BY_STATUS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
}


def first_choice(completion: Any) -> Any:
    """The first choice of a completion, or None if there is none with a message."""
    choices = getattr(completion, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if hasattr(getattr(choice, "message", None), "content") else None


def how_to_start(base_url: str) -> str:
    """What to do if nobody listens at an address."""
    port = urlsplit(base_url).port or 8080
    return (
        f"{base_url} can't be reached: no server listens there. Start it (LM Studio: `lms server start`; Ollama: `ollama serve`; "
        f"llama.cpp: `llama-server -m model.gguf --port {port}`), or correct teacher.base_url, then run the same command again."
    )


def error_inside(completion: Any) -> dict | None:
    """The error in the body of a success, or None: as OpenRouter's have it at its head or in its choice, others as a text, in a
    list, or in place of the completion."""
    if isinstance(completion, list):
        completion = completion[0] if completion else None
    choices = getattr(completion, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    for error in (getattr(completion, "error", None), getattr(choice, "error", None)):
        if isinstance(error, dict | str) and error:
            return error if isinstance(error, dict) else {"message": error}
    known = {name: getattr(completion, name, None) for name in ("message", "detail", "errors", "code", "type")}
    return known if choice is None and any((known["message"], known["detail"], known["errors"])) else None


def verdict_on_error_inside(inside: dict, sent: dict, server: str, key: str) -> Verdict:
    """Judge an error that came as the body of a success, with its status as `code`, as OpenRouter's do."""
    code = str(inside.get("code", ""))
    status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else 500
    response = httpx2.Response(status, json={"error": inside}, request=httpx2.Request("POST", "https://server"))
    error_class = ERRORS_BY_STATUS.get(status, openai.APIStatusError)
    said = json.dumps(inside, ensure_ascii=False, default=str)
    return verdict_on(error_class(said, response=response, body=inside), sent, server, key)


# Groq and OpenAI: "try again in 1m30.5s"; Gemini: "retryDelay": "34s".
WAIT_IN_WORDS = re.compile(
    r"(?:try again in|retry(?:ing)? (?:in|after)|retry.?delay['\"]?:)\s*['\"]?"
    r"(?:(?P<h>\d{1,3})h)?(?:(?P<m>\d{1,4})m(?!s))?(?:(?P<s>\d{1,6}(?:\.\d{1,12})?) ?s)?(?:(?P<ms>\d{1,8}(?:\.\d{1,12})?) ?ms)?",
    re.I,
)


def asked_wait_s(error: openai.APIStatusError, said: str) -> float | None:
    """Seconds that the server asks to wait, in its headers or in its words; None without."""
    asked = retry_after(error)
    found = WAIT_IN_WORDS.search(said)
    if asked is not None or found is None or not any(found.groupdict().values()):
        return asked
    h, m, s, ms = (float(found[name] or 0) for name in ("h", "m", "s", "ms"))
    return 3600 * h + 60 * m + s + ms / 1000


def retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that the server asks to wait: Retry-After (a number or a date) or OpenAI's retry-after-ms; None without."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        asked = headers.get("retry-after", "")
        if asked.replace(".", "", 1).isdecimal():
            return float(asked)
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time()) if asked else None
    except (ValueError, TypeError):
        return None
