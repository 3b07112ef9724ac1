"""Questions that lean on the conversation: "Et en 2017 ?", "Who is he?", "Et son âge ?", "Où ?".

Such a question takes along what it lacks from the turn before: that turn's question with another
date, place, name or question word in it, or the names that stand in its question and its answer. A
question that stands by itself is left as it is; `grammar.py` tells the two apart. Knows no
document and no index.
"""

import re
from collections.abc import Sequence

from index import Language, detect, folded_words

from .grammar import ASKING, ASKING_OF, AT, OF, Asked, Name, date_parts, name_spans, words_of
from .types import Turn

_CARRIED = 6  # names taken along; more would hide the question itself
_SHORT = 4  # words of an answer that is taken along whole
_LONGEST = 300  # characters of a question that may lean on others
_READ = 600  # characters of a question that others lean on
_OF = ("de", "of")
_FOR = ("pour", "for")
_CONTRACTED = {("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"}
_TURNS = 20  # a conversation is followed back this far

# Where of a text, and what to put there.
Change = tuple[int, int, str]


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
        changes: list[Change] = []
        dates, names = list(last.dates), list(last.names)
        for day in asked.dates:
            other = _date_like(day, dates)
            if other is not None:
                dates.remove(other)
            changes.append(_change_of_date(asked, day, other, last))
        for name in asked.names:
            other = _counterpart(name, names, last)
            if other is not None:
                names.remove(other)
            changes.append(_change_of_name(asked, name, other, last))
        for start, end, new in sorted(changes, reverse=True):
            text = text[:start] + new + text[end:]
        return _ended(text, last.language)
    if asked.words[0].low in AT | OF:
        return _ended(f"{last.core}, {asked.core}", last.language)
    return None


def _date_like(day: Name, others: Sequence[Name]) -> Name | None:
    """The date that another stands instead of: the last of those as precise, else the last."""
    named = [bool(part) for part in date_parts(day.text)]
    alike = [one for one in others if [bool(part) for part in date_parts(one.text)] == named]
    return next((some[-1] for some in (alike, others) if some), None)


def _change_of_date(asked: Asked, day: Name, other: Name | None, last: Asked) -> Change:
    """The change that puts a date in the last question; it keeps what the new one leaves open."""
    if other is None:
        return len(last.core), len(last.core), f" {asked.phrase(day)}"
    mine, theirs = date_parts(day.text), date_parts(other.text)
    if not (mine[0] or mine[1] or theirs[2]):  # a year for a date without one
        return other.end, other.end, f" {mine[2]}"
    year = "" if mine[2] else theirs[2]
    month = "" if mine[1] or mine[2] else theirs[1]
    whole = " ".join(filter(None, [day.text, month, year]))
    if day.unit == day.start:
        return other.start, other.end, whole
    return other.unit, other.end, asked.phrase(day)[: -len(day.text)] + whole


def _counterpart(name: Name, others: Sequence[Name], last: Asked) -> Name | None:
    """What a name of a fragment stands instead of: one in its place, and of its kind.

    A preposition tells the place, and in French an article the kind: countries have one, towns and
    people have none.
    """
    same = [one for one in others if one.preposition == name.preposition]
    of = [one for one in others if one.preposition in _OF]
    if name.preposition in AT:
        placed = [one for one in others if one.preposition in AT]
        return next((some[-1] for some in (same, placed, of) if some), None)
    if name.preposition and same:
        return same[-1]
    if name.preposition not in ("", *_OF, *_FOR):
        return None

    headed = {one.unit - 1 for one in of}
    others = [one for one in others if one.end not in headed] or others  # "le PIB de la France"

    def unlike(one: Name) -> tuple[bool, ...]:
        kind = _has_article(one, last.language) != _has_article(name, last.language)
        place, count = bool(one.preposition), one.count != name.count
        if _has_article(name, last.language):
            return kind, place, count
        # English leaves prepositions out: "met Wang Yi in Kazakhstan", "And Mongolia?"
        return (place, kind, count) if last.language == "fr" else (count, place, kind)

    return min(others, key=unlike, default=None)


def _has_article(name: Name, language: Language) -> bool:
    if language == "en":
        return name.article == "the"
    return name.article in ("le", "la", "les", "l") or name.preposition == "en"


def _change_of_name(asked: Asked, name: Name, other: Name | None, last: Asked) -> Change:
    """The change that puts a name in the last question, instead of another or at its end."""
    if other is None:
        return len(last.core), len(last.core), f" {asked.phrase(name)}"
    if name.preposition and other.preposition:
        return other.unit, other.end, asked.phrase(name)
    if last.language == "en" and not name.article:
        return other.start, other.end, name.text
    return other.unit, other.end, _composed(other.preposition, name.article, name.text)


def _composed(preposition: str, article: str, name: str) -> str:
    """A name behind a preposition and an article, which French contracts."""
    if preposition == "en":
        preposition, article = ("en", "") if article else ("à", "")
    if (preposition, article) in _CONTRACTED:
        preposition, article = _CONTRACTED[preposition, article], ""
    if article == "l":
        name, article = f"l'{name}", ""
    if preposition == "de" and not article and name[0].lower() in "aeiouyàâéèêëîïôœ":
        return f"d'{name}"
    return " ".join(filter(None, [preposition, article, name]))


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
