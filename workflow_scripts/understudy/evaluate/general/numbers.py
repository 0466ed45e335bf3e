"""The numbers that an English text names, in digits or in words."""

import re

UNITS = (
    "zero one two three four five six seven eight nine ten "
    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
VALUES = {word: value for value, word in enumerate(UNITS.split())} | {
    word: value for value, word in zip(range(20, 100, 10), TENS.split(), strict=True)
}
SCALES = {"hundred": 100, "thousand": 1000}
TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[a-z]+")


def numbers_in(text: str) -> list[float]:
    """The numbers of a text in their order: `1,000`, `3.5`, `twenty-six`, `three hundred and sixty-five`. Signs are left out."""
    numbers: list[float] = []
    spoken: list[str] = []
    for token in [*TOKEN.findall(text.casefold()), ""]:
        if token in VALUES or (spoken and (token in SCALES or token == "and")):
            if spoken and begins_another(spoken, token):
                numbers.append(value_of(spoken))
                spoken = []
            spoken.append(token)
            continue
        if spoken:
            numbers.append(value_of(spoken))
            spoken = []
        if token[:1].isdigit():
            numbers.append(float(token.replace(",", "")))
    return numbers


def begins_another(spoken: list[str], token: str) -> bool:
    """Whether a word cannot go on a number: `seven, eight` are two, `twenty-six` and `hundred six` are one."""
    if token == "and" or token in SCALES:
        return False
    last = spoken[-1]
    if last == "and":
        return not any(word in SCALES for word in spoken)
    return last in VALUES and not (VALUES[last] >= 20 and 0 < VALUES[token] < 10)


def value_of(spoken: list[str]) -> float:
    total = current = 0
    for word in spoken:
        if word == "thousand":
            total, current = total + max(1, current) * 1000, 0
        elif word == "hundred":
            current = max(1, current) * 100
        elif word in VALUES:
            current += VALUES[word]
    return float(total + current)
