"""What a conversation's file has to be before the page gets it: a pack's may be of a stranger, a project's of an editor."""

import json
from typing import Any

# A type; several, of which one fits; a list of one form; or keys with theirs, beside which others may stand.
Form = type | tuple | list | dict
NUMBER, TEXT_OR_NONE, NUMBER_OR_NONE = (int, float), (str, None), (int, float, None)
PLACE = {"heading": str, "link": str, "href": TEXT_OR_NONE, "start_s": NUMBER_OR_NONE, "text": str}
SOURCE = PLACE | {"number": int, "title": str, "end_s": NUMBER_OR_NONE}
SENTENCE = {
    "start": int,
    "end": int,
    "claims": bool,
    "place": (PLACE, None),
    "marks": [{"kind": str, "text": str}],
}
TURN = {
    "question": str,
    "answer": str,
    "base": TEXT_OR_NONE,
    "finish_reason": str,
    "decision": TEXT_OR_NONE,
    "sources": [SOURCE],
    "sentences": [SENTENCE],
    "flagged": bool,
    "asked": str,
}
CONVERSATION = {"id": str, "title": str, "version": int, "changed": str, "turns": [TURN]}


def is_conversation(record: Any) -> bool:
    """Whether a record read from a file is a whole conversation that can be sent as JSON."""
    return fits(record, CONVERSATION) and can_be_sent(record)


def fits(value: Any, form: Form | None) -> bool:
    """Whether a value is as `form` says. True is no number."""
    match form:
        case dict():
            return isinstance(value, dict) and all(name in value and fits(value[name], form[name]) for name in form)
        case list():
            return isinstance(value, list) and all(fits(one, form[0]) for one in value)
        case tuple():
            return any(fits(value, one) for one in form)
        case None:
            return value is None
    return type(value) is form


def can_be_sent(record: Any) -> bool:
    """Whether JSON of it can be written: no number that is none or infinite, no half of a sign."""
    try:
        json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return True
