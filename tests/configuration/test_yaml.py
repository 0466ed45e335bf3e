"""Mistakes in config.yaml that are YAML's: each with its line and column, and what to write."""

import pytest

from understudy.shared.errors import InputFileError
from understudy.shared.safe_yaml import read_yaml

MISTAKES = {
    "a handle": (
        "source:\n  channel: @handle # mine\n",
        'line 2, column 12: a value can\'t begin with @. Put it into quotation marks: channel: "@handle"',
    ),
    "a percent sign": ("a: %x\n", 'line 1, column 4: a value can\'t begin with %. Put it into quotation marks: a: "%x"'),
    "a tab": ("source:\n\tchannel: a\n", "line 2, column 1: a tab. Indent with spaces."),
    "a second colon": ("name: x\ntitle: Bread: how\n", "line 2, column 13: a colon where none can be."),
    "deeper by one": ("source:\n  channel: x\n   tabs: []\n", "line 3, column 8: a colon where none can be."),
    "higher by one": ("source:\n   channel: x\n  tabs: []\n", "line 3, column 3: this line doesn't go with those above"),
    "no colon": ("name: x\nsource\n  channel: x\n", "line 3, column 10: a key without a colon after it"),
    "an open bracket": ("a: [1, 2\nb: 3\n", "line 2, column 2: a bracket that is not closed"),
    "an open quotation mark": ('name: "abc\nsource:\n  x: 1\n', "line 1, column 7: a quotation mark that is not closed."),
    "an asterisk": ("a: *x\n", "line 1, column 4: a value can't begin with *."),
    "a NUL byte": ("name: x\0y\n", "line 1, column 8: a NUL byte, which no text has."),
    "a NUL byte, written": ('a: 1\nname: "x\\0y"\n', "line 2, column 7: a NUL byte in a value"),
    "a NUL byte in JSON": ('{"name": "x\\u0000y"}', "line 1, column 10: a NUL byte in a value"),
    "a bell": ("a: 1\n# \7\n", "line 2, column 3: the control character U+0007"),
    "twice the same key": ("name: a\nb: 1\nname: b\n", "line 3, column 1: 'name' is there for the second time"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2, column 1: expected a single document in the stream"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_line_and_column(tmp_path, mistake):
    text, says = MISTAKES[mistake]
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputFileError) as error:
        read_yaml(path)
    assert str(error.value).startswith(f"{path}, {says}"), error.value


def test_a_file_of_utf_16_is_named(tmp_path):
    for encoding in ("utf-16", "utf-16-le"):
        (tmp_path / "config.yaml").write_text("name: x\n", encoding=encoding)
        with pytest.raises(InputFileError, match="UTF-8"):
            read_yaml(tmp_path / "config.yaml")


def test_merged_groups_and_aliases_are_no_mistake(tmp_path):
    (tmp_path / "config.yaml").write_text("a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n")
    assert read_yaml(tmp_path / "config.yaml")["c"] == {"x": 1, "y": 2}
