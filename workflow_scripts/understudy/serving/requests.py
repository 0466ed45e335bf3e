"""What clients send, read with care."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from understudy.serving.foreign_json import read_foreign


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body. Raises HTTPException 400 for anything that is no JSON object."""
    try:
        body = read_foreign(await request.body())
    except ValueError:
        raise HTTPException(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "The body is no JSON object.")
    return body


def text_of(body: dict[str, Any], name: str, longest: int, default: str | None = None) -> str:
    """A text of the body. Raises HTTPException 400 for anything else, 413 for a longer one."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} is no text.")
    if len(value) > longest:
        raise HTTPException(413, f"{name} is longer than {longest} characters.")
    return value


def whole_number_of(body: dict[str, Any], name: str) -> int:
    """A number from 0 on. Raises HTTPException 400 for anything else."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise HTTPException(400, f"{name} is no number from 0 on.")
    return value
