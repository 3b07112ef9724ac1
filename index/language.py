"""Which of Opcit's two languages a text is in: French or English.

Knows no third language: a German text gets whichever of the two it resembles more.
"""

import re
from functools import cache
from typing import Protocol

from .types import Language

# The answer does not change after a few paragraphs, and a book would cost a second.
_CHARACTERS_READ = 4000


# A question is short, and a name in it can outweigh the rest: "Who wrote Les Misérables?" looks
# French letter by letter. The word it begins with decides, if only one language has that word;
# else the first word that asks ("De quel pays ... ?"), unless a capital makes it a name (The Who).
_QUESTION_LENGTH = 200
_FIRST_WORD = re.compile(r"[\W_]*([^\W\d_]+)")
_FIRST_WORDS: dict[str, Language] = {
    **dict.fromkeys(
        "qui que qu quoi quel quelle quels quelles lequel laquelle quand où comment combien "
        "pourquoi est d l".split(),
        "fr",
    ),
    **dict.fromkeys(
        "who whom whose what which when where why how is are was were do does did has have had "
        "can could will would should".split(),
        "en",
    ),
}
_ASKING_WORD = re.compile(
    r"\b(?:(?P<fr>qui|que?|quoi|quel(?:le)?s?|lequel|laquelle|lesquel(?:le)?s|quand|où|combien"
    r"|pourquoi)|(?P<en>who|whom|whose|what|which|when|where|why|how))\b"
)


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]: ...


def detect(text: str) -> Language:
    """The language of a question or a document, from its first 4,000 characters.

    Text without any letter (empty, digits only) is called French: French is the language Opcit
    serves first, and a wrong guess there only chooses the words of the interface.
    """
    beginning = text[:_CHARACTERS_READ]
    first = _FIRST_WORD.match(beginning)
    if first is None:
        return "fr"
    if len(text) <= _QUESTION_LENGTH:
        if known := _FIRST_WORDS.get(first[1].casefold()):
            return known
        if "?" in text and (asking := _ASKING_WORD.search(text)):
            return "fr" if asking["fr"] else "en"
    language, _ = _identifier().classify(beginning)
    return "en" if language == "en" else "fr"


@cache
def _identifier() -> _Identifier:
    # Imported here because its model takes half a second, and `import index` must stay light.
    # An identifier of our own, because the one inside py3langid is shared by every library of
    # the process, and restricting it would restrict it for them too.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(["fr", "en"])
    return identifier  # type: ignore[no-any-return]
