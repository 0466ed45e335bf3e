"""JSON from outside: what clients send and engines reply."""

import json

import pytest

from understudy.serving.foreign_json import DEEPEST, read_foreign

pytestmark = pytest.mark.hostile


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"\udc00\ud800"', "\ufffd\ufffd"),
        (r'"\ud83c\udf31"', "🌱"),
        (rb'{"a\udfff": ["\ud800", 1, null, true]}', {"a\ufffd": ["\ufffd", 1, None, True]}),
        ("[NaN, Infinity, -Infinity, 1e999, -1e999, 1.5]", [None, None, None, None, None, 1.5]),
        (b'"\xed\xa0\x80"', "\ufffd"),
        ("[" * DEEPEST + "]" * DEEPEST, None),
    ],
)
def test_what_is_read_can_be_written_again(sent, read):
    found = read_foreign(sent)
    assert read is None or found == read
    assert json.dumps(found, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    "sent", ["", "{", "[" * 100_000, "[" * 500 + "]" * 500, "9" * 5000, b"\xff\xfe", '{"a":' * 500 + "1" + "}" * 500]
)
def test_what_is_no_json_or_too_deep_is_a_value_error(sent):
    with pytest.raises(ValueError):
        read_foreign(sent)
