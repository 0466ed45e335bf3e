"""The reply itself in what a server sends: without reasoning, control tokens, and a fence around the whole."""

import json
import re
from typing import Any

# In inline code a mark is something that the reply is about.
INLINE_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
BLOCK_OF_CODE = re.compile(r"^(`{3,}|~{3,})[^\n`]*\n.*?^\1[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)
THOUGHT = (
    r"(?:[a-z]+[:_])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ion|ing)?|analysis|scratch_?pad|monologue|cot"
    r"|chain_of_thought|deliberation|rationale)"
)
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
# Reasoning in words: Granite's, Ollama's at its terminal, and as a web page folds it.
SPELT_REASONING = re.compile(
    r"\A\s*(?:here(?:['’]s| is) my thought process:.*?here(?:['’]s| is) my response:|thinking\.{3}.*?\.{3}done thinking\."
    r"|<details(?:\s+type=\"reasoning\"[^>]*>|[^>]*>\s*<summary>\s*(?:thought|thinking|reasoning)\b).*?</details>)\s*",
    re.IGNORECASE | re.DOTALL,
)
# OpenAI's harmony: the channel `final` is the reply. Where the server has dropped the tokens, the channels' names are left.
FINAL_CHANNEL = re.compile(r"<\|channel\|>\s*final\b(?:\s*<\|constrain\|>\s*\w*)?\s*(?:<\|message\|>)?")
OTHER_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b")
CHANNELS_WITHOUT_TOKENS = re.compile(r"\A\s*analysis.*assistant(?:commentary)?final", re.DOTALL)
# What opens a message in chat templates; behind the reply it is the next turn, which the model has made up.
MESSAGE_BEGINS = re.compile(
    r"(?:<\|(?:im_start|start_header_id|header_start|start|start_of_role|START_OF_TURN_TOKEN)\|>|<\|turn>|<start_of_turn>|\[INST\]"
    r"|<(?P<bar>[|\uff5c])(?:im_|hy_)?(?:user|system|assistant|human|chatbot)(?:_token)?(?P=bar)>|\[\|(?:user|system|assistant)\|\])",
    re.IGNORECASE,
)
ROLE = re.compile(
    r"\A\s*(?:assistant|model)?\s*(?:<\|(?:end_header_id|header_end|message|end_of_role|im_middle)\|>)?[ \t]*\n*"
)
# Behind these a model has gone on writing past its end.
TEXT_ENDS = re.compile(
    r"<\|(?:endoftext|end_of_text|im_end|eot_id|eot|eom_id|return|endofprompt)\|>|<\uff5cend▁of▁sentence\uff5c>|<(?:end_of_turn|eos)>"
)
# The tokens that steer models, as their tokenizers spell them.
CONTROL_TOKENS = re.compile(
    r"(?:<\|[^|<>\s]{1,40}\|>|<\uff5c[^\uff5c<>\s]{1,40}\uff5c>|</?s>|<(?:bos|eos|pad|unk|(?:start|end)_of_(?:turn|utterance|text))>"
    r"|<\|[a-z_]{1,20}>|<[a-z_]{1,20}\|>|\[/?INST\]|<</?SYS>>|\[gMASK\]|\[(?:BOS|EOS)\]|\[\|[a-z]{1,20}\|\]"
    r"|<(?:SPECIAL_|ctrl|unused|extra_id_|reserved_(?:special_)?token_)\d{1,5}>)"
)
# The end of a sentence, of JSON, or of a line.
IS_WHOLE = re.compile(r"\S\s+\Z|[^\w\s,;(\[{<-]\Z")
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
FENCED = re.compile(r"\A(?P<fence>`{3,}|~{3,})[ \t]*(?P<name>\w*)[ \t]*\r?\n(?P<inside>.*)\r?\n(?P=fence)\Z", re.DOTALL)
WRAPPED = re.compile(
    r"\A<(answer|response|final_answer|final|output|solution)(?:\s[^>]*)?>(.*)</\1>\Z", re.DOTALL | re.IGNORECASE
)


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
    """The text behind the reasoning; what opens reasoning at the beginning of a line and is never closed goes to the end.

    A block of code may be about such marks, but what the reasoning itself opens it with needn't be closed."""
    opened = REASONING_BEGINS.match(text) or OTHER_CHANNEL.match(text.lstrip())
    text = SPELT_REASONING.sub("", text, count=1)
    for mark in (FINAL_CHANNEL, CHANNELS_WITHOUT_TOKENS, REASONING_ENDS):
        ends = [found.end() for found in marks(mark, text, but_blocks=not opened)]
        text = text[ends[-1] :] if ends else text
    begins = [
        found.start() for mark in (REASONING_BEGINS, OTHER_CHANNEL) for found in marks(mark, text, not opened)[:1]
    ]
    return text[: begins[0]] if begins else text


def without_other_turns(text: str) -> str:
    """The text without its own role, and without the turns behind it."""
    begins = marks(MESSAGE_BEGINS, text)
    while begins and not without_control(text[: begins[0].start()]).strip():
        text = ROLE.sub("", text[begins[0].end() :], count=1)
        begins = marks(MESSAGE_BEGINS, text)
    text = text[: begins[0].start()] if begins else text
    end = next((found.start() for found in marks(TEXT_ENDS, text) if IS_WHOLE.search(text[: found.start()])), None)
    return text[:end]


def without_control(text: str) -> str:
    """The text without control tokens and control characters."""
    for found in reversed(marks(CONTROL_TOKENS, text)):
        text = text[: found.start()] + text[found.end() :]
    return CONTROL_CHARACTERS.sub("", text)


def marks(mark: re.Pattern, text: str, but_blocks: bool = False) -> list[re.Match]:
    """The places of a mark in a text, those in inline code left out, and those in blocks of code `but_blocks`."""
    found = list(mark.finditer(text))
    kinds = (INLINE_CODE, BLOCK_OF_CODE) if but_blocks else (INLINE_CODE,)
    code = [range(*span.span()) for kind in kinds for span in kind.finditer(text)] if found else []
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
