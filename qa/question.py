"""What a question asks for: its language, and the kind of thing that would answer it."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from index import Language, detect

Kind = Literal["who", "when", "where", "count", "why", "how", "which", "what"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

# In this order: "combien de temps" asks for a number, "à quelle date" for a date before it asks
# "which". A question word counts wherever it stands, so "De quel pays vient-il ?" works too.
_FORMS: Final[dict[Kind, str]] = {
    "count": (
        r"combien|how (?:many|much|long|old|far|high|tall|large|big|often|fast|deep)"
        r"|quel(?:le)? (?:est )?(?:le |la |l['’])?(?:\w+ )?(?:âge|nombre|montant|somme|total"
        r"|prix|coût|score|bilan|distance|taille|durée|part|proportion|pourcentage|quantité"
        r"|température|vitesse|superficie|altitude|hauteur|profondeur|taux|chiffre)"
        r"|what (?:is |was |were )?(?:the )?(?:\w+ )?(?:age|number|amount|sum|total|price|cost"
        r"|score|toll|distance|size|length|share|proportion|percentage|temperature|speed|area"
        r"|height|depth|rate|figure)"
    ),
    "when": (
        r"quand|when|(?:quel(?:le)?|what|which) (?:année|date|jour|mois|heure|siècle|saison"
        r"|year|date|day|month|time|hour|century|season)"
    ),
    "where": (
        r"où|where|(?:quel(?:le)?s?|what|which) (?:ville|pays|lieu|endroit|région|commune"
        r"|quartier|département|île|continent|village|city|country|place|town|region|district"
        r"|island|location|state|venue)"
    ),
    "why": r"pourquoi|why|(?:quelle|what) (?:raison|cause|reason)|what (?:caused|led|prompted)",
    "who": r"qui|who|whom|whose",
    "how": r"comment|how",
    "which": r"quel(?:le)?s?|lequel|laquelle|lesquel(?:le)?s|which",
}
_KIND_OF: Final = tuple(
    (kind, re.compile(rf"\b(?:{form})\b", re.IGNORECASE)) for kind, form in _FORMS.items()
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood as far as its words allow."""

    text: str
    language: Language
    kind: Kind


def understand(text: str) -> Question:
    """The language and kind of a question; "what" where no form is recognised."""
    kinds = (kind for kind, form in _KIND_OF if form.search(text))
    return Question(text, detect(text), next(kinds, "what"))
