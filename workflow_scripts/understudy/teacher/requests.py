"""A request to the teacher model."""

from typing import NamedTuple


class Request(NamedTuple):
    """What is asked: chat messages, the longest reply in tokens, and the JSON schema of the reply if it has one."""

    messages: list[dict]
    max_tokens: int
    schema: dict | None = None

    def for_a_longer_reply(self) -> "Request":
        """The same request with twice the tokens: for a reply that was cut off."""
        return self._replace(max_tokens=2 * self.max_tokens)
