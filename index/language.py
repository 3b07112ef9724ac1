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
# French letter by letter. So what is quoted is left out, and these tell, in this order: a verb
# before its pronoun ("a-t-il"), which only French has; the word that a question begins with, also
# after the topic ("D-Day: how many ... ?"), if only one language has it and it begins no name (Will
# Smith); the first word that asks ("De quel pays ... ?"), unless it is a name (The Who).
_QUESTION_LENGTH = 200
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"")
_INVERTED = re.compile(r"(?:-t|\w[td])-(?:ils?|elles?)\b|-t-on\b", re.IGNORECASE)
_TOPIC = re.compile(r"[^:?!]*:\s(?=[^:]*$)")
_FIRST_WORD = re.compile(r"[\W\d_]*([^\W\d_]+)(['’]?)")
_ELIDED = frozenset(("d", "l", "qu"))
_ASKING: dict[Language, str] = {
    "fr": "qui que qu quoi quel quelle quels quelles lequel laquelle quand où comment combien"
    " pourquoi",
    "en": "who whom whose what which when where why how",
}
_FINITE: dict[Language, str] = {
    "fr": "est sont était étaient fut furent sera seront ont avait avaient",
    "en": "is are was were has had did does will would can could",
}
_FIRST_WORDS: dict[str, Language] = {
    **dict.fromkeys((_ASKING["fr"] + " est d l").split(), "fr"),
    **dict.fromkeys((_ASKING["en"] + " " + _FINITE["en"] + " do have should").split(), "en"),
}
# A first word, what may be the rest of a name, and a verb.
_NAME_AND_VERB: dict[Language, re.Pattern[str]] = {
    language: re.compile(
        r"\W*\w[\w'’]*(?:[^\w'’]+[A-ZÀ-Þ][\w'’]*)*[^\w'’]+(?:" + "|".join(verbs.split()) + r")\b"
    )
    for language, verbs in _FINITE.items()
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
    if not _WORD.search(beginning):
        return "fr"
    if len(text) <= _QUESTION_LENGTH and (told := _by_asking(text)):
        return told
    words = Counter(_WORD.findall(beginning.casefold()))
    french, english = (sum(words[word] for word in common) for common in _COMMON.values())
    if max(french, english) >= max(_ENOUGH, _TIMES_AS_MANY * min(french, english)):
        return "fr" if french > english else "en"
    language, _ = _identifier().classify(beginning)
    return "en" if language == "en" else "fr"


def _by_asking(question: str) -> Language | None:
    """The language of a question by the word that asks, None where there is none."""
    bare = _QUOTED.sub(" ", question)
    if _INVERTED.search(bare):
        return "fr"
    topic = _TOPIC.match(bare)
    return (topic and _by_first_word(bare[topic.end() :])) or _by_first_word(bare)


def _by_first_word(question: str) -> Language | None:
    asking = _ASKING_WORD.search(question) if "?" in question else None
    asked: Language | None = ("fr" if asking["fr"] else "en") if asking else None
    first = _FIRST_WORD.match(question)
    word = first[1].casefold() if first else ""
    if first and not (word in _ELIDED and not first[2]) and (known := _FIRST_WORDS.get(word)):
        other: Language = "en" if known == "fr" else "fr"
        asks = word in _ASKING[known].split()
        begins_a_name = _NAME_AND_VERB[other].match(question) or (asked == other and not asks)
        return other if begins_a_name else known
    return asked


@cache
def _identifier() -> _Identifier:
    # Imported here because its model takes half a second, and `import index` must stay light.
    # An identifier of our own, because the one inside py3langid is shared by every library of
    # the process, and restricting it would restrict it for them too.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(["fr", "en"])
    return identifier  # type: ignore[no-any-return]
