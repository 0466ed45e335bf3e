"""What spreadsheets do to text: formulas, error values, and UTF-8 that was read in another encoding."""

import re

from understudy.shared.errors import InputFileError

# What a spreadsheet takes for a formula at the beginning of a cell.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
# #NAME?, #REF!; #WERT!; #NOM?; #¿NOMBRE?, #¡VALOR!; #N/A, #I/T; those of a form of their own; Err:508 of LibreOffice; a
# column that is too narrow.
ERROR_VALUE = re.compile(
    r"(?!.*[a-z])#[¿¡]?[^\W\d_][\w/ ]*[!?]|#[A-Z\u0410-\u042f]/[A-Z\u0410-\u042f]"
    r"|#(?:N[ADV]|NAME|YOK|HIÁNYZIK|NENÍ_K_DISPOZICI|GETTING_DATA)|#+|(?:Err|Fehler|Erreur):\d{3}"
)
# What Excel makes of an id or a checksum that looks like a number.
ROUNDED = re.compile(r"[-+]?\d(?:[.,]\d+)?E[-+]\d+", re.IGNORECASE)
# What UTF-8 is taken for: Windows in the West, on the Mac, in Central Europe, elsewhere, and in China, Japan and Korea; and how
# many such characters are none by chance.
TAKEN_FOR = (
    dict.fromkeys(("cp1252", "mac_roman", "cp1250"), 1)
    | dict.fromkeys(("cp1251", "cp1253", "cp1254", "cp1257"), 2)
    | dict.fromkeys(("gbk", "cp932", "cp949"), 3)
)
# DOS and Unix, where it comes out with these.
WITH_BOXES = dict.fromkeys(("cp437", "cp850", "koi8-r", "cp866"), 1)
BOX = re.compile("[\u2500-\u259f]")
# What people write: Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, East Asia, and punctuation.
WRITTEN = re.compile(
    "[\x00-\x7f\xa0-\u017f\u0218-\u021b\u0300-\u030c\u0386-\u03ce\u0401-\u045f\u0490\u0491\u05d0-\u05ea\u060c-\u064a\u0660-\u06cc\u0900-\u0970"
    "\u0e01-\u0e5b\u1ea0-\u1ef9\u200b-\u203a\u20ac\u2122\u2190-\u2193\u2212\u2264\u2265\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]*"
)
KEEP_TEXT = "Format the columns as text before you paste or type, or write a `'` in front of the cell."


def uncovered(cell: str) -> str:
    """A cell as it was before a `'` kept it from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def check_cells(place: str, row: dict[str, str], exact: tuple[str, ...] = ()) -> None:
    """Raise InputFileError, naming place and column, for a cell that a spreadsheet has spoilt; `exact` are columns of ids."""
    for column, cell in row.items():
        if ERROR_VALUE.fullmatch(cell.strip()):
            raise InputFileError(
                f"{place}: {column} is {cell.strip()!r}, an error of the spreadsheet: it took a text that begins with -, = or + "
                f"for a formula. Write the text again. {KEEP_TEXT}"
            )
        if column in exact and ROUNDED.fullmatch(cell.strip()):
            raise InputFileError(
                f"{place}: {column} is {cell.strip()!r}, a number that the spreadsheet made of it. Write it again. {KEEP_TEXT}"
            )
        meant = misread(cell)
        if meant is not None:
            raise InputFileError(
                f"{place}: {column} has {cell[:40]!r}, which is UTF-8 read in another encoding (it was {meant[:40]!r}). Open the "
                "file as UTF-8 (Excel: Data, From Text/CSV, 65001), or go back to a copy that is whole."
            )
        if "\ufffd" in cell:
            raise InputFileError(
                f"{place}: {column} has lost a character ({cell[:40]!r}). Go back to a copy that is whole."
            )


def misread(text: str) -> str | None:
    """What a text was before its UTF-8 was read in another encoding, or None if it wasn't."""
    if text.isascii():
        return None
    for encoding, fewest in (TAKEN_FOR | (WITH_BOXES if BOX.search(text) else {})).items():
        try:
            meant = encoded(text, encoding).decode("utf-8")
        except UnicodeError:
            continue
        if sum(not letter.isascii() for letter in meant) >= fewest and WRITTEN.fullmatch(meant):
            return meant
    return None


def encoded(text: str, encoding: str) -> bytes:
    """The bytes of a text; a byte that the encoding doesn't have is read as the control character of its number."""
    return b"".join(bytes([ord(letter)]) if "\x80" <= letter <= "\x9f" else letter.encode(encoding) for letter in text)
