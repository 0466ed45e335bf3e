"""CSV files as people's spreadsheets save them: a byte order mark, semicolons or tabs, quoted line breaks."""

import codecs
import csv
import io
from pathlib import Path

from understudy.shared.errors import InputFileError

DELIMITERS = ",;\t"
LONGEST_CELL = 10_000_000


def read_csv_rows(path: str | Path, columns: list[str], required: list[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file with a header as (line number, row); a column that the file doesn't have is empty in every row.

    `columns` are all that may be there, `required` those that must. Raises InputFileError, naming file and line, if the file is
    missing or damaged, in no Unicode encoding, or has other columns."""
    records = numbered_records(path, csv_text(path))
    if not records:
        raise InputFileError(f"{path} is empty. Its first line takes the columns {', '.join(columns)}.")
    (line, header), *rows = records
    names = [name.strip().casefold() for name in header]
    check_header(f"{path}, line {line}", names, columns, required)
    return [(number, row_of(f"{path}, line {number}", names, cells, columns)) for number, cells in rows]


def csv_text(path: str | Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputFileError(f"{path} does not exist.") from None
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputFileError(
            f"{path}, line {line}: not UTF-8. Save it from the spreadsheet as `CSV UTF-8` (Excel), or with the character "
            "set UTF-8."
        ) from None


def numbered_records(path: str | Path, text: str) -> list[tuple[int, list[str]]]:
    """All records that aren't blank, with the line on which each begins."""
    lines = io.StringIO(text, newline="").readlines()
    skipped = next((number for number, line in enumerate(lines) if not comes_before_header(line)), len(lines))
    header = lines[skipped] if skipped < len(lines) else ""
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines[skipped:], delimiter=max(DELIMITERS, key=header.count), strict=True)
    records, begins = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((begins + skipped, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputFileError(
            f"{path}, line {begins + skipped}: not CSV ({error}). A quote that is opened must be closed, and one inside of "
            "a text is doubled."
        ) from None
    return records


def comes_before_header(line: str) -> bool:
    """Whether a line is blank, or the one by which Excel is told the delimiter."""
    return not line.strip(DELIMITERS + '" \r\n') or line.strip('" \r\n').casefold().startswith("sep=")


def check_header(place: str, names: list[str], columns: list[str], required: list[str]) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        raise InputFileError(f"{place}: the column {missing[0]!r} is missing. The columns are {', '.join(columns)}.")
    unknown = [name for name in names if name and name not in columns]
    if unknown:
        raise InputFileError(f"{place}: there is no column {unknown[0]!r}. The columns are {', '.join(columns)}.")
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputFileError(f"{place}: the column {twice[0]!r} is there twice.")


def check_cells(place: str, names: list[str], cells: list[str]) -> None:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise InputFileError(
            f"{place}: {len(cells)} cells under {len(names)} columns. Is a text with a comma in it without quotes?"
        )


def row_of(place: str, names: list[str], cells: list[str], columns: list[str]) -> dict[str, str]:
    check_cells(place, names, cells)
    given = dict(zip(names, cells, strict=False))
    return {name: given.get(name, "") for name in columns}
