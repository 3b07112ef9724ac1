"""The grammar of a question, as far as it tells whether the question can stand by itself.

By the closed classes of French and English words: personal pronouns, possessives, demonstratives,
articles, prepositions, auxiliaries, impersonal verbs and the words that ask. There is no parser and
no lexicon: a name is a run of capitals, a thing is what follows an article. In doubt a question
stands by itself. Knows no conversation, no document and no index.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from index import Language, detect, folded_words, stems

_DESCRIPTION = 40  # characters before a name that say what it is the name of
_FRAGMENT = 5  # words that say something in a mere part of a question


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ASKING: Final[dict[Language, frozenset[str]]] = {
    "fr": _set(
        "qui que qu quoi quel quelle quels quelles lequel laquelle lesquels lesquelles auquel"
        " duquel quand où comment combien pourquoi"
    ),
    "en": _set("who whom whose what which when where why how"),
}
# These go with a noun: "quelle équipe", "combien de morts", "how many people", "how old".
ASKING_OF: Final = _set("quel quelle quels quelles combien which what whose how")
_ABOUT_FR: Final = r"(?:qu['’]en est-il|quid) d(?:e\b|u\b|es\b|['’])"
_ABOUT_EN: Final = r"(?:what|how) about\b"
# "Et celui de Lyon ?" asks what "Et de Lyon ?" does.
_THAT_OF_FR: Final = r"(?:(?:celui|celle|ceux|celles)\s+(?=d(?:e|u|es)\b|d['’]))?"
_THAT_OF_EN: Final = r"(?:(?:that|those|the ones?)\s+(?=(?:of|in|at|for|from)\b))?"
_OPENING: Final[dict[Language, re.Pattern[str]]] = {
    "fr": re.compile(
        r"\W*(?:(?:et|mais|alors)\b[\s,]*(?:(?:puis|alors)\b[\s,]*)?"
        rf"(?:{_ABOUT_FR})?|{_ABOUT_FR})\s*{_THAT_OF_FR}",
        re.IGNORECASE,
    ),
    "en": re.compile(
        rf"\W*(?:(?:and|but|so)\b[\s,]*(?:then\b[\s,]*)?(?:{_ABOUT_EN})?|{_ABOUT_EN})\s*{_THAT_OF_EN}",
        re.IGNORECASE,
    ),
}
_DETERMINERS: Final[dict[Language, frozenset[str]]] = {
    "fr": _set(
        "mon ma mes notre nos votre vos le la les l un une des du au aux chaque plusieurs certains"
        " certaines autant beaucoup tous toutes tout toute deux trois quatre cinq six sept huit"
        " neuf dix"
    ),
    "en": _set(
        "my our your the a an every each some any several many most all both two three four five"
        " six seven eight nine ten"
    ),
}
# Before a place, or what a place can be exchanged for.
AT: Final = _set("à au aux en dans chez sur vers in at on near to from into")
OF: Final = _set(
    "de du des d of pour par for by with avec contre against depuis since avant before après after"
    " entre between"
)
_CONTRACTED: Final = {
    "au": ("à", "le"),
    "aux": ("à", "les"),
    "du": ("de", "le"),
    "des": ("de", "les"),
    "d": ("de", ""),
}
_AUXILIARIES: Final[dict[Language, frozenset[str]]] = {
    "fr": _set(
        "a ai as ont avons avez avait avaient aura auront aurait auraient eut est sont était"
        " étaient sera seront serait seraient fut furent"
    ),
    "en": _set(
        "is are was were be been do does did has have had will would can could may might must"
        " shall should"
    ),
}
_COPULAS: Final = _set("est sont était étaient sera seront fut furent is are was were")
_PERSONAL: Final[dict[Language, frozenset[str]]] = {
    "fr": _set("il elle ils elles eux lui"),
    "en": _set("he she they it him them hers theirs"),
}
_POSSESSIVE: Final[dict[Language, frozenset[str]]] = {
    "fr": _set("son sa ses leur leurs"),
    "en": _set("his her its their"),
}
_DEMONSTRATIVE: Final[dict[Language, frozenset[str]]] = {
    "fr": _set("ce cet cette ces cela ça celui celle ceux celles"),
    "en": _set("this that these those"),
}
# "ce" before these is no demonstrative of a thing; "cette année" and "this week" point at today.
_NO_POINTING: Final = _set(
    "qui que qu dont est sont fut sera n à"
    " année mois semaine jour matin soir nuit fois week month year morning evening night time"
    " who day"
)
# After these a pronoun may stand for who or what is asked for: "Qui a dit qu'il partait ?".
_SUBORDINATING: Final = _set(
    "que qu si s quand lorsqu puisqu parce où comme dont that whether if when while because since"
    " before after until although as than where why how said says"
)
# "il" and "it" stand for nothing where a clause is the subject: after "be" and an adjective comes
# "to" or "de" with a verb, or "that" or "que". A participle makes them stand for something ("moved
# to Paris", "accusé de vol"), unless it is one that allows, advises or decides.
_CLAUSAL_FR: Final = (
    r"(?:prévu|permis|défendu|exclu|convenu|admis|(?:dé)?conseillé|recommandé|autorisé|demandé"
    r"|proposé|décidé)"
)
_CLAUSAL_EN: Final = (
    r"(?:allowed|permitted|forbidden|banned|prohibited|required|needed|recommended|advised"
    r"|supposed|decided|agreed|planned|proposed|meant)"
)
_NO_ADJECTIVE_FR: Final = (
    r"(?:\w*(?:é|[^\Wa]i|u)|mort|contraint|(?:in)?capable|susceptible|sûr|certain|fier|content|heureux|libre"
    r"|digne|coupable|le|la|les|un|une|en|à|au|sur|dans|de|du)"
)
_NO_ADJECTIVE_EN: Final = (
    r"(?:\w+ed|built|made|sold|told|held|taken|given|known|shown|seen|written|driven|chosen|broken"
    r"|stolen|born|brought|bought|taught|caught|sent|spent|lent|left|lost|kept|led|fed|won|found"
    r"|put|set|cut|hit|shut|drawn|grown|thrown|flown|worn|torn|run|done|gone|going|about"
    r"|(?:un)?able|(?:un)?willing|(?:un)?likely|ready|due|open|close|near|next|similar|equal"
    r"|available|accessible|the|in|at|on|under|there|here)"
)
_ADVERBS_FR: Final = (
    r"(?:(?:pas|plus|moins|aussi|si|très|trop|encore|toujours|donc|bien|vraiment|\w+ement)\s+)*"
)
_ADVERBS_EN: Final = (
    r"(?:(?:not|now|so|too|very|more|less|still|also|even|always|ever|quite|\w+ly)\s+)*"
)
# In small letters, for names and nouns follow "de" and "to" as well.
_TO_DO_FR: Final = (
    r"(?:de\s+|d['’])(?:(?:ne|pas|se|le|la|les|lui|leur|y|en)\s+|[sl]['’])*"
    r"(?-i:[^\W\dA-Z]*(?:er|ir|dre|ttre|aître|[auio]ire|vre)\b)"
)
_TO_DO_EN: Final = (
    r"to\s+(?!(?:the|an?|this|that|these|those|my|our|your|his|her|its|their|any|some|all|each"
    r"|every|both|which|what|whom?|where|him|them|us|you|me|it|date)\b)(?-i:(?!\w*[^\Wsu]s\b)[a-z]+)"
)
_BE_FR: Final = r"(?:est|était|sera|serait|fut)"
_BE_EN: Final = r"(?:is|was|were|isn['’]t|wasn['’]t)"
_BECOME: Final = (
    r"(?:is|was|be|been|becom(?:e|es|ing)|became|remain(?:s|ed)?|get(?:s|ting)?|got|seem(?:s|ed)?)"
)
_IS_CLAUSE_FR: Final = (
    rf"\s+{_ADVERBS_FR}(?:{_CLAUSAL_FR}|temps|(?!{_NO_ADJECTIVE_FR}\b)\w+)"
    rf"(?:[\s,]+(?:pour|aux?|à|en|dans|chez)\s[^?]*?)?[\s,]+{_TO_DO_FR}"
)
_IS_THAT_FR: Final = r"\s+(?:pas\s+)?(?!(?:plus|moins|aussi|si)\b)\w+\s+qu(?:e\b|['’])"
_IS_CLAUSE_EN: Final = (
    rf"(?:\s+{_ADVERBS_EN}(?:{_CLAUSAL_EN}|an?\b[^?]*?|(?!{_NO_ADJECTIVE_EN}\b)\w+))?"
    rf"(?:\s+(?:enough|it))?(?:\s+(?:for|of|in|at|on|from)\s[^?]*?)?\s+{_TO_DO_EN}"
)
_IS_THAT_EN: Final = (
    r"\s+(?:\w+\s+)?(?:that|whether|who|what|why|how)\b"
    # "Was it in May that ... ?"
    rf"|\s+(?:(?:in|at|on|the)\b|(?!{_NO_ADJECTIVE_EN}\b)\w+\b)[^?]*?\b(?:that|who)\b"
)
_IMPERSONAL: Final[dict[Language, re.Pattern[str]]] = {
    "fr": _any_of(
        r"\bil\s+(?:n['’])?(?:y\b|s['’](?:agi|est passé|est avéré)|faut|fall|faud|sembl|suffi"
        r"|convien|exist|vaut mieux|pleu[tv]|neig|passé|resté?\b|arrive qu)",
        rf"\bil\b(?=\s+(?:n['’])?(?:{_BE_FR}(?:\s+été)?|été)(?:{_IS_CLAUSE_FR}|{_IS_THAT_FR}))",
        rf"\b{_BE_FR}-il\b(?={_IS_CLAUSE_FR})",
        rf"(?<!n['’])\b{_BE_FR}-il\b(?={_IS_THAT_FR})",
        rf"\b{_BE_FR}-il\b(?=\s+pas\b{_IS_THAT_FR})",
        r"\b(?:faut|fallait|faudrait|faudra-t|s['’]agit|s['’]agissait|s['’]agira-t|existe-t"
        r"|convient|suffit|semble-t|temps fait|heure est|reste-t|y a-t|y avait|y aura-t|y eut"
        r"|se passe-t|se passait|se passera-t|pleut|neige-t)-il\b",
        r"\b(?:est|était|sera)-il question\b",
        r"\bse fait-il\b(?=\s+qu)",
        r"\bvaut-il\b(?=\s+(?:mieux|la peine))",
        # "Que lui est-il arrivé ?", but "Quand est-il arrivé ?"
        r"\bqu(?:e\s+|['’])(?:(?:lui|leur|nous|vous)\s+)?"
        r"(?:arriv\w+(?:-t)?-il\b|(?:est|était)-il\b(?=\s+arrivé))",
    ),
    "en": _any_of(
        rf"\b{_BE_EN}\s+it\b(?={_IS_CLAUSE_EN}|{_IS_THAT_EN})",
        rf"\bit\b(?=(?:['’]s|\s+{_BECOME})(?:\s+{_BECOME})*(?:{_IS_CLAUSE_EN}|{_IS_THAT_EN}))",
        # With the object left out it stands for something: "How long did it take to build?"
        r"\bit\b(?=\s+(?:takes?|took|costs?|means?|meant|feels?|felt|hurts?)\s+"
        rf"(?:{_TO_DO_EN}\s+\w|(?!to\b)[^?]*?\b{_TO_DO_EN}))",
        r"\bit\b(?=\s+(?:seem|appear|happen|turn|follow|matter|mean|look)\w*\s+(?:out\s+)?"
        r"(?:that|whether|if|as|like|who|how|what)\b)",
        r"\b(?:far is|worth) it\b",
        r"\bis it called\b(?=\s+(?:when|if)\b)",
        r"\b(?:time|day|date) is it\b(?!\s+\w+ed\b)",
        r"\bit(?:\s+is)?\s+(?:rain|snow|hail|freez|thunder)",
        # "made it clear that", "made it out of the town"
        r"\b(?:ma(?:de|kes?|king)|finds?|found|thinks?|thought|considers?)\s+it\b"
        rf"(?={_IS_CLAUSE_EN}|{_IS_THAT_EN}"
        r"|\s+(?:to|out|into|through|across|past|back|home|over)\b)",
    ),
}
_INVERTED: Final = re.compile(r"-(?:t-)?(?:il|elle|ils|elles|on|ce)\b")
_MONTHS: Final = (
    r"(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|January|February|March|April|May|June|July|August|September|October|November|December)"
)
_DAY: Final = r"\d{1,2}(?:er|st|nd|rd|th)?"
_YEAR: Final = r"(?:1[5-9]|20)\d\d"
_DATE: Final = re.compile(
    rf"\b(?:{_DAY}\s+)?{_MONTHS}\s+{_YEAR}\b|\b{_MONTHS}\s+{_DAY}(?:,?\s+{_YEAR})?\b|\b{_YEAR}\b"
    rf"|\b{_DAY}\s+{_MONTHS}\b|(?<=\b(?:en|in) ){_MONTHS}\b",
    re.IGNORECASE,
)
# After "et" or "and" a month or a day can stand alone: "Et juin ?", "And on the 14th?".
_SHORT_DATE: Final = re.compile(
    rf"(?:en\s+|in\s+)?({_MONTHS})|(?:le|du|(?:on\s+)?the)\s+({_DAY})", re.IGNORECASE
)
_JOINED_DATES: Final = re.compile(r"\s*(?:-|–|et|and|to|à|au)\s*(?:le\s+)?")
_DATE_PARTS: Final = tuple(
    re.compile(rf"\b{part}\b", re.IGNORECASE) for part in (_DAY, _MONTHS, _YEAR)
)
_DATE_WORDS: Final = _set("année an l the year mois month le la")
_WORD: Final = re.compile(r"[^\W_]+")
# What may stand between two parts of a name, and the small words inside one.
_JOINTS: Final = ("", " ", "-", "'", "’", ",", "/", ". ", "\u00a0")
_INSIDE: Final = _set("de du des d of the la le van von")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    low: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name or a date; `unit` is where it begins with its preposition and article."""

    text: str
    start: int
    end: int
    unit: int
    preposition: str  # "à" for "au" and "aux", "de" for "du" and "des", or none
    article: str  # "le" for "au" and "du", any other determiner as well, or none

    @property
    def count(self) -> int:
        """How many words it has."""
        return len(self.text.split())


class Asked:
    """A question as far as its grammar is needed.

    `text` is the question without an opening "et" or "and", `core` that without its end mark.
    """

    def __init__(self, asked: str) -> None:
        self.language = language_of(asked)
        opening = _OPENING[self.language].match(asked)
        self.opened = opening is not None
        self.text = asked[opening.end() :].strip() if opening else asked.strip()
        self.core = self.text.rstrip(" ?!.…\u00a0\u202f")
        self.words = words_of(self.text)
        self.dates = [_named(self.text, *span) for span in _date_spans(self.text)]
        if self.opened and not self.dates and (short := _SHORT_DATE.fullmatch(self.core)):
            self.dates = [_named(self.text, *short.span(short.lastindex or 0))]
        self.names = [
            _named(self.text, *span)
            for span in name_spans(self.text, self.language)
            if not any(span[0] < date.end and date.start < span[1] for date in self.dates)
        ]
        asking = ASKING[self.language]
        self.asking = next((i for i, word in enumerate(self.words) if word.low in asking), None)

    # -- whether it leans ------------------------------------------------------------------------

    def leans(self) -> bool:
        """Whether it needs what was said before it."""
        if self.is_fragment():
            return True
        if any(self._lacks_antecedent(i) for i in range(len(self.words)) if self._points(i)):
            return True
        opened = self.opened and (self.asking is not None or self._is_verbal())
        return not self.names and (opened or self._names_nothing())

    def is_fragment(self) -> bool:
        """No question, only a part of one: after "et", or a place or a date by itself."""
        if self.asking is not None or self._is_verbal():
            return False
        if self.opened:
            return len(stems(self.text, self.language)) <= _FRAGMENT
        first = self.words[0].low
        named = [*self.names, *self.dates]
        return self.has_only(self.dates) or (first in AT and self.has_only(named))

    def is_question_word(self) -> bool:
        """Nothing but the words that ask: "Pourquoi ?", "Par quelle fusée ?"."""
        phrase = self.asking_phrase()
        return phrase is not None and not self.core[phrase[1] :].strip(" ,")

    def asking_phrase(self) -> tuple[int, int] | None:
        """Where the words that ask begin and end, with their preposition and noun."""
        if self.asking is None:
            return None
        first = last = self.asking
        word = self.words[first].low
        if first and self.words[first - 1].low in AT | OF:
            first -= 1
        if word in ASKING_OF:
            last = self._asked_noun(last)
        return self.words[first].start, self.words[last].end

    def _asked_noun(self, at: int) -> int:
        """The last word that goes with "quel", "combien de", "how many"..., or `at` itself."""
        verbs = _AUXILIARIES[self.language]
        low = [word.low for word in self.words]
        if at + 1 >= len(low) or low[at + 1] in verbs or low[at + 1] == "about":
            return at
        if low[at] == "combien":
            return at + 2 if low[at + 1] in ("de", "d") and at + 2 < len(low) else at
        if low[at] == "how" and low[at + 1] in ("many", "much"):
            after = low[at + 2] if at + 2 < len(low) else "is"
            known = verbs | _DETERMINERS["en"] | _PERSONAL["en"] | _POSSESSIVE["en"]
            return at + 1 if after in known else at + 2
        known = _DETERMINERS[self.language] | _PERSONAL[self.language] | _POSSESSIVE[self.language]
        if low[at + 1] in known:
            return at
        # "quelle pompe à chaleur", but not "quelle ville à l'est" nor "quel jour à Paris"
        of = low[at + 2] if at + 3 < len(low) else ""
        small = known | AT | OF
        compound = of in ("à", "de", "d") and low[at + 3] not in small
        return at + 3 if compound and self.words[at + 3].text[0].islower() else at + 1

    def has_only(self, named: Sequence[Name], but: frozenset[str] = frozenset()) -> bool:
        """Whether there is nothing but these, small words, and the folded words of `but`."""
        rest = self.text
        for name in named:
            rest = rest.replace(name.text, " ")
        small = AT | OF | _DETERMINERS["fr"] | _DETERMINERS["en"] | _DATE_WORDS
        return bool(named) and all(
            word.low in small or but.issuperset(folded_words(word.low)) for word in words_of(rest)
        )

    def phrase(self, name: Name) -> str:
        """A name with its preposition and article, as inside a sentence."""
        phrase = self.text[name.unit : name.end]
        return phrase[0].lower() + phrase[1:] if name.unit < name.start else phrase

    def described(self, name: Name) -> str:
        """A name with what stands before it back to an article: "musée Delabarre"."""
        stops = AT | _AUXILIARIES[self.language] | ASKING[self.language]
        start = name.start
        for word in reversed([word for word in self.words if word.end <= name.start]):
            if word.low in _DETERMINERS[self.language]:
                return self.text[start : name.end]
            joined = self.text[word.end : start] in (" ", "-", "'", "’")
            if word.low in stops or not joined or start < name.start - _DESCRIPTION:
                break
            start = word.start
        return name.text

    def has_subject_after(self, at: int) -> bool:
        """Whether the verb after the words that ask has a subject of its own: "did she"."""
        rest = words_of(self.text[at:])
        first, second = (rest[n].low if n < len(rest) else "" for n in (0, 1))
        if self.language == "fr":
            inverted = _INVERTED.search(self.text) is not None
            return inverted or first in _DETERMINERS["fr"] or first in ("que", "qu")
        nominal = _DETERMINERS["en"] | _PERSONAL["en"] | _POSSESSIVE["en"]
        return first in ("do", "does", "did") or (
            first in _AUXILIARIES["en"] - _COPULAS and second in nominal
        )

    def _is_verbal(self) -> bool:
        """Whether it begins or turns round as a question to be answered by yes or no."""
        first = self.words[0].low if self.words else ""
        return first in _AUXILIARIES[self.language] or _INVERTED.search(self.text) is not None

    def _points(self, i: int) -> bool:
        """Whether a word points at something said before it."""
        word, language = self.words[i], self.language
        after = self.words[i + 1].low if i + 1 < len(self.words) else ""
        before = self.words[i - 1].low if i else ""
        if word.low in _PERSONAL[language]:
            return not any(
                found.start() <= word.start < found.end()
                for found in _IMPERSONAL[language].finditer(self.text)
            )
        if word.low in _POSSESSIVE[language]:
            return True
        if word.low in _DEMONSTRATIVE[language]:
            return self._points_at_a_thing(word.low, before, after)
        if language == "en":
            return (word.low == "else") or (
                word.low == "there" and not {before, after} & _COPULAS and i > 0
            )
        return self._is_object(i, before, after)

    def _points_at_a_thing(self, word: str, before: str, after: str) -> bool:
        if after in _NO_POINTING or before == "est":
            return False
        if word == "that":  # as a conjunction it opens a clause
            return not after or before in ("did", "does", "was", "is", "about", "after", "before")
        return word != "those" or after not in ("that", "in", "of")

    def _is_object(self, i: int, before: str, after: str) -> bool:
        """Whether a French "le", "la", "les", "l'", "y", "en" stands for something."""
        low = self.words[i].low
        auxiliary = after in _AUXILIARIES["fr"]
        if low == "l":
            return auxiliary
        if low == "y":
            return not (before == "s" or after in ("a", "avait", "aura", "eut") or before == "il")
        if low == "en":
            return auxiliary and before in ("qui", "combien", "pourquoi")
        # "Qui le dirige ?": a verb must follow "qui", but for "Qui le pape a-t-il nommé ?".
        inverted = _INVERTED.search(self.text) is not None
        return low in ("le", "la", "les") and before == "qui" and not inverted

    # -- antecedents -----------------------------------------------------------------------------

    def _lacks_antecedent(self, i: int) -> bool:
        """Whether nothing in the question can be what the word at `i` stands for."""
        word = self.words[i]
        if any(name.end <= word.start for name in self.names):
            return False
        if any(self._may_be_meant(j, i) for j in range(i)):
            return False
        if self._stands_before_its_antecedent(i) or self._bound_by_asking(i):
            return False
        if self.language == "fr" or self._low(i - 1) in _AUXILIARIES["en"]:
            return True
        # English names things without an article too: "rest batter before cooking it".
        phrase = self.asking_phrase() or (0, 0)
        return len(stems(self.text[phrase[1] : word.start], "en")) < 2

    def _stands_before_its_antecedent(self, i: int) -> bool:
        """Whether it opens the question, and a name or thing follows in the main clause.

        "Avant son élection, où vivait Jean Jaurès ?", "Where on her body was the woman hit?"
        """
        if self._low(0) in _AUXILIARIES[self.language]:
            return False
        main = self.asking if self.asking is not None else len(self.words)
        if self.language == "en":
            verbs = (j for j, word in enumerate(self.words) if word.low in _AUXILIARIES["en"])
            main = max(main, next(verbs, 0)) if main < len(self.words) else main
        if i >= main or main >= len(self.words):
            return False
        start = self.words[main].start
        determiners = _DETERMINERS[self.language]
        named = any(name.start > start for name in self.names)
        return named or any(word.low in determiners for word in self.words[main:])

    def _may_be_meant(self, j: int, i: int) -> bool:
        """Whether at `j` begins a noun phrase that the word at `i` can refer to."""
        low = self.words[j].low
        if low not in _DETERMINERS[self.language] or (low == "l" and j + 1 == i):
            return False
        if self.language == "fr" and self._is_object(j, self._low(j - 1), self._low(j + 1)):
            return False
        phrase = self.asking_phrase()
        if phrase and phrase[0] <= self.words[j].start < phrase[1]:
            return False
        between = [word.low for word in self.words[j + 1 : i]]
        if not between:
            return False
        # "le nom de son mari": a thing is not named by a part of its own name.
        return not (between[-1] in ("de", "d", "of", "à") and len(between) <= 2)

    def _bound_by_asking(self, i: int) -> bool:
        """Whether what is asked for is itself what is meant: "Who lost his job?"."""
        asking = self.asking
        if asking is None or i < asking:
            return False
        word, asked = self.words[i].low, self.words[asking].low
        before = self._low(i - 1)
        phrase = self.asking_phrase() or (0, 0)
        noun = self.words[asking].end < phrase[1]
        nominal = asked in ("who", "qui", "whose") or (noun and asked not in ("what", "whose"))
        if not nominal:
            return False
        after_phrase = next((w.low for w in self.words if w.start >= phrase[1]), "")
        if word in _POSSESSIVE[self.language]:
            return after_phrase not in _COPULAS and before not in ("do", "does", "did")
        if word in _PERSONAL[self.language]:  # in a clause of its own: "qui a dit qu'il partait"
            return before in _SUBORDINATING
        return False

    def _low(self, i: int) -> str:
        return self.words[i].low if 0 <= i < len(self.words) else ""

    def _names_nothing(self) -> bool:
        """Whether beside the words that ask there is hardly a word, and no noun that is named."""
        if self.asking is None:
            return not stems(self.text, self.language)
        phrase = self.asking_phrase() or (0, 0)
        outside = [word for word in self.words if not phrase[0] <= word.start < phrase[1]]
        if self.dates or any(word.low in _DETERMINERS[self.language] for word in outside):
            return False
        rest = self.text[: phrase[0]] + " " + self.text[phrase[1] :]
        # A verb may follow "what" at once: "What surrounds the Earth?"
        what = self.words[self.asking].low == "what"
        said = stems(self.text if what else rest, self.language)
        if len(said) != 1:
            return not said
        # "What is malaria?" names what it asks for; "Who was arrested?" does not.
        last = self.words[-1].low
        copula = self._low(len(self.words) - 2) in _COPULAS
        return not copula or last.endswith(("ed", "en") if self.language == "en" else ("é", "és"))


# -- words and names -----------------------------------------------------------------------------


def language_of(asked: str) -> Language:
    """The language of a question, by its opening word where it has one.

    What else "And in Marseille?" holds is the same in French.
    """
    first = _WORD.search(asked)
    if first and first[0].lower() in ("et", "mais", "alors", "quid"):
        return "fr"
    if first and first[0].lower() in ("and", "but", "so"):
        return "en"
    return detect(asked)


def words_of(text: str) -> list[_Word]:
    """The words of a text, split at hyphens and apostrophes."""
    return [_Word(m[0], m[0].lower(), *m.span()) for m in _WORD.finditer(text)]


def name_spans(text: str, language: Language) -> list[tuple[int, int]]:
    """Where names stand: runs of capitals, with numbers that belong to them (Boréa 8)."""
    read = words_of(text)
    classes = (ASKING, _DETERMINERS, _AUXILIARIES, _PERSONAL, _POSSESSIVE, _DEMONSTRATIVE)
    small = AT.union(OF, *(words[language] for words in classes))
    spans: list[tuple[int, int]] = []
    run: list[_Word] = []
    pending: list[_Word] = []

    def close() -> None:
        if run:
            spans.append((run[0].start, run[-1].end))
        run.clear()
        pending.clear()

    for i, word in enumerate(read):
        gap = text[read[i - 1].end : word.start] if i else ""
        capital = word.text[0].isupper() and not (i == 0 and word.low in small)
        if run and gap not in _JOINTS:
            close()
        if capital:
            run.extend([*pending, word])
            pending.clear()
        elif run and word.text.isdigit() and len(word.text) < 4 and not pending:
            run.append(word)
        elif run and not pending and _is_acronym(run[-1]) and gap != "-":
            close()  # "PIB de la France"
        elif run and len(pending) < 2 and (word.low in _INSIDE or gap == "-"):
            pending.append(word)
        else:
            close()
    close()
    return spans


def _is_acronym(word: _Word) -> bool:
    return len(word.text) > 1 and word.text.isupper()


def _date_spans(text: str) -> list[tuple[int, int]]:
    """Where dates stand; two that bound a time are one: "entre 2012 et 2014"."""
    spans: list[tuple[int, int]] = []
    for found in _DATE.finditer(text):
        if spans and _JOINED_DATES.fullmatch(text, spans[-1][1], found.start()):
            spans[-1] = (spans[-1][0], found.end())
        else:
            spans.append(found.span())
    return spans


def date_parts(text: str) -> tuple[str, str, str]:
    """Day, month and year of a date as they are written, each empty where it has none."""
    found = [part.search(text) for part in _DATE_PARTS]
    day, month, year = (part[0] if part else "" for part in found)
    return day, month, year


def _named(text: str, start: int, end: int) -> Name:
    before = words_of(text[:start])
    small = AT | OF | _DETERMINERS["fr"] | _DETERMINERS["en"]
    first = len(before)
    while first and before[first - 1].low in small and len(before) - first < 2:
        first -= 1
    unit = before[first].start if first < len(before) else start
    low = [word.low for word in before[first:]]
    preposition = low.pop(0) if low and low[0] in AT | OF else ""
    preposition, contracted = _CONTRACTED.get(preposition, (preposition, ""))
    return Name(text[start:end], start, end, unit, preposition, low[-1] if low else contracted)
