"""Requests as Open WebUI sends them, by its public code (backend/open_webui/routers/openai.py, utils/task.py)."""

import json

import httpx2
import pytest

HEADERS = {
    "Authorization": "Bearer sk-any",
    "Content-Type": "application/json",
    "X-OpenWebUI-User-Name": "Somebody",
    "X-OpenWebUI-Chat-Id": "0f7e",
}
QUESTION = "How long does a cabbage stalk take to rot?"
# What its page adds; its server takes out most of it for some engines and none of it for others.
FIELDS = {
    "params": {},
    "tool_servers": [],
    "features": {"image_generation": False, "code_interpreter": False, "web_search": False, "memory": False},
    "variables": {"{{USER_NAME}}": "Somebody", "{{CURRENT_DATE}}": "2026-11-29"},
    "model_item": {"id": "garden-Q4_K_M", "object": "model", "owned_by": "openai", "urlIdx": 0},
    "background_tasks": {"title_generation": True, "tags_generation": True, "follow_up_generation": True},
    "session_id": "Bq1",
    "chat_id": "0f7e",
    "id": "5b2c",
    "metadata": {"user_id": "1", "chat_id": "0f7e", "files": None, "filter_ids": []},
}
TITLE = """### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Guidelines:
- The title should clearly represent the main theme or subject of the conversation.
- Prioritize accuracy over excessive creativity; keep it clear and simple.
- Your entire response must consist solely of the JSON object, without any introductory or concluding text.
### Output:
JSON format: { "title": "your concise title here" }
### Examples:
- { "title": "📉 Stock Market Trends" },
- { "title": "🍪 Perfect Chocolate Chip Recipe" }
### Chat History:
<chat_history>
USER: How long does a cabbage stalk take to rot?
ASSISTANT: Two years.

▸ From the talks:

1. Compost in a small corner, 1:10  https://youtu.be/k3Vq9TzLw0E?t=70
</chat_history>"""


def events(reply: httpx2.Response) -> list[dict]:
    """What Open WebUI reads of a stream: lines that begin with `data: `."""
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_the_model_list(http):
    listed = http.get("v1/models", headers=HEADERS).json()
    assert [model["id"] for model in listed["data"]] == ["garden-Q4_K_M"] and "error" not in listed


def test_a_chat_with_all_its_fields(http):
    messages = [{"role": "system", "content": "You are kind."}, {"role": "user", "content": QUESTION}]
    body = {"stream": True, "model": "garden-Q4_K_M", "messages": messages, "max_tokens": 12, **FIELDS}
    reply = http.post("v1/chat/completions", headers=HEADERS, json={**body, "stream_options": {"include_usage": True}})
    assert reply.headers["content-type"].startswith("text/event-stream")
    chunks = events(reply)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    assert "▸ From the talks:" in text and chunks[-1]["usage"]["total_tokens"]


@pytest.mark.parametrize("limit", [{"max_tokens": 8}, {"max_completion_tokens": 8}])
def test_a_title_is_the_model_s_alone(http, limit):
    body = {"model": "garden-Q4_K_M", "messages": [{"role": "user", "content": TITLE}], "stream": False, **limit}
    reply = http.post(
        "v1/chat/completions", headers=HEADERS, json=body | {"metadata": {"task": "title_generation"}}
    ).json()
    assert reply["sources"] == [] and reply["decision"] is None and reply["usage"]["completion_tokens"] <= 8
    assert "▸" not in reply["choices"][0]["message"]["content"]


def test_a_follow_up_without_the_question_s_words_is_searched_with_it(http):
    first = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Two years.\n\n▸ From the talks:"}]
    messages = [*first, {"role": "user", "content": "And how long if I split it?"}]
    reply = http.post("v1/chat/completions", json={"messages": messages, "max_tokens": 4, **FIELDS}).json()
    assert reply["sources"][0]["title"] == "Compost in a small corner"
