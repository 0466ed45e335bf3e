"""The reply itself in what a server sends: without reasoning, control tokens, and a fence around the whole."""

import json
import re
from typing import Any

# In inline code a mark is something that the reply is about.
INLINE_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
THOUGHT = r"(?:[a-z]+[:_])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ion|ing)?|analysis|scratch_?pad)"
# As the models' own templates write the end of what they think: <think> of most, [THINK] of Mistral's, <|END_THINKING|> of
# Cohere's, <channel|> of Gemma's, <|inner_suffix|> of Apertus ...
REASONING_ENDS = re.compile(
    rf"(?:</{THOUGHT}\s*>|\[/{THOUGHT}\]|◁/{THOUGHT}▷|<\|(?:/|end_of_|end_){THOUGHT}\|>|<channel\|>|<\|inner_suffix\|>)",
    re.IGNORECASE,
)
REASONING_BEGINS = re.compile(
    rf"^\s*(?:<{THOUGHT}\s*>|(?-i:\[THINK\])|◁{THOUGHT}▷|<\|(?:begin_of_|start_|begin_)?{THOUGHT}\|>|<\|channel>\w*|<\|inner_prefix\|>)",
    re.IGNORECASE | re.MULTILINE,
)
# OpenAI's harmony: the channel `final` is the reply. Where the server has dropped the tokens, the channels' names are left.
FINAL_CHANNEL = re.compile(r"<\|channel\|>\s*final\b(?:\s*<\|constrain\|>\s*\w*)?\s*(?:<\|message\|>)?")
OTHER_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b")
CHANNELS_WITHOUT_TOKENS = re.compile(r"\A\s*analysis.*assistant(?:commentary)?final", re.DOTALL)
# What opens a message in chat templates; behind the reply it is the next turn, which the model has made up.
MESSAGE_BEGINS = re.compile(
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<\|start\|>|<\|turn>|<start_of_turn>|<\|(?:user|system|assistant)\|>|\[INST\])"
)
ROLE = re.compile(r"\A\s*(?:assistant|model)?\s*(?:<\|end_header_id\|>|<\|message\|>)?[ \t]*\n*")
# The tokens that steer models, as their tokenizers spell them.
CONTROL_TOKENS = re.compile(
    r"(?:<\|[^|<>\s]{1,40}\|>|<\uff5c[^\uff5c<>\s]{1,40}\uff5c>|</?s>|<(?:bos|eos|pad|unk|(?:start|end)_of_(?:turn|utterance|text))>"
    r"|<\|[a-z_]{1,20}>|<[a-z_]{1,20}\|>|\[/?INST\]|<</?SYS>>|\[gMASK\])"
)
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
FENCED = re.compile(r"\A(?P<fence>`{3,}|~{3,})[ \t]*(?P<name>\w*)[ \t]*\n(?P<inside>.*)\n(?P=fence)\Z", re.DOTALL)
WRAPPED = re.compile(r"\A<(answer|response|final_answer|final|output|solution)>(.*)</\1>\Z", re.DOTALL | re.IGNORECASE)


def text_of(message: Any) -> str:
    """The reply in a chat completion's message, whose content may be text, None, an object, or a list of parts; or "".

    Some servers take the whole message for reasoning: what stands behind its closing mark is the reply all the same."""
    text = reply_in(in_one_text(message.content))
    if text:
        return text
    for name in ("reasoning_content", "reasoning"):
        thought = getattr(message, name, None)
        if isinstance(thought, str) and (REASONING_ENDS.search(thought) or FINAL_CHANNEL.search(thought)):
            return reply_in(thought)
    return ""


def in_one_text(content: Any) -> str:
    """The text of a message's content. Of its parts, those that are text: not reasoning, not tools."""
    if isinstance(content, str):
        # Half of a UTF-16 pair, which JSON can say, would fit into no file.
        return content.encode("utf-8", "replace").decode("utf-8")
    if isinstance(content, list):
        return "".join(map(text_of_part, content))
    return in_one_text(json.dumps(content, ensure_ascii=False)) if isinstance(content, dict) else ""


def text_of_part(part: Any) -> str:
    """The text of one part of a message, which is text or {"type": "text", "text": ...}."""
    if isinstance(part, str):
        return in_one_text(part)
    if not isinstance(part, dict) or part.get("type", "text") not in ("text", "output_text"):
        return ""
    text = part.get("text", part.get("content"))
    return in_one_text(text.get("value") if isinstance(text, dict) else text if isinstance(text, str) else "")


def reply_in(text: str) -> str:
    """The reply in a text: what stands behind the last mark that closes reasoning, without control tokens and without a fence or
    tags around the whole. Nothing is left of a text that is cut off inside its reasoning."""
    said = without_control(without_other_turns(without_reasoning(text)))
    if said == text:
        said = unwrapped(text)
        return text if said == text.strip() else said
    return unwrapped(said)


def without_reasoning(text: str) -> str:
    """The text behind the reasoning; what opens reasoning at the beginning of a line and is never closed goes to the end."""
    for mark in (FINAL_CHANNEL, CHANNELS_WITHOUT_TOKENS, REASONING_ENDS):
        ends = [found.end() for found in marks(mark, text)]
        text = text[ends[-1] :] if ends else text
    opened = REASONING_BEGINS.search(text) or OTHER_CHANNEL.search(text)
    return text[: opened.start()] if opened else text


def without_other_turns(text: str) -> str:
    """The text without its own role, and without the turns behind it."""
    begins = marks(MESSAGE_BEGINS, text)
    while begins and not without_control(text[: begins[0].start()]).strip():
        text = ROLE.sub("", text[begins[0].end() :], count=1)
        begins = marks(MESSAGE_BEGINS, text)
    return text[: begins[0].start()] if begins else text


def without_control(text: str) -> str:
    """The text without control tokens and control characters."""
    for found in reversed(marks(CONTROL_TOKENS, text)):
        text = text[: found.start()] + text[found.end() :]
    return CONTROL_CHARACTERS.sub("", text)


def marks(mark: re.Pattern, text: str) -> list[re.Match]:
    """The places of a mark in a text, those in inline code left out."""
    found = list(mark.finditer(text))
    code = [range(*span.span()) for span in INLINE_CODE.finditer(text)] if found else []
    return [each for each in found if not any(each.start() in span for span in code)]


def unwrapped(text: str) -> str:
    """The text inside a markdown fence or tags that hold the whole of it; a block of code stays one."""
    text = text.strip()
    if wrapped := WRAPPED.match(text):
        return unwrapped(wrapped[2])
    fenced = FENCED.match(text)
    if fenced is None:
        return text
    inner = [line for line in fenced["inside"].splitlines() if line.lstrip().startswith(fenced["fence"])]
    is_text = fenced["name"].casefold() in ("markdown", "md") or (
        # Two blocks with text between them open and close like one with a block inside, unless that says its language.
        fenced["name"].casefold() in ("", "text", "txt", "plaintext", "json")
        and (not inner or inner[0].strip() != fenced["fence"])
    )
    return unwrapped(fenced["inside"]) if is_text and len(inner) % 2 == 0 else text
