"""What a pair has left from the chat that it was written in: tokens that steer models, and words to whoever asked for it."""

import re
from collections.abc import Collection

from understudy.teacher.reply_text import CONTROL_CHARACTERS, CONTROL_TOKENS, marks

# How programs that tell voices apart label them.
SPEAKER_LABEL = re.compile(r"\bSPEAKER_\d{1,3}\b|[\[(](?:speaker|spk)[ _-]?\d{1,3}[\])]", re.IGNORECASE)
# An answer begins with these words.
OPENINGS = {
    "en": [
        r"(?:sure(?: thing)?|certainly|of course|absolutely|gladly)!",
        r"(?:sure(?: thing)?|certainly|of course|absolutely|gladly|okay|ok|alright|great)[,.:]\s+"
        r"(?:here['’]s|here (?:is|are)|i['’]ll|let me)\b",
        r"here(?:['’]s| is| are)\b[^.!?\n]{0,80}\b(?:answer|response|reply|questions?|summary|explanation|version)\b"
        r"[^.!?\n]{0,80}:",
        r"(?:that['’]s an? |what an? )?(?:great|good|excellent) question[!.,]",
        r"(?:i['’]d|i would) be (?:happy|glad) to (?:help|answer|explain)",
    ],
    "de": [
        r"(?:sehr )?(?:gerne?|natürlich|klar|selbstverständlich)!",
        r"(?:gerne?|natürlich|klar|selbstverständlich|sicher)[,.:]\s+hier (?:ist|sind|kommt|folgt)\b",
        r"hier (?:ist|sind|kommt|folgt)\b[^.!?\n]{0,80}\b(?:antwort|fragen?|zusammenfassung|erklärung|fassung)\b[^.!?\n]{0,80}:",
        r"(?:das ist eine |was für eine )?(?:sehr )?(?:gute|tolle|ausgezeichnete) frage[!.,]",
    ],
    "es": [
        r"¡?(?:claro(?: que sí)?|por supuesto|desde luego|con (?:mucho )?gusto)!",
        r"(?:claro(?: que sí)?|por supuesto|desde luego)[,.:]\s+aquí (?:tienes?|está|están|va)\b",
        r"aquí (?:tienes?|está|están|va)\b[^.!?\n]{0,80}\b(?:respuesta|preguntas?|resumen|explicación|versión)\b[^.!?\n]{0,80}:",
        r"¡?(?:es una |qué )?(?:muy )?(?:buena|excelente|gran) pregunta[!.,]",
    ],
    "fr": [
        r"(?:bien sûr|certainement|avec plaisir|volontiers)\s?!",
        r"(?:bien sûr|certainement|d['’]accord)\s?[,.:]\s+voici\b",
        r"voici\b[^.!?\n]{0,80}\b(?:réponse|questions?|résumé|explication|version)\b[^.!?\n]{0,80}:",
        r"(?:c['’]est une |quelle )?(?:très )?(?:bonne|excellente) question\s?[!.,]",
    ],
}
# Its last paragraph has these words.
CLOSINGS = {
    "en": [
        r"\blet me know (?:if|whether|how|what|when)\b",
        r"\bfeel free to (?:ask|reach out|let me know|contact)\b",
        r"\bhope (?:this|that|it) (?:helps|answers|clarifies)\b",
        r"\bif you have (?:any )?(?:other|more|further|additional)? ?questions\b",
        r"\b(?:would you like|do you want|shall i|should i) (?:me to|explain|expand|rewrite)\b",
        r"\bis there anything else (?:i|you)\b",
    ],
    "de": [
        r"\blass(?:en sie)? (?:es )?mich (?:gerne )?wissen\b",
        r"\bsag(?:en sie)? (?:mir )?(?:einfach |gerne )?bescheid\b",
        r"\bhoffe,? (?:das|dies) (?:hilft|beantwortet)\b",
        r"\b(?:wenn|falls) (?:du|sie) (?:noch )?(?:weitere |andere )?fragen (?:hast|haben)\b",
        r"\b(?:soll|kann) ich (?:dir|ihnen) (?:noch|sonst)\b",
    ],
    "es": [
        r"\b(?:avísame|avíseme|hazme saber|házmelo saber|hágamelo saber|dime|dígame|déjame saber) si\b",
        r"\bespero que (?:esto )?(?:te |le )?(?:ayude|sirva|sea útil)\b",
        r"\bsi (?:tienes?) (?:más|otras?|alguna(?: otra)?) (?:preguntas?|dudas?)\b",
        r"\bno dudes? en (?:preguntar|consultar|contactar|decírmelo)",
        r"\b(?:quieres?|te gustaría|le gustaría) que (?:te|le) (?:explique|ayude|dé)\b",
    ],
    "fr": [
        r"\b(?:fais|faites)(?:-le)?[- ]moi savoir\b",
        r"\b(?:dis|dites)[- ]moi si\b",
        r"\bn['’]hésitez? pas à (?:me |poser|demander|revenir)",
        r"\bj['’]espère que (?:cela|ça|ceci) (?:vous |t['’])?(?:aide|répond)",
        r"\bsi (?:tu as|vous avez) (?:d['’]autres|des) questions\b",
        r"\b(?:souhaitez-vous|voulez-vous|veux-tu) que je\b",
    ],
}


def control_token_in(text: str, own: Collection[str] = ()) -> str | None:
    """Say which control token or character a text has: one of any model's, but in inline code, or one of the base model's `own`,
    which its tokenizer takes for the token itself wherever it stands."""
    found = next((token for token in own if token in text), None)
    if found is None:
        found = next((mark.group() for mark in marks(CONTROL_TOKENS, text)), None)
    if found is None and (character := CONTROL_CHARACTERS.search(text)):
        found = character.group()
    return found and f"a control token: {found!r}"


def speaker_label_in(text: str, own: Collection[str] = ()) -> str | None:
    """Say which label of a voice, as programs give it, a text has; `own` are the speakers that the talk's captions name."""
    numbered = [re.escape(label) for label in own if re.search(r"\d", label)]
    found = SPEAKER_LABEL.search(text)
    if found is None and numbered:
        found = re.search(rf"\b(?:{'|'.join(numbered)})\b", text, re.IGNORECASE)
    return found and f"a label of the captions: {found.group()!r}"


def chat_phrase_in(answer: str, language: str | None) -> str | None:
    """Say which words of an answer are to whoever asked a model for it, not part of it."""
    code = (language or "").split("-")[0].lower()
    languages = [code] if code in OPENINGS else list(OPENINGS)
    paragraphs = [part for part in answer.strip().split("\n\n") if part.strip()] or [""]
    for name in languages:
        opening = re.match("|".join(OPENINGS[name]), paragraphs[0].lstrip("*_#> \n"), re.IGNORECASE)
        closing = re.search("|".join(CLOSINGS[name]), paragraphs[-1], re.IGNORECASE)
        if found := opening or closing:
            return f"words to whoever asked for it: {found.group()!r}"
    return None
