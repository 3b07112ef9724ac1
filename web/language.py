"""The language of a page, by what the browser asks for."""

from collections.abc import Mapping

from qa import LANGUAGES, Language


def spoken(query: Mapping[str, str], headers: Mapping[str, str]) -> Language:
    """`?lang=` if it is one of ours, else what `Accept-Language` likes best (RFC 9110, 12.5.4)."""
    for language in LANGUAGES:
        if query.get("lang") == language:
            return language
    liking = dict.fromkeys(LANGUAGES, 0.0)
    for part in headers.get("accept-language", "").split(","):
        name, _, quality = part.partition(";")
        for language in LANGUAGES:
            if name.strip().lower().partition("-")[0] == language:
                liking[language] = max(liking[language], _quality(quality))
    return max(LANGUAGES, key=lambda language: liking[language])  # French where both are alike


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
