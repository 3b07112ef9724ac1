"""Which words translate which, French and English, so that words match across languages.

The table was learnt from parallel text by `python -m training start` (IBM Model 1, Brown et al.
1993) and comes with Opcit; `training/README.md` names the texts and their licences. It knows
single words, not phrases, and gives each translation a weight relative to the likeliest one.
"""

import gzip
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from .types import Language

_TABLE = Path(__file__).with_name("lexicon.tsv.gz")
# Fitted on wikinews-dev: .25, .5 and .75 gave nDCG@10 .788, .793 and .792 by words alone.
_KINSHIP = 0.75
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"})


def folded_words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case and without accents or ligatures."""
    bare = unicodedata.normalize("NFD", text.translate(_LIGATURES).lower())
    return re.findall(r"[^\W_]+", "".join(c for c in bare if unicodedata.category(c) != "Mn"))


def translations(word: str, source: Language) -> Mapping[str, float]:
    """The translations of a folded word of language `source`, with weights up to 1, best first."""
    line = _lines()[source].get(word, "")
    pairs = (entry.rpartition(":") for entry in line.split())
    return {translation: float(weight) for translation, _, weight in pairs}


def related(word: str, language: Language) -> Mapping[str, float]:
    """Words of the same language that share a translation with a folded word, with weights.

    A weight is the greatest product of the two translations' weights, less a quarter: a word that
    is only related must count less than the word itself.
    """
    other: Language = "en" if language == "fr" else "fr"
    found: dict[str, float] = {}
    for pivot, there in translations(word, language).items():
        for back, here in translations(pivot, other).items():
            if back != word:
                found[back] = max(found.get(back, 0.0), _KINSHIP * there * here)
    return found


@cache
def _lines() -> dict[Language, dict[str, str]]:
    """For each language, the line of each of its words, not yet taken apart."""
    lines: dict[Language, dict[str, str]] = {"fr": {}, "en": {}}
    with gzip.open(_TABLE, "rt", encoding="utf-8") as table:
        for line in table:
            language, word, rest = line.split("\t", 2)
            lines["fr" if language == "fr" else "en"][word] = rest
    return lines
