"""Addresses, telephone numbers and e-mail addresses in a text.

Telephone numbers are found by Google's libphonenumber; its strict grouping keeps years, quantities and dates out. Postal
addresses have a street and a number as they are written in the United States, the United Kingdom, Germany and
Spanish-speaking countries."""

import re

import phonenumbers

EMAIL = re.compile(r"\b[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}\b")
# Reserved for examples by RFC 2606, and the user name of every git server.
NOBODY = re.compile(r"@(?:[\w-]+\.)*example\.|\.(?:example|invalid|test)$|^git@", re.IGNORECASE)
PHONE_CUE = re.compile(
    r"\b(?:call|phone|telephone|mobile|whatsapp|text me|ring|tel|telefon|handy|ruf|anrufen|llám[ae]\w*|teléfono|móvil)\b"
    r"\D{0,40}(\+?\(?\d[\d\s()./-]{5,}\d)",
    re.IGNORECASE,
)
FEWEST_DIGITS = 7
US_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Court|Ct|Terrace|Crescent|Close|Row|Way|Square)"
)
SPANISH_STREET = r"(?:[Cc]alle|C/|[Aa]venida|Avda\.?|Av\.|[Pp]aseo|[Pp]laza|[Cc]arrera)"
CAPITALISED = r"[A-ZÁÉÍÓÚÑ][\wáéíóúñü.]*"
ADDRESSES = [
    # 42 Maple Street
    re.compile(rf"\b\d{{1,5}}[A-Za-z]?\s+(?:[NSEW]\.?\s+)?(?:[A-Z][\w.'’-]*\s+){{1,3}}{US_STREET}\b"),
    # Lindenstraße 12, Berliner Straße 12; Marktplatz 12 and Feldweg 12 only before a postcode
    re.compile(
        r"\b[A-ZÄÖÜ][\wäöüß-]*(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|gasse|allee|\s(?:Straße|Allee|Weg|Platz|Gasse))\s+\d{1,4}\s?[a-z]?\b"
        r"|\b[A-ZÄÖÜ][\wäöüß.-]*(?:damm|ufer|weg|platz|ring)\s+\d{1,4}\s?[a-z]?\b,?\s*(?:in\s+)?(?:D-)?\d{5}\s+[A-ZÄÖÜ]"
    ),
    # Calle Mayor 15, Avenida de la Paz, número 3
    re.compile(
        rf"\b{SPANISH_STREET}\s+(?:de\s+)?(?:l[ao]s?\s+|del\s+)?(?:{CAPITALISED}\s*(?:de\s+(?:l[ao]s?\s+)?)?){{1,4}}"
        r",?\s*(?:n\.?[º°o]\.?\s*|número\s+|núm\.?\s*)?\d{1,4}\b"
    ),
]


def personal_data_in(text: str, regions: list[str]) -> str | None:
    """Return the kind of the first personal datum in `text`, or None; the datum itself stays out of reports.

    `regions` are the two-letter countries whose national telephone numbers are looked for; others are found with their +code."""
    if any(not NOBODY.search(found) for found in EMAIL.findall(text)):
        return "an e-mail address"
    if has_telephone_number(text, regions):
        return "a telephone number"
    return "a postal address" if any(pattern.search(text) for pattern in ADDRESSES) else None


def has_telephone_number(text: str, regions: list[str]) -> bool:
    """Whether a number in `text` is one of these regions', has a country code, or is one that the text says to call."""
    if any(sum(map(str.isdigit, found)) >= FEWEST_DIGITS for found in PHONE_CUE.findall(text)):
        return True
    strict = phonenumbers.Leniency.STRICT_GROUPING
    return any(
        phonenumbers.PhoneNumberMatcher(text, region, leniency=strict).has_next() for region in regions or [None]
    )
