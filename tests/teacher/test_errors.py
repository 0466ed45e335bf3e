"""What the servers' own words mean, as public threads quote them, whatever the status that they come with."""

import json

import httpx2
import openai
import pytest

from understudy.teacher.errors import Meaning, asked_wait_s, error_inside, verdict_on, verdict_on_error_inside

SENT = {
    "model": "m",
    "messages": [{"role": "user", "content": "A talk."}],
    "max_tokens": 8192,
    "prompt_cache_key": "x",
    "seed": 1,
    "response_format": {"type": "json_schema"},
}
CLIENT = openai.OpenAI(api_key="sk-none")


def error_of(status: int, body, headers: dict | None = None) -> openai.APIStatusError:
    """The error that the client raises for a response."""
    text = body if isinstance(body, str) else json.dumps(body)
    request = httpx2.Request("POST", "https://server/v1/chat/completions")
    return CLIENT._make_status_error_from_response(httpx2.Response(status, text=text, headers=headers, request=request))


def judged(status: int, body, sent: dict = SENT):
    return verdict_on(error_of(status, body), sent, "server", "sk-none")


def said(message: str, **more) -> dict:
    return {"error": {"message": message, **more}}


GEMINI_FIELD = (
    "Invalid JSON payload received. Unknown name \"title\" at 'generation_config.response_schema.properties[0].value': "
    "Cannot find field."
)
SCHEMA = {
    "vLLM": (400, said("The provided JSON schema contains features not supported by xgrammar.", code=400)),
    "vLLM with a status of its own": (500, said("Failed to convert the JSON schema to a grammar: minItems")),
    "Gemini": (400, [said(GEMINI_FIELD, code=400, status="INVALID_ARGUMENT")]),
    "Gemini, short": (400, said("response_schema: Cannot find field.")),
    "Gemini, states": (400, said("The specified schema produces a constraint that has too many states for serving.")),
    "Ollama": (500, {"error": "invalid JSON schema in format"}),
    "older Ollama": (
        400,
        {"error": "json: cannot unmarshal object into Go struct field ChatRequest.format of type string"},
    ),
    "llama-server": (400, said("failed to parse grammar", type="invalid_request_error")),
    "LM Studio": (400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}),
    "OpenAI": (
        400,
        said("Invalid schema for response_format 'QuestionList': In context=(), 'minItems' is not permitted."),
    ),
    "OpenRouter": (404, said("No endpoints found that can handle the requested parameters.", code=404)),
    "DeepSeek": (400, said("This response_format type is unavailable now", type="invalid_request_error")),
    "unprocessable": (422, {"detail": "Structured outputs are not supported for this model"}),
}


@pytest.mark.parametrize("name", SCHEMA)
def test_a_way_of_asking_for_json_that_is_not_known_leads_to_the_next(name):
    status, body = SCHEMA[name]
    assert judged(status, body).meaning is Meaning.LOWER_RUNG
    without = {key: value for key, value in SENT.items() if key != "response_format"}
    assert judged(status, body, without).meaning is not Meaning.LOWER_RUNG


PROMPT_TOO_LONG = {  # what is said, with the tokens of prompt and limit
    "llama-server": (
        400,
        said(
            "request (25837 tokens) exceeds the available context size (25088 tokens), try increasing it",
            type="exceed_context_size_error",
            n_prompt_tokens=25837,
            n_ctx=25088,
        ),
        (25837, 25088),
    ),
    "llama-server, 500": (
        500,
        said(
            "the request exceeds the available context size. try increasing the context size or enable context shift",
            type="exceed_context_size_error",
            n_prompt_tokens=14429,
            n_ctx=8192,
        ),
        (14429, 8192),
    ),
    "LM Studio": (
        400,
        {
            "error": "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with "
            "context length of only 4096 tokens, which is not enough."
        },
        (15857, 4096),
    ),
    "LM Studio, n_keep": (
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length "
            "(n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."
        },
        (13055, 4096),
    ),
    "vLLM": (
        400,
        said(
            "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in the messages, "
            "10000 in the completion). Please reduce the length of the messages or completion."
        ),
        (112946, 16384),
    ),
    "vLLM, input": (
        400,
        said(
            "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the "
            "length of the input messages."
        ),
        (5000, 4096),
    ),
    "vLLM, no room for a reply": (
        400,
        said(
            "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 tokens and "
            "your request has 4090 input tokens (8192 > 4096 - 4090)."
        ),
        (4090, 4096),
    ),
    "Gemini": (
        400,
        said("The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."),
        (1196265, 1048575),
    ),
    "Mistral": (
        400,
        {
            "message": "Prompt contains 33180 tokens and 0 draft tokens, too large for model with 32768 maximum context length"
        },
        (33180, 32768),
    ),
    "Anthropic": (400, said("prompt is too long: 208310 tokens > 200000 maximum"), (208310, 200000)),
    "SGLang": (
        400,
        {"message": "The input (5,000 tokens) is longer than the model's context length (4,096 tokens)."},
        (5000, 4096),
    ),
    "OpenRouter": (
        400,
        said(
            "This endpoint's maximum context length is 131072 tokens. However, you requested about 148192 tokens (140000 of text "
            "input, 8192 in the output)."
        ),
        (140000, 131072),
    ),
    "llama-cpp-python": (500, said("Requested tokens (2285) exceed context window of 2048"), (2285, 2048)),
    "xAI": (
        400,
        {"error": "This model's maximum prompt length is 131072 but the request contains 140000 tokens."},
        (140000, 131072),
    ),
}


@pytest.mark.parametrize("name", PROMPT_TOO_LONG)
def test_a_prompt_that_is_too_long_is_given_up_at_once_with_both_numbers(name):
    status, body, (prompt, limit) = PROMPT_TOO_LONG[name]
    verdict = judged(status, body)
    assert verdict.meaning is Meaning.TOO_LONG
    assert f"the transcript is too long for m ({prompt} tokens asked for, {limit} possible)" in verdict.said


REPLY_TOO_LONG = {  # what is said, with the room that there is
    "vLLM": (
        "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 tokens and your "
        "request has 1200 input tokens (8192 > 4096 - 1200).",
        2896,
    ),
    "vLLM, requested": (
        "This model's maximum context length is 4096 tokens. However, you requested 9392 tokens (1200 in the messages, 8192 in "
        "the completion). Please reduce the length of the messages or completion.",
        2896,
    ),
    "vLLM, one or the other": (
        "This model's maximum context length is 2048 tokens. However, your request has 8 input tokens plus 2045 'max_tokens'. "
        "Please reduce one or the other. (parameter=input_tokens, max_tokens, value=(8, 2045))",
        2040,
    ),
    "vLLM, at least": (
        "This model's maximum context length is 128000 tokens. However, you requested 65535 output tokens and your prompt "
        "contains at least 62466 input tokens, for a total of at least 128001 tokens.",
        65534,
    ),
    "TGI": (
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 1000 `inputs` tokens and 8192 `max_new_tokens`",
        3096,
    ),
    "SGLang": (
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 9192 tokens: "
        "1000 tokens from the input messages and 8192 tokens for the completion.",
        3096,
    ),
    "Anthropic": (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        10000,
    ),
    "OpenAI": ("max_tokens is too large: 8192. This model supports at most 4096 completion tokens.", None),
    "DeepSeek": ("Invalid max_tokens value, the valid range of max_tokens is [1, 4096]", None),
}


@pytest.mark.parametrize("status", [400, 500, 422])
@pytest.mark.parametrize("name", REPLY_TOO_LONG)
def test_a_reply_that_has_no_room_says_which_setting_to_lower(name, status):
    message, room = REPLY_TOO_LONG[name]
    verdict = judged(status, said(message))
    assert verdict.meaning is Meaning.GIVE_UP
    lowered = "" if room is None else f" to {room} or less"
    assert f"Lower questions.max_tokens and answers.max_tokens{lowered}, or" in verdict.said


GEMINI_DAY = said(
    "You exceeded your current quota, please check your plan and billing details.",
    code=429,
    status="RESOURCE_EXHAUSTED",
    details=[
        {"@type": "QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
        {"@type": "RetryInfo", "retryDelay": "34s"},
    ],
)
DAILY = {
    "Gemini": (429, GEMINI_DAY),
    "Gemini in a list": (429, [GEMINI_DAY]),
    "Groq": (
        429,
        said(
            "Rate limit reached for model `x` on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try "
            "again in 9m38.016s."
        ),
    ),
    "OpenAI": (429, said("Rate limit reached for m on requests per day (RPD): Limit 200, Used 200, Requested 1.")),
    "OpenRouter": (429, said("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock more", code=429)),
    "forbidden": (403, said("Quota exceeded for quota metric 'Requests' and limit 'Requests per day'")),
}


@pytest.mark.parametrize("name", DAILY)
def test_a_quota_of_the_day_stops_the_run(name):
    verdict = judged(*DAILY[name])
    assert verdict.meaning is Meaning.STOP
    assert "the quota of the day is used up" in verdict.said


WAITS = {
    "try again in 20s.": 20,
    "Please try again in 9m38.016s. Need more tokens?": 578.016,
    "Please try again in 50.597142857s.": 50.597142857,
    "try again in 250ms": 0.25,
    "Please retry in 34.5 s": 34.5,
    "later": None,
}


@pytest.mark.parametrize("words", WAITS)
def test_a_wait_is_read_from_words(words):
    assert asked_wait_s(error_of(429, said(words)), words) == WAITS[words]
    assert asked_wait_s(error_of(429, said(words), {"retry-after": "3"}), words) == 3


def test_a_limit_of_a_minute_is_waited_for():
    body = said("Quota exceeded", details=[{"quotaId": "GenerateRequestsPerMinutePerProject"}, {"retryDelay": "34.2s"}])
    verdict = judged(429, body)
    assert (verdict.meaning, verdict.wait_s) == (Meaning.SLOWER, 34.2)
    assert judged(400, said("Too many requests, slow down")).meaning is Meaning.SLOWER


OTHERS = {
    "Groq's spoilt JSON": (
        400,
        said(
            "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.",
            code="json_validate_failed",
            failed_generation='{"context length exceeded"',
        ),
        Meaning.AGAIN,
    ),
    "a proxy's page": (503, "<!DOCTYPE html><html>schema.org, context length, per day</html>", Meaning.AGAIN),
    "a page of a gateway": (502, "<html>Bad gateway</html>", Meaning.AGAIN),
    "Go's own timeout": (500, {"error": "context deadline exceeded"}, Meaning.AGAIN),
    "busy": (400, said("The model is overloaded. Please try again later."), Meaning.AGAIN),
    "flagged": (403, said("Your chosen model requires moderation and your input was flagged"), Meaning.REFUSED),
    "Azure's filter": (
        400,
        said("The response was filtered", code="content_filter", innererror={"content_filter_result": {}}),
        Meaning.REFUSED,
    ),
    "no credit, forbidden": (403, said("Insufficient credits on this account"), Meaning.STOP),
    "no model is loaded": (400, {"error": "No models loaded. Please load a model in the developer page"}, Meaning.STOP),
    "Ollama's missing model": (404, said("model 'm' not found"), Meaning.STOP),
    "Groq's minute": (
        413,
        said("Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 21446, please reduce"),
        Meaning.GIVE_UP,
    ),
    "Mistral's parameter": (
        422,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "prompt_cache_key"], "input": "schema"}]},
        Meaning.DIFFERENTLY,
    ),
    "Gemini's parameter": (
        400,
        [said('Invalid JSON payload received. Unknown name "prompt_cache_key": Cannot find field.')],
        Meaning.DIFFERENTLY,
    ),
    "a parameter, as the server's own error": (500, said("unexpected keyword argument 'seed'"), Meaning.DIFFERENTLY),
    "what was sent is given back": (
        422,
        {"detail": [{"msg": "Input should be valid", "input": {"messages": "the context length of a JSON schema"}}]},
        Meaning.GIVE_UP,
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_words_come_before_the_status(name):
    status, body, meaning = OTHERS[name]
    assert judged(status, body).meaning is meaning


INSIDE = {
    "OpenRouter": (
        said("Provider returned error", code=400, metadata={"raw": "maximum context length is 4096 tokens"})
    ),
    "llama-server": said("x", code=500, type="exceed_context_size_error", n_prompt_tokens=14429, n_ctx=8192),
    "text": {"error": "the request exceeds the available context size"},
    "vLLM of old": {"object": "error", "message": "maximum context length is 4096 tokens", "code": 400},
    "detail": {"detail": [{"msg": "prompt is too long: 208310 tokens > 200000 maximum"}]},
    "in the choice": {
        "choices": [{"index": 0, "finish_reason": "error", "error": {"code": 400, "message": "prompt is too long"}}]
    },
    "a list": [said("maximum context length is 4096 tokens")],
}


@pytest.mark.parametrize("name", INSIDE)
def test_an_error_inside_of_a_success_is_read_as_any_other(name):
    body = INSIDE[name]
    request = httpx2.Request("POST", "https://server/v1/chat/completions")
    client = openai.OpenAI(
        api_key="sk-none",
        http_client=openai.DefaultHttpxClient(
            transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=body, request=request))
        ),
    )
    completion = client.chat.completions.create(model="m", messages=[])
    verdict = verdict_on_error_inside(error_inside(completion), SENT, "server", "sk-none")
    assert verdict.meaning is Meaning.TOO_LONG and "the transcript is too long" in verdict.said


def test_a_completion_is_no_error():
    completion = openai.types.chat.ChatCompletion.construct(
        choices=[openai.types.chat.chat_completion.Choice.construct(message=None)]
    )
    assert error_inside(completion) is None


OTHER_WORDS = {
    "DashScope, prompt": (Meaning.TOO_LONG, 400, said("Range of input length should be [1, 30720]")),
    "prompt over the model's limit": (Meaning.TOO_LONG, 400, said("prompt tokens (45000) exceed model limit (32768)")),
    "max_seq_len": (Meaning.TOO_LONG, 400, said("input tokens 50000 + max_tokens 8192 exceeds max_seq_len 32768")),
    "input and output": (
        Meaning.TOO_LONG,
        400,
        said("The total length of input and output exceeds max_seq_len 32768: 45000+8192"),
    ),
    "max_seq_len, the reply": (
        Meaning.GIVE_UP,
        400,
        said("input tokens 26000 + max_tokens 8192 exceeds max_seq_len 32768"),
    ),
    "quota of 24 hours": (Meaning.STOP, 429, said("Quota exceeded for requests in a 24 hour window")),
    "quota of a week": (Meaning.STOP, 429, {"error": "you've reached your weekly usage limit, please upgrade"}),
    "quota of a month": (Meaning.STOP, 429, said("Monthly usage limit reached for this API key")),
    "quota of a minute": (Meaning.SLOWER, 429, said("Quota exceeded", violations=["InputTokensPerModelPerMinute"])),
    "balance": (
        Meaning.STOP,
        429,
        said("Your account balance is insufficient or no resource package. Please recharge."),
    ),
    "not loaded": (Meaning.STOP, 400, said("Model is not loaded: foo")),
    "DashScope, filter": (Meaning.REFUSED, 400, said("Output data may be bad.", code="data_inspection_failed")),
    "DeepSeek, filter": (Meaning.REFUSED, 400, said("Content Exists Risk")),
    "a deprecated parameter": (Meaning.DIFFERENTLY, 400, said("`seed` is deprecated for this model.")),
    "a parameter's value": (Meaning.DIFFERENTLY, 422, said("seed may only be set when sampling is on")),
    "a parameter's name in a word": (Meaning.GIVE_UP, 400, said("reseeded the request, which is not available")),
}


@pytest.mark.parametrize("name", OTHER_WORDS)
def test_other_words_for_the_same(name):
    meaning, status, body = OTHER_WORDS[name]
    assert judged(status, body).meaning is meaning
