"""What Opcit answers with. Offsets are half-open code points of the document's text."""

from dataclasses import dataclass
from datetime import date

from index import Hit, Language, Passage


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a document: `document.text[start:end] == quote`, proved before it leaves.

    `quote` is the sentence or sentences that hold the answer; `answer` is the `(start, end)` of
    the shortest answering span inside it, or None. `page` counts from 1 and is None where the
    format has no pages. `changed` says that the source no longer reads as it did when it was
    indexed, so the span must not be shown in the file as it is now. `copies` are the places of
    other documents that have nearly the same sentence, one in each.
    """

    document_id: str
    start: int
    end: int
    quote: str
    title: str
    source: str
    date: date | None
    page: int | None
    answer: tuple[int, int] | None
    changed: bool = False
    copies: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation as it was asked, and its short answer; "" if there was none."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to one question.

    `text` is the shortest verbatim span that answers, or, when the documents are silent, a
    sentence that says so in the question's language (then `citations == ()`). `confidence` is
    the calibrated probability, 0 to 1, that the first citation answers. `nearest` holds the best
    passages found, best first, also when the documents are silent. `understood` is the question
    with what it leans on in its conversation, or None where it stands by itself.
    """

    question: str
    language: Language
    text: str
    citations: tuple[Citation, ...]
    confidence: float
    nearest: tuple[Hit, ...]
    understood: str | None = None

    @property
    def found(self) -> bool:
        """Whether the documents answer."""
        return bool(self.citations)

    @property
    def turn(self) -> Turn:
        """The question and its answer as later questions may lean on them."""
        return Turn(self.question, self.text if self.found else "")

    @property
    def percent(self) -> int:
        """The confidence as it is shown, in whole percent."""
        return round(100 * self.confidence)

    @property
    def sure(self) -> bool:
        """Whether the first citation is, by the percentage shown, more likely right than wrong."""
        return self.percent >= 50
