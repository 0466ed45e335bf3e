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
    "iso8859-6": "ar",
    "iso8859-7": "el",
    "mac_cyrillic": "ru",
    "mac_roman": "en fr de es pt it nl sv da nb fi is ca",
    "cp850": "en fr de es pt it nl sv da nb fi is ca",
    "cp852": "pl cs hu ro sk sl sh",
    "cp874": "th",
    "cp949": "ko",
    "cp932": "ja",
    "euc_jp": "ja",
    "gb18030": "zh",
    "big5": "zh",
}
# Encodings that have no byte beyond ASCII, by the signs with which they begin what isn't.
SEVEN_BITS = {b"\x1b$)C": "iso2022_kr", b"\x1b$": "iso2022_jp"}
BY_SIGNS = frozenset({"ja", "zh", "ko"})
LATIN = "en fr de es pt it nl sv da nb fi is ca pl cs hu ro sk sl sh tr lt lv vi"
LATIN_LANGUAGES = frozenset(LATIN.split())
WORD = re.compile(r"[^\s\x00-\x40\x5b-\x60\x7b-\x7f\u2000-\u206f\u3000-\u303f\uff00-\uff65\xa0]+")
TYPOGRAPHY = frozenset(
    "\u20ac\u2122\u266a\xa0\xa1\xa3\xa7\xa9\xab\xae\xb0\xb1\xb4\xb7\xbb\xbc\xbd\xbe\xbf"
) | frozenset(map(chr, (*range(0x2010, 0x2040), *range(0x3000, 0x3040), *range(0xFF00, 0xFF66))))
MARKS = "".join(TYPOGRAPHY)
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Between two letters stands no sign of these.
NO_WORD = re.compile(
    r"[^\W\d_][\u201a-\u2022\u2030-\u203a\u20ac\u2122\xa1\xa3\xa7\xa9\xab\xae\xb0\xb1\xb4\xbb-\xbf][^\W\d_]"
)
CAPITAL_INSIDE = re.compile(
    "[a-z\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f][A-Z\u00c0-\u00d6\u00d8-\u00de\u0386-\u03ab\u0400-\u042f]"
)
# Bytes that are enough to tell by.
ENOUGH = 200_000
# Of the signs beyond ASCII, how many must be a language's letters; wordfreq has simplified Chinese alone, which shares half
# of its signs with traditional Chinese.
FEWEST_LETTERS = 0.85
FEWEST_CHINESE = 0.5
# Of so many different words, so many must be known.
ENOUGH_WORDS, FEWEST_KNOWN = 20, 0.1
# wordfreq has no Thai.
THAI_WORDS = (
    "ที่ การ เป็น ใน และ ไม่ ของ มี ได้ จะ ให้ ว่า ต้อง เรา นี้ ครับ ค่ะ กับ จาก แล้ว วัน น้ำ คน ทำ ไป มา อยู่ แต่ หรือ อย่าง กัน ความ คือ ถ้า เพราะ "
    "มาก ตอน เวลา ผม คุณ พูด เรื่อง อะไร ยัง เลย ด้วย โดย เพื่อ เมื่อ ซึ่ง ทุก หลาย ใช้ ขึ้น ออก เข้า รู้ คิด เห็น แบบ ใหม่ หลัง ก่อน ช่วย"
)
THAI = re.compile("|".join(THAI_WORDS.split()))
THAI_LETTERS = frozenset(map(chr, range(0x0E01, 0x0E4F)))


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
        return without_escapes(data) or data.decode("utf-8-sig")
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


def without_escapes(data: bytes) -> str | None:
    """Decode one of the encodings in which signs stand between escape sequences; None if it is none."""
    for begins, encoding in SEVEN_BITS.items():
        if begins in data:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    return None


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
        if set(signs) <= TYPOGRAPHY and not NO_WORD.search(text):
            if encoding.startswith("cp12"):
                # The same in Windows' encodings.
                return encoding
            if best is None and encoding == "mac_roman":
                best, most = encoding, 0.5
        spoken = Counter(word for found in WORD.findall(text) if (word := found.strip(MARKS)))
        for language in languages.split():
            letters, words = shares_known(spoken, language)
            fewest = FEWEST_CHINESE if language == "zh" else FEWEST_LETTERS
            # By letters alone only Windows' encodings are told.
            if letters >= fewest and letters + words > most and (words or encoding.startswith("cp12")):
                best, most = encoding, letters + words
    return best


def shares_known(spoken: Counter, language: str) -> tuple[float, float]:
    """Of the signs beyond ASCII, in words and how often each is there, the shares that are letters of a language, and that stand
    in words of it. No letters, where the words are none of the language."""
    words, letters = written(language)
    by_signs, is_latin = language in BY_SIGNS, language in LATIN_LANGUAGES
    all_signs = in_letters = in_words = different = 0
    # Inside a word a sign is part of it: where `s½ur` comes out, `sœur` was written.
    for word, times in spoken.items():
        folded = word.casefold()
        signs = BEYOND_ASCII.findall(folded)
        if not signs:
            continue
        all_signs += times * len(signs)
        different += 1
        # No word mixes Latin letters with others, or goes on in capitals.
        if by_signs or is_latin or len(signs) == len(folded):
            if by_signs or not CAPITAL_INSIDE.search(word):
                in_letters += times * sum(sign in letters for sign in signs)
            if language == "th":
                in_words += times * sum(map(len, THAI.findall(folded)))
            elif folded in words:
                in_words += times * len(signs)
    known, letters_share = in_words / max(1, all_signs), in_letters / max(1, all_signs)
    if by_signs:
        return letters_share, letters_share
    if known < FEWEST_KNOWN and (different >= ENOUGH_WORDS or language == "th"):
        return 0.0, 0.0
    return letters_share, known


@cache
def written(language: str) -> tuple[frozenset[str], frozenset[str]]:
    """The frequent words of a language beyond ASCII, and the letters that they are written in."""
    if language == "th":
        return frozenset(), THAI_LETTERS
    # A quarter of a second of importing that most jobs don't need.
    from wordfreq import get_frequency_dict

    words = frozenset(word for word in get_frequency_dict(language, "small") if not word.isascii())
    counts = Counter("".join(words))
    fewest = 1 if language in BY_SIGNS else len(words) / 10_000
    return words, frozenset(
        letter for letter, count in counts.items() if count >= fewest and letter.isalpha() and not letter.isascii()
    )
