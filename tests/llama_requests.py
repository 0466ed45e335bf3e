"""Requests to the embedded server's own endpoints, which an OpenAI client doesn't have."""

import json
import urllib.request
from typing import Any


def post(base_url: str, endpoint: str, body: dict) -> Any:
    url = base_url.removesuffix("/v1") + endpoint
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)
