"""Which of Opcit's two languages a text is in: French or English.

Knows no third language: a German text gets whichever of the two it resembles more. The words that
hold sentences together tell, or the one that asks; py3langid, which takes half a second to load,
decides where there are few of them.
"""

import re
from collections import Counter
from functools import cache
from typing import Protocol

from .types import Language

# The answer does not change after a few paragraphs, and a book would cost a second.
_CHARACTERS_READ = 4000


# A question is short, and a name in it can outweigh the rest: "Who wrote Les Misérables?" looks
# French letter by letter. The word it begins with decides, if only one language has that word;
# else the first word that asks ("De quel pays ... ?"), unless a capital makes it a name (The Who).
_QUESTION_LENGTH = 200
_FIRST_WORD = re.compile(r"[\W\d_]*([^\W\d_]+)")
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

# Words of one language that hardly occur in texts of the other. Of 21,000 texts of news, debates,
# laws, manuals and everyday sentences, none had so many more of the wrong ones.
_COMMON = {
    "fr": frozenset(
        "le la les un une des du au aux et est sont dans pour par avec sur ce cette ces il elle ils"
        " elles nous vous qui que ne pas plus été était leur leurs ses mais".split()
    ),
    "en": frozenset(
        "the of and to in is are was were that this these for with by from it its he she they his"
        " her their which has have had been be not but would will at as".split()
    ),
}
_ENOUGH = 3
_TIMES_AS_MANY = 3
_WORD = re.compile(r"[^\W\d_]+")


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
    words = Counter(_WORD.findall(beginning.casefold()))
    french, english = (sum(words[word] for word in common) for common in _COMMON.values())
    if max(french, english) >= max(_ENOUGH, _TIMES_AS_MANY * min(french, english)):
        return "fr" if french > english else "en"
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
