"""By which names the teacher goes."""

import re

TITLE = re.compile(r"^(?:Dr|Prof|Mr|Mrs|Ms|Professor|Doctor|Frau|Herr|Señora?|Sra?|Dra)\.?\s+")


def teacher_names(configured: list[str] | None, voice: str) -> list[str]:
    """The configured names; without any, the name with which `answers.voice` begins, if it begins with one of two words or
    more."""
    if configured is not None:
        return configured
    name = TITLE.sub("", re.split(r"[,;:(–—]", voice)[0].strip())
    words = name.split()
    return [name] if 2 <= len(words) <= 4 and all(word[0].isupper() for word in words) else []
