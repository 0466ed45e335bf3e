"""The bytes of a text file as text, whatever encoding they are in.

An encoding that isn't Unicode is told by the words that come out. charset-normalizer goes by the shares of letters; it took half
of the Spanish, Swedish and Finnish files for Central European ones, and short Russian ones in koi8-r for Japanese."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

from understudy.shared.errors import InputFileError
from understudy.shared.log import log

# The first of those that read equally well is taken.
ENCODINGS: dict[str, str] = {
    "cp1252": "en fr de es pt it nl sv da nb fi is ca",
    "cp1250": "pl cs hu ro sk sl sh",
    "cp1251": "ru uk bg mk",
    "iso8859-2": "pl cs hu ro sk sl sh",
    "iso8859-15": "fr fi",
    "cp1253": "el",
    "cp1254": "tr",
    "cp1255": "he",
    "cp1256": "ar fa ur",
    "cp1257": "lt lv",
    "cp1258": "vi",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "iso8859-5": "ru bg mk",
    "cp866": "ru",
    "iso8859-7": "el",
    "cp949": "ko",
    "cp932": "ja",
    "euc_jp": "ja",
    "iso2022_jp": "ja",
    "gb18030": "zh",
    "big5": "zh",
}
BY_SIGNS = frozenset({"ja", "zh", "ko"})
LATIN_LANGUAGES = "en fr de es pt it nl sv da nb fi is ca pl cs hu ro sk sl sh tr lt lv vi"
WORD = re.compile(r"[^\s\x00-\x40\x5b-\x60\x7b-\x7f\u2000-\u206f\u3000-\u303f\uff00-\uff65\xa0]+")
TYPOGRAPHY = frozenset(
    "\u20ac\u2122\u266a\xa0\xa1\xa3\xa7\xa9\xab\xae\xb0\xb1\xb4\xb7\xbb\xbc\xbd\xbe\xbf"
) | frozenset(map(chr, (*range(0x2010, 0x2040), *range(0x3000, 0x3040), *range(0xFF00, 0xFF66))))
MARKS = "".join(TYPOGRAPHY)
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Bytes that are enough to tell by.
ENOUGH = 200_000
# Of the signs beyond ASCII, how many must be a language's letters; wordfreq has simplified Chinese alone, which shares half
# of its signs with traditional Chinese.
FEWEST_LETTERS = 0.85
FEWEST_CHINESE = 0.5


class UnknownEncoding(InputFileError):
    """A file that is no text, or text in an encoding that nobody can tell."""


def decoded(path: Path) -> str:
    """Decode UTF-8 with or without BOM, also with a few damaged signs, UTF-16, and what reads as words in another encoding.

    Raises UnknownEncoding, naming the file, if it is no text at all, or no encoding makes words of it."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return data.decode("utf-32", "replace")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if 0 < data.count(0) * 20 <= len(data):
        # A few zero bytes in text are damage.
        data = data.replace(b"\0", b"")
    if b"\0" in data:
        return without_byte_order_mark(data, path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8-sig", "replace")
        damaged = text.count("\ufffd")
        if sum(character > "\x7f" for character in text) > 2 * damaged:
            log.warning("%s: %d damaged places in UTF-8, the first at byte %d.", path, damaged, error.start)
            return text
    encoding = encoding_by_words(data)
    if encoding is None:
        raise UnknownEncoding(f"{path} is not UTF-8, and in no other encoding does it read as words. Save it as UTF-8.")
    log.warning("%s is not UTF-8: read as %s. If that is wrong, save the file as UTF-8.", path, encoding)
    return data.decode(encoding, "replace")


def without_byte_order_mark(data: bytes, path: Path) -> str:
    """Decode UTF-16 without a mark: of the signs that every caption file has, times and line ends, one byte is zero."""
    for encoding, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        text = data.decode(encoding, "replace")
        if data.count(0) == zeros.count(0) > len(zeros) / 5 and "\n" in text:
            return text
    raise UnknownEncoding(f"{path} is not text: it holds zero bytes.")


def encoding_by_words(data: bytes) -> str | None:
    """The encoding in which the signs beyond ASCII are letters of one of its languages, and make most words of it; None if there
    is none."""
    # Whole lines, so that no sign is cut.
    beginning = data[:ENOUGH].rpartition(b"\n")[0] if len(data) > ENOUGH else data
    best, most = None, 0.0
    for encoding, languages in ENCODINGS.items():
        text = beginning.decode(encoding, "replace")
        signs = BEYOND_ASCII.findall(text)
        if signs.count("\ufffd") * 100 > len(signs):
            continue
        if set(signs) <= TYPOGRAPHY:
            # The same in Windows' encodings.
            return encoding
        for language in languages.split():
            letters, words = shares_known(text, language)
            if letters >= (FEWEST_CHINESE if language == "zh" else FEWEST_LETTERS) and letters + words > most:
                best, most = encoding, letters + words
    return best


def shares_known(text: str, language: str) -> tuple[float, float]:
    """Of the signs beyond ASCII the shares that are letters of a language, and that stand in words of it."""
    words, letters = written(language)
    all_signs = in_letters = in_words = 0
    for found in WORD.findall(text.casefold()):
        # Inside a word a sign is part of it: where `s½ur` comes out, `sœur` was written.
        word = found.strip(MARKS)
        signs = BEYOND_ASCII.findall(word)
        all_signs += len(signs)
        # No word mixes Latin letters with others.
        if language in BY_SIGNS or language in LATIN_LANGUAGES.split() or len(signs) == len(word):
            in_letters += sum(sign in letters for sign in signs)
            in_words += len(signs) if word in words else 0
    share = in_letters / max(1, all_signs)
    return share, share if language in BY_SIGNS else in_words / max(1, all_signs)


@cache
def written(language: str) -> tuple[frozenset[str], frozenset[str]]:
    """The frequent words of a language beyond ASCII, and the letters that they are written in."""
    # A quarter of a second of importing that most jobs don't need.
    from wordfreq import get_frequency_dict

    words = frozenset(word for word in get_frequency_dict(language, "small") if not word.isascii())
    counts = Counter("".join(words))
    fewest = 1 if language in BY_SIGNS else len(words) / 10_000
    return words, frozenset(
        letter for letter, count in counts.items() if count >= fewest and letter.isalpha() and not letter.isascii()
    )
