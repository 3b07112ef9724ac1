"""Questions that lean on the conversation: "Et en 2017 ?", "Who is he?", "Et son âge ?", "Où ?".

Such a question takes along what it lacks from the turn before: that turn's question with another
date, place, name or question word in it, or the names that stand in its question and its answer. A
question that stands by itself is left as it is; `grammar.py` tells the two apart. Knows no
document and no index.
"""

import re
from collections.abc import Sequence

from index import Language, detect, folded_words

from .grammar import ASKING, ASKING_OF, AT, DATE, OF, Asked, Name, name_spans, words_of
from .types import Turn

_CARRIED = 6  # names taken along; more would hide the question itself
_SHORT = 4  # words of an answer that is taken along whole
_LONGEST = 300  # characters of a question that may lean on others
_READ = 600  # characters of a question that others lean on
_TURNS = 20  # a conversation is followed back this far


def complete(question: str, history: Sequence[Turn]) -> str | None:
    """The question with what it leans on, or None where it stands by itself.

    `history` holds the turns before it, oldest first, each as it was asked.
    """
    before: Turn | None = None
    for turn in history[-_TURNS:]:
        before = Turn(_complete(turn.question, before) or turn.question, turn.answer)
    return _complete(question, before)


def _complete(question: str, before: Turn | None) -> str | None:
    if before is None or len(question) > _LONGEST:
        return None
    asked = Asked(question)
    if not asked.words or not asked.leans():
        return None
    last = Asked(before.question[:_READ])
    if asked.is_fragment():
        completed = _with_fragment(asked, last)
    elif asked.is_question_word():
        completed = _with_question_word(asked, last, before.answer)
    else:
        completed = None
    return completed or _with_names(asked, last, before.answer)


def _with_names(asked: Asked, last: Asked, answer: str) -> str | None:
    """The question, and in brackets the names of the turn before, the answer's first."""
    answered = [answer[slice(*span)] for span in name_spans(answer, detect(answer))]
    if answered and len(answer.split()) <= _SHORT:
        answered = [answer]  # "Le Bassin gelé" is more than its capitals
    said = [*answered, *map(last.described, last.names), *(day.text for day in last.dates)]
    have = set(folded_words(asked.text))
    carried: list[str] = []
    for name in said:
        words = set(folded_words(name))
        if not words <= have:
            carried.append(name)
            have |= words
    if not carried:
        phrase = last.asking_phrase()
        topic = (last.core[phrase[1] :] if phrase else last.core).strip(" ,")
        topic = re.sub(r"^(?:do|does|did)\s+", "", topic)
        carried = [topic] if topic else []
    if not carried:
        return None
    return _ended(f"{asked.core} ({', '.join(carried[:_CARRIED])})", asked.language)


def _with_fragment(asked: Asked, last: Asked) -> str | None:
    """The last question with another date or name in it, or with one more circumstance."""
    if asked.has_only([*asked.names, *asked.dates], but=frozenset(folded_words(last.text))):
        text = last.core
        taken: list[Name] = []
        changes: list[tuple[int, int, str]] = []
        for mine, theirs in ((asked.dates, last.dates), (asked.names, last.names)):
            for name in mine:
                other = _counterpart(name, [one for one in theirs if one not in taken])
                if other is None:
                    changes.append((len(text), len(text), f" {asked.phrase(name)}"))
                else:
                    taken.append(other)
                    changes.append(_exchange(asked, name, other))
        for start, end, new in sorted(changes, reverse=True):
            text = text[:start] + new + text[end:]
        return _ended(text, last.language)
    if asked.words[0].low in AT | OF:
        return _ended(f"{last.core}, {asked.core}", last.language)
    return None


def _counterpart(name: Name, others: Sequence[Name]) -> Name | None:
    """What a name of a fragment stands instead of."""
    if DATE.fullmatch(name.text):
        return others[-1] if others else None
    if name.before in AT:
        placed = [one for one in others if one.before in AT]
        placed = placed or [one for one in others if one.before in OF]
        return placed[-1] if placed else None
    alike = [one for one in others if one.before not in AT | OF] or list(others)
    alike.sort(key=lambda one: one.count != name.count)
    return alike[0] if alike else None


def _exchange(asked: Asked, name: Name, other: Name) -> tuple[int, int, str]:
    """The change of the last question: with preposition and article where both have them."""
    whole = bool(name.before) and bool(other.before)
    if whole and (name.before in AT | OF) == (other.before in AT | OF):
        return other.unit, other.end, asked.phrase(name)
    return other.start, other.end, name.text


def _with_question_word(asked: Asked, last: Asked, answer: str) -> str | None:
    """The last question with other words that ask."""
    phrase = last.asking_phrase()
    if phrase is None:
        return None
    rest = (last.core[: phrase[0]] + last.core[phrase[1] :]).strip(" ,")
    words = last.core[phrase[0] : phrase[1]]
    first = words_of(words)
    asking = next(word for word in first if word.low in ASKING[last.language])
    noun = words[asking.end :].strip()
    said = answer if len(answer.split()) <= 6 else ""
    if first[0].low in ("who", "qui", *ASKING_OF) and not last.has_subject_after(phrase[1]):
        return _ended(f"{asked.core} {said} {rest}", last.language) if said else None
    kept = " ".join(filter(None, [said, noun]))
    more = f" ({kept})" if noun and asking.low in ASKING_OF and asking.low != "how" else ""
    return _ended(f"{asked.core} {rest}{more}", last.language)


def _ended(core: str, language: Language) -> str:
    line = " ".join(core.split())
    line = line[:1].upper() + line[1:]
    return f"{line} ?" if language == "fr" else f"{line}?"
