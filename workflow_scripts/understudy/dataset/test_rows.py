"""The rows of the test split: held out until everything is decided."""

from understudy.rows.chat import rows_of_split
from understudy.shared.files import read_json_lines, write_json_lines
from understudy.shared.log import log


def write_test_rows(pairs_path: str, path: str) -> None:
    """Write the test rows of `pairs_path` to `path`."""
    rows = rows_of_split([pair for _, pair in read_json_lines(pairs_path)], "test")
    write_json_lines(path, rows)
    log.info("%s: %d rows.", path, len(rows))
