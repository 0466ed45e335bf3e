"""What of a server's message is the reply."""

from types import SimpleNamespace

import pytest

from understudy.teacher.reply_text import reply_in, text_of

ANSWER = "The **answer**.\n\n- One."
JSON = '{"questions": [{"question": "Why dig?", "tags": []}]}'
DRAFT = 'Let me see: {"questions": [{"question": "A draft?", "tags": []}]} Hm, no.'
REASONED = {
    "think": f"<think>{DRAFT}</think>\n\n{{}}",
    "no opening mark": f"{DRAFT}</think>{{}}",
    "twice": f"<think>{DRAFT}</think> So: <think>more</think>{{}}",
    "thinking": f"<thinking>\n{DRAFT}\n</thinking>{{}}",
    "thought": f"<thought>{DRAFT}</thought>{{}}",
    "with a space of names": f"<seed:think>{DRAFT}</seed:think>{{}}",
    "capitals": f"<Reasoning>{DRAFT}</Reasoning>{{}}",
    "begin_of_thought": f"<|begin_of_thought|>{DRAFT}<|end_of_thought|>\n<|begin_of_solution|>{{}}<|end_of_solution|>",
    "mistral": f"[THINK]{DRAFT}[/THINK]{{}}",
    "kimi": f"◁think▷{DRAFT}◁/think▷{{}}",
    "cohere": f"<|START_THINKING|>{DRAFT}<|END_THINKING|><|START_RESPONSE|>{{}}<|END_RESPONSE|>",
    "gemma": f"<|channel>thought\n{DRAFT}<channel|>{{}}<turn|>",
    "apertus": f"<|inner_prefix|>{DRAFT}<|inner_suffix|>{{}}<|assistant_end|>",
    "harmony": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{{}}<|return|>",
    "harmony with a constraint": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final <|constrain|>json<|message|>{{}}",
    "harmony as the issue has it": f"<|channel|>analysis {DRAFT} <|channel|>final<|message|>{{}}",
    "harmony without its message": f"<|channel|>analysis {DRAFT}<|channel|>final {{}}",
    "harmony without its tokens": f"analysis{DRAFT}assistantfinal{{}}",
    "inner monologue": f"<inner_monologue>{DRAFT}</inner_monologue>\n{{}}",
    "granite in words": f"Here is my thought process:\n{DRAFT}\nHere is my response:\n{{}}",
    "ollama at its terminal": f"Thinking...\n{DRAFT}\n...done thinking.\n\n{{}}",
    "folded for a page": f'<details type="reasoning" done="true">\n<summary>Thought for 3 s</summary>\n{DRAFT}\n</details>\n{{}}',
    "an open block of code": f"<think>```json\n{DRAFT}</think>{{}}",
    "an answer in tags": f"<think>{DRAFT}</think>\n<answer>\n{{}}\n</answer>",
}


@pytest.mark.parametrize("reply", [ANSWER, JSON], ids=["answer", "json"])
@pytest.mark.parametrize("name", REASONED)
def test_the_text_behind_the_last_closing_mark_is_the_reply(name, reply):
    assert reply_in(REASONED[name].replace("{}", reply)) == reply


@pytest.mark.parametrize(
    "text",
    [
        "<think>and on it goes",
        "<thinking>\nhm",
        f"[THINK]{DRAFT}",
        "<|channel|>analysis<|message|>hm",
        "<think>hm</think>",
        "\0",
    ],
)
def test_nothing_is_left_of_reasoning_alone(text):
    assert reply_in(text) == ""


CONTROL = {
    "chatml": f"{ANSWER}<|im_end|>",
    "next turn": f"{ANSWER}<|im_end|>\n<|im_start|>user\nAnd why?<|im_end|>",
    "own role": f"<|im_start|>assistant\n{ANSWER}<|im_end|>",
    "llama": f"<|start_header_id|>assistant<|end_header_id|>\n\n{ANSWER}<|eot_id|>",
    "gemma": f"<start_of_turn>model\n{ANSWER}<end_of_turn>",
    "mistral": f"<s>{ANSWER}</s>",
    "deepseek": f"{ANSWER}<\uff5cend▁of▁sentence\uff5c>",
    "harmony": f"{ANSWER}<|return|>",
    "nul": f"\0{ANSWER}\0\x1b",
    "llama 4": f"<|header_start|>assistant<|header_end|>\n\n{ANSWER}<|eot|>",
    "granite": f"<|start_of_role|>assistant<|end_of_role|>{ANSWER}<|end_of_text|>",
    "kimi": f"<|im_assistant|>assistant<|im_middle|>{ANSWER}<|im_end|>",
    "deepseek's next turn": f"<\uff5cAssistant\uff5c>{ANSWER}<\uff5cUser\uff5c>And why?",
    "exaone": f"[|assistant|]{ANSWER}[|endofturn|]",
    "written past its end": f"{ANSWER}<|endoftext|>Human: And why? Assistant: So.",
    "numbered ones": f"{ANSWER}<SPECIAL_12><unused7>",
    "brackets": f"[BOS]{ANSWER}[EOS]",
    "inside": ANSWER.replace("answer", "ans<|endoftext|>wer"),
}


@pytest.mark.parametrize("name", CONTROL)
def test_control_tokens_are_removed(name):
    assert reply_in(CONTROL[name]) == ANSWER


def test_a_heading_in_brackets_is_no_reasoning():
    text = "Dig first.\n\n[Analysis]\nThen wait.\n[Thought] and dig."
    assert reply_in(text) == text


def test_what_a_reply_says_about_marks_stays():
    text = (
        "Models write `<think>` and `<think>x</think>`, then `<|im_end|>`; a[0] < b and b > c, x<sub>2</sub>, 2|3 |> f."
    )
    assert reply_in(text) == text


FENCED = {
    "lines as windows ends them": f"```markdown\r\n{ANSWER}\r\n```",
    "tags with a language": f'<answer lang="en">{ANSWER}</answer>',
    "markdown": f"```markdown\n{ANSWER}\n```",
    "md": f"  ```md\n{ANSWER}\n```\n",
    "no name": f"```\n{ANSWER}\n```",
    "tildes": f"~~~\n{ANSWER}\n~~~",
    "reasoned before": f"<think>hm</think>\n```markdown\n{ANSWER}\n```",
}


@pytest.mark.parametrize("name", FENCED)
def test_a_fence_around_the_whole_is_removed(name):
    assert reply_in(FENCED[name]) == ANSWER


def test_a_fence_inside_stays():
    code = f"{ANSWER}\n\n```python\nprint()\n```"
    assert reply_in(f"```markdown\n{code}\n```") == code
    for text in (code, "```python\nprint()\n```", "```\na\n```\n\nand\n\n```\nb\n```", f"See:\n```\n{ANSWER}\n```"):
        assert reply_in(text) == text


PARTS = {
    "text": [{"type": "text", "text": ANSWER}],
    "two": [{"type": "text", "text": ANSWER[:5]}, {"type": "text", "text": ANSWER[5:]}],
    "strings": [ANSWER[:5], ANSWER[5:]],
    "output_text": [{"type": "output_text", "text": ANSWER, "annotations": []}],
    "mistral's thinking": [
        {"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]},
        {"type": "text", "text": ANSWER},
    ],
    "reasoning": [{"type": "reasoning", "text": DRAFT}, {"type": "text", "text": ANSWER}],
    "value": [{"type": "text", "text": {"value": ANSWER}}],
    "odd parts": [None, 3, {"type": "tool_use"}, {"type": "text", "text": None}, {"type": "text", "text": ANSWER}],
}


@pytest.mark.parametrize("name", PARTS)
def test_content_as_a_list_of_parts_is_its_text(name):
    assert text_of(SimpleNamespace(content=PARTS[name])) == ANSWER


def test_content_as_an_object_is_its_json():
    assert text_of(SimpleNamespace(content={"questions": []})) == '{"questions": []}'


def test_reasoning_in_a_field_of_its_own_is_no_reply_but_what_it_closes_is():
    assert text_of(SimpleNamespace(content=None, reasoning_content=DRAFT)) == ""
    assert text_of(SimpleNamespace(content="", reasoning=f"{DRAFT}</think>{ANSWER}")) == ANSWER
    assert text_of(SimpleNamespace(content=ANSWER, reasoning_content=DRAFT)) == ANSWER


def test_a_block_of_code_may_be_about_marks():
    about = "Use this:\n\n```\n<think>x</think>\n```\n\nIt closes itself."
    assert reply_in(about) == about
