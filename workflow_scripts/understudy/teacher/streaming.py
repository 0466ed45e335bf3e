"""A client that reads replies as they are written, so that one which repeats itself is ended, not waited for."""

from types import SimpleNamespace
from typing import Any

import openai

from understudy.shared.run import check_not_stopped
from understudy.text.loops import is_loop

# The finish_reason of a reply that was ended here.
REPETITION = "repetition"
LOOK_EVERY_CHARACTERS = 200


class StreamingClient:
    """Takes requests as the client that it is made from does, and gives the same completions."""

    def __init__(self, client: openai.OpenAI):
        self._client = client
        self.base_url, self.api_key = client.base_url, client.api_key
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, **options) -> Any:
        """Return the completion. One that repeats itself is ended with REPETITION as its finish_reason.

        Raises what the client raises, and RunStopped once the run is stopped."""
        text, looked_at = "", 0
        finish_reason = usage = model = refusal = None
        with self._client.chat.completions.create(
            **options, stream=True, stream_options={"include_usage": True}
        ) as stream:
            for chunk in stream:
                model, usage = chunk.model or model, chunk.usage or usage
                for choice in chunk.choices[:1]:
                    text += choice.delta.content or ""
                    refusal = choice.delta.refusal or refusal
                    finish_reason = choice.finish_reason or finish_reason
                if len(text) - looked_at >= LOOK_EVERY_CHARACTERS:
                    looked_at = len(text)
                    check_not_stopped()
                    if is_loop(text):
                        finish_reason = REPETITION
                        break
        message = SimpleNamespace(content=text, refusal=refusal)
        choice = SimpleNamespace(message=message, finish_reason=finish_reason)
        return SimpleNamespace(choices=[choice], usage=usage, model=model)
