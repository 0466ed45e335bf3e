"""What an error of the teacher's server means: stop the run, wait and repeat, send it differently, or give up this request."""

import email.utils
import re
import time
from dataclasses import dataclass
from enum import Enum, auto

import httpx2
import openai

from understudy.shared.credentials import known_secrets
from understudy.shared.errors import UnderstudyError

LONGEST_REASON = 300
NO_CREDIT = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "credit balance",
)
WRONG_KEY = re.compile(
    r"(?:incorrect|invalid|wrong|missing|no valid)[^.]{0,20} api.?key|api.?key[^.]{0,20}(?:not valid|invalid)", re.I
)
NO_MODEL = re.compile(
    r"(?:not a valid model|invalid model|model[^.]{0,60}(?:does not exist|not found|not exist)|no such model)", re.I
)
# A limit that a single request exceeds: waiting doesn't help.
NEVER_FITS = re.compile(r"request too large|must be reduced|reduce your message", re.I)
REPLY_TOO_LONG = re.compile(
    r"max_(?:completion_)?tokens[^.]{0,40}(?:too large|exceeds|must be|at most|less than)", re.I
)
REFUSED = ("content_filter", "invalid_prompt", "content_policy_violation")
OPTIONAL = ("temperature", "reasoning_effort", "seed", "prompt_cache_key")
NOT_TAKEN = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|extra|not permitted|not allowed|invalid param", re.I
)
TOO_LONG = re.compile(
    r"context length|context size|context window|maximum context|too many tokens|prompt is too long", re.I
)
LIMIT = re.compile(r"(?:maximum context length|context size|context window|n_ctx)\D{0,30}(\d{3,})", re.I)
ASKED = re.compile(r"(?:resulted in|requested|n_prompt_tokens|request)\D{0,30}(\d{3,})", re.I)


class TeacherError(UnderstudyError):
    """The server did not answer one request; another run takes it up."""


class Meaning(Enum):
    """What to do about an error."""

    STOP = auto()  # every other request would meet it, too
    SLOWER = auto()  # too many requests: wait, and have fewer in flight
    AGAIN = auto()  # it may pass: wait, and repeat
    DIFFERENTLY = auto()  # a parameter that this model refuses: send it without, or under its other name
    LOWER_RUNG = auto()  # this way of asking for JSON is not known there
    REFUSED = auto()  # the provider does not let this request through: an answer of its kind
    GIVE_UP = auto()  # this request will not be answered


@dataclass(frozen=True)
class Verdict:
    """`said` is for the user; `parameter` is what to leave out or rename, `wait_s` the server's own Retry-After in seconds.

    `may_be_paid`: the connection broke, so that nobody knows whether the server did the work."""

    meaning: Meaning
    said: str
    parameter: str | None = None
    wait_s: float | None = None
    may_be_paid: bool = False


def verdict_on(error: openai.OpenAIError, sent: dict, server: str, key: str) -> Verdict:
    """Judge an error by its class, status and code. `sent` is the request, `server` its host, `key` what no text may show."""
    status = getattr(error, "status_code", None)
    code = str(getattr(error, "code", None) or getattr(error, "type", None) or "")
    reason = reason_of(error)
    for known in (key, *known_secrets()):
        reason = reason.replace(known, "[key]")
    reason = reason[:LONGEST_REASON]
    if code in REFUSED or any(f'"{name}"' in reason for name in REFUSED):
        return Verdict(Meaning.REFUSED, reason)
    if isinstance(error, openai.AuthenticationError) or WRONG_KEY.search(reason):
        return Verdict(
            Meaning.STOP, f"{server} refuses the API key. Check OPENAI_API_KEY, then run the same command again."
        )
    if isinstance(error, openai.PermissionDeniedError):
        return Verdict(
            Meaning.STOP,
            f"{server} does not allow this: {reason}. Check what the key may do (its project, region and models), then run the "
            "same command again.",
        )
    if status == 402 or code in NO_CREDIT or any(word in reason for word in NO_CREDIT):
        return Verdict(
            Meaning.STOP, f"{server} says that there is no credit left. Add some, then run the same command again."
        )
    if isinstance(error, openai.NotFoundError) or (status == 400 and NO_MODEL.search(reason)):
        return Verdict(
            Meaning.STOP,
            f"{server} has no model {sent['model']!r}. Check teacher.model and teacher.base_url. It says: {reason}",
        )
    if isinstance(error, openai.RateLimitError) and NEVER_FITS.search(reason):
        return Verdict(
            Meaning.GIVE_UP,
            f"{server} never takes a request as large as this one ({reason}). Take a model or an account with a higher limit, "
            "or a shorter talk",
        )
    if isinstance(error, openai.RateLimitError):
        return Verdict(Meaning.SLOWER, f"{server}: too many requests ({reason})", wait_s=retry_after(error))
    if isinstance(error, openai.APITimeoutError):
        return Verdict(Meaning.AGAIN, f"{server} gave no answer within teacher.timeout_s", may_be_paid=True)
    if isinstance(error, openai.APIConnectionError):
        return Verdict(
            Meaning.AGAIN,
            f"{server} can't be reached, or broke off. Is teacher.base_url right, and the server running?",
            may_be_paid=not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout),
        )
    if isinstance(error, openai.APIResponseValidationError):
        return Verdict(
            Meaning.AGAIN, f"{server} sent a reply that is no JSON. Check teacher.base_url", may_be_paid=True
        )
    if status is not None and (status >= 500 or status in (408, 409)):
        return Verdict(
            Meaning.AGAIN, f"{server} answered with an error of its own ({status}): {reason}", wait_s=retry_after(error)
        )
    if status in (400, 413, 422):
        return verdict_on_bad_request(reason, getattr(error, "param", None), sent, server, status)
    return Verdict(Meaning.GIVE_UP, f"{server} answered with an error ({status or type(error).__name__}): {reason}")


def reason_of(error: openai.OpenAIError) -> str:
    """What the server said: its message, or where that is not in the usual place, its reply."""
    message = str(getattr(error, "message", "") or error)
    reply = getattr(getattr(error, "response", None), "text", "") or ""
    usual = isinstance(getattr(error, "body", None), dict) and isinstance(error.body.get("message"), str)
    return " ".join((message if usual or not reply else f"{message} {reply}").split())


def verdict_on_bad_request(reason: str, parameter: str | None, sent: dict, server: str, status: int) -> Verdict:
    """What a refused request means: too long, a parameter, a way of asking for JSON, or something else."""
    if REPLY_TOO_LONG.search(reason) and "messages resulted" not in reason:
        return Verdict(
            Meaning.GIVE_UP,
            f"{server} can't write a reply as long as is asked for: {reason}. Lower questions.max_tokens and answers.max_tokens, "
            "or start the server with a longer context",
        )
    if TOO_LONG.search(reason) or "context_length_exceeded" in reason:
        limit, asked = LIMIT.search(reason), ASKED.search(reason)
        numbers = f" ({asked[1]} tokens asked for, {limit[1]} possible)" if limit and asked else f" ({reason})"
        return Verdict(
            Meaning.GIVE_UP,
            f"the transcript is too long for {sent['model']}{numbers}. Take a model with a longer context, or a shorter talk",
        )
    if "max_tokens" in sent and "max_completion_tokens" in reason:
        return Verdict(Meaning.DIFFERENTLY, reason, parameter="max_tokens")
    refused = NOT_TAKEN.search(reason)
    if "response_format" in sent and re.search(
        "response_format|json_schema|json_object|structured output", reason, re.I
    ):
        return Verdict(Meaning.LOWER_RUNG, reason)
    for name in OPTIONAL:
        if name in sent and refused and (parameter == name or name in reason):
            return Verdict(Meaning.DIFFERENTLY, reason, parameter=name)
    return Verdict(Meaning.GIVE_UP, f"{server} answered with an error ({status}): {reason}")


ERRORS_BY_STATUS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
}


def verdict_on_error_inside(inside: dict, sent: dict, server: str, key: str) -> Verdict:
    """Judge an error that came as the body of a success, with its status as `code`, as OpenRouter's do."""
    code = str(inside.get("code", ""))
    status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else 500
    response = httpx2.Response(status, json={"error": inside}, request=httpx2.Request("POST", "https://server"))
    error_class = ERRORS_BY_STATUS.get(status, openai.APIStatusError)
    return verdict_on(error_class(str(inside.get("message")), response=response, body=inside), sent, server, key)


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
