"""Reads question sets: who asks what, and where the gold answer stands.

    read(path) -> QuestionSet

| what the path holds | kind of set |
|---|---|
| `.jsonl` with `question_fr` and `question_en` | our format, over documents of an index |
| `.jsonl` with `question` and `context` | flat rows that bring their contexts |
| `.json` | SQuAD 1.1 or 2.0 (FQuAD, PIAF and XQuAD are written so) |
| a folder with `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv` | BEIR, retrieval only |

Files may be packed with gzip (`.gz`) or xz (`.xz`). Offsets are half-open code points of the
document's text. Does not know: indexes, answers, measures.
"""

import csv
import gzip
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qa import OpcitError

Language = Literal["fr", "en"]
Span = tuple[int, int]

_FRENCH = frozenset(
    "le la les un une des du de est et en que qui quel quelle dans pour sur".split()
)
_ENGLISH = frozenset("the a an of is and in that who what which how was did for on to".split())
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
_BROKEN = (OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class Question:
    """One question in one language, with what a right answer is.

    `row` names the row of the set it comes from: the two languages of a question share it.
    `answers` holds every accepted wording, empty when `answerable` is false. `answer_span` and
    `evidence` are places in the document `document_id`, None where the set does not say.
    `context` is the document's text in sets that bring their own. `relevant` holds the ids of
    all relevant documents in sets that judge documents (BEIR), and is empty in the others.
    """

    id: str
    row: str
    text: str
    language: Language
    kind: str
    answerable: bool
    document_id: str | None = None
    answers: tuple[str, ...] = ()
    answer_span: Span | None = None
    evidence: Span | None = None
    context: str | None = None
    relevant: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions, and the texts by document id if the set brings its own documents.

    `retrieval_only` says that the set holds no answers, so only rankings can be measured.
    """

    name: str
    questions: tuple[Question, ...]
    documents: dict[str, str]
    retrieval_only: bool = False

    def narrowed(self, language: str | None = None, limit: int | None = None) -> "QuestionSet":
        """Only one language, and at most `limit` rows, taken evenly from the whole set."""
        questions = [q for q in self.questions if language in (None, q.language)]
        rows = list(dict.fromkeys(q.row for q in questions))
        if limit is not None and limit < len(rows):
            kept = {rows[i * len(rows) // limit] for i in range(limit)}
            questions = [q for q in questions if q.row in kept]
        return QuestionSet(self.name, tuple(questions), self.documents, self.retrieval_only)


def read(path: Path) -> QuestionSet:
    """The question set at `path`.

    Raises:
        OpcitError: it is missing, broken, empty or of no known format.
    """
    if path.is_dir():
        found = _read_beir(path)
    elif ".json" in path.suffixes:
        found = _read_squad(path)
    elif ".jsonl" in path.suffixes:
        found = _read_rows(path)
    else:
        raise OpcitError(
            f"{path}: not a question set; expected a .jsonl or .json file (also .gz, .xz) "
            "or a BEIR folder."
            if path.exists()
            else f"{path}: there is no such file or folder."
        )
    if not found.questions:
        raise OpcitError(f"{path}: no question in it.")
    repeated = [name for name, n in Counter(q.id for q in found.questions).items() if n > 1]
    if repeated:
        raise OpcitError(f"{path}: the question id {repeated[0]!r} occurs more than once.")
    return found


# --- JSON lines: our format, and flat rows with their context ---------------------------------


def _read_rows(path: Path) -> QuestionSet:
    questions: list[Question] = []
    contexts = _Contexts()
    flat: list[tuple[str, dict[str, Any]]] = []
    for place, row in _json_lines(path):
        if "question_fr" in row or "question_en" in row:
            questions += _both_languages(_Row(place, row))
        elif "question" in row and "context" in row:
            flat.append((place, row))
        else:
            raise OpcitError(
                f"{place}: not a question; expected `question_fr` and `question_en`, "
                "or `question` and `context`."
            )
    usual = _language_of(str(row["question"]) for _, row in flat)
    questions += [_flat_question(_Row(place, row), contexts, usual) for place, row in flat]
    return QuestionSet(path.name, tuple(questions), contexts.texts)


def _both_languages(row: "_Row") -> list[Question]:
    name, answerable = row.text("id"), row.flag("answerable", True)
    gold: dict[str, Any] = {}
    if answerable:
        answer, evidence = row.text("answer"), row.text("evidence", "")
        gold = {
            "document_id": row.text("doc"),
            "answers": (answer,),
            "answer_span": row.span("answer_start", answer),
            "evidence": row.span("evidence_start", evidence),
        }
    languages: tuple[Language, ...] = ("fr", "en")
    return [
        Question(
            id=f"{name}/{language}",
            row=name,
            text=row.text(f"question_{language}"),
            language=language,
            kind=row.text("kind", "any"),
            answerable=answerable,
            **gold,
        )
        for language in languages
        if f"question_{language}" in row.values
    ]


def _flat_question(row: "_Row", contexts: "_Contexts", usual: Language) -> Question:
    name, context = row.text("id"), row.text("context")
    answers = row.texts("answers")
    stated = row.values.get("lang")
    return Question(
        id=name,
        row=name,
        text=row.text("question"),
        language=stated if stated in ("fr", "en") else usual,
        kind=row.text("kind", "any"),
        answerable=bool(answers) and not row.flag("impossible", False),
        document_id=contexts.add(context, row.text("title", ""), row.place),
        answers=answers,
        answer_span=_only_place(context, answers),
        context=context,
    )


def _only_place(context: str, answers: tuple[str, ...]) -> Span | None:
    """Where the first answer stands, if it stands in one place only: no guess between two."""
    if answers and context.count(answers[0]) == 1:
        start = context.index(answers[0])
        return start, start + len(answers[0])
    return None


# --- SQuAD ------------------------------------------------------------------------------------


def _read_squad(path: Path) -> QuestionSet:
    whole = _Row(str(path), _object(str(path), "".join(_lines(path))))
    contexts = _Contexts()
    found: list[tuple[_Row, _Row, str]] = []
    for article in whole.rows("data"):
        for paragraph in article.rows("paragraphs"):
            title = article.text("title", "")
            found += [(asked, paragraph, title) for asked in paragraph.rows("qas")]
    language = _language_of(asked.text("question") for asked, _, _ in found)
    questions = [_squad_question(*each, contexts, language) for each in found]
    return QuestionSet(path.name, tuple(questions), contexts.texts)


def _squad_question(
    asked: "_Row", paragraph: "_Row", title: str, contexts: "_Contexts", language: Language
) -> Question:
    name, context = asked.text("id"), paragraph.text("context")
    impossible = asked.flag("is_impossible", False)
    answers = [] if impossible else asked.rows("answers", ())
    golds = tuple(answer.text("text") for answer in answers)
    return Question(
        id=name,
        row=name,
        text=asked.text("question"),
        language=language,
        kind="any",
        answerable=bool(golds),
        document_id=contexts.add(context, title, paragraph.place),
        answers=golds,
        answer_span=answers[0].span("answer_start", golds[0]) if golds else None,
        context=context,
    )


# --- BEIR -------------------------------------------------------------------------------------


def _read_beir(folder: Path) -> QuestionSet:
    names, texts = {}, {}
    for number, (place, row) in enumerate(_json_lines(folder / "corpus.jsonl"), 1):
        document = _Row(place, row)
        names[document.text("_id")] = name = f"{number:07}.txt"
        title, text = document.text("title", ""), document.text("text", "")
        texts[name] = f"{title}\n\n{text}" if title else text
    judged = _read_judgements(folder / "qrels" / "test.tsv", names)
    rows = [_Row(place, row) for place, row in _json_lines(folder / "queries.jsonl")]
    asked = [row for row in rows if judged.get(row.text("_id"))]
    language = _language_of(row.text("text") for row in asked)
    questions = tuple(
        Question(
            id=(name := row.text("_id")),
            row=name,
            text=row.text("text"),
            language=language,
            kind="any",
            answerable=True,
            relevant=tuple(judged[name]),
        )
        for row in asked
    )
    return QuestionSet(folder.resolve().name, questions, texts, retrieval_only=True)


def _read_judgements(path: Path, names: dict[str, str]) -> dict[str, list[str]]:
    """The relevant documents of each query; any score above 0 counts as relevant."""
    judged: dict[str, list[str]] = {}
    lines = [line.rstrip("\r\n") for line in _lines(path)]
    for number, line in enumerate(csv.reader(lines[1:], delimiter="\t", quoting=3), 2):
        try:
            query, document, score = line
            if int(score) > 0:
                judged.setdefault(query, []).append(names[document])
        except ValueError:
            raise OpcitError(
                f"{path}, line {number}: expected query, document and score, parted by tabs."
            ) from None
        except KeyError:
            raise OpcitError(
                f"{path}, line {number}: {line[1]!r} is not in corpus.jsonl."
            ) from None
    return judged


# --- parts shared by the formats --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A JSON object and the place it came from, so that a complaint can name both."""

    place: str
    values: dict[str, Any]

    def _value(self, key: str, kind: type, what: str, default: Any) -> Any:
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or (value == "" and default is None):
            raise OpcitError(f"{self.place}: `{key}` must be {what}.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        text: str = self._value(key, str, "a text", default)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise OpcitError(f"{self.place}: `{key}` holds half a character.") from None
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts under `key` that are not empty; a row without the key has none."""
        texts = self._value(key, list, "a list of texts", ())
        if not all(isinstance(text, str) for text in texts):
            raise OpcitError(f"{self.place}: `{key}` must be a list of texts.")
        return tuple(filter(None, texts))

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._value(key, bool, "true or false", default))

    def rows(self, key: str, default: tuple[()] | None = None) -> list["_Row"]:
        rows = self._value(key, list, "a list of objects", default)
        if not all(isinstance(row, dict) for row in rows):
            raise OpcitError(f"{self.place}: `{key}` must be a list of objects.")
        return [_Row(f"{self.place}, {key} {n}", row) for n, row in enumerate(rows, 1)]

    def span(self, key: str, text: str) -> Span | None:
        """The place of `text`, which starts at the offset under `key`; None for no text."""
        if not text:
            return None
        start = self.values.get(key)
        if not isinstance(start, int) or start < 0:
            raise OpcitError(f"{self.place}: `{key}` must be an offset, 0 or more.")
        return start, start + len(text)


class _Contexts:
    """Distinct contexts as documents; each is named after its article, for people to read."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def add(self, context: str, title: str, place: str) -> str:
        if not context.strip():
            raise OpcitError(f"{place}: the context is empty.")
        if context not in self._ids:
            title = re.sub(r"\W+", " ", title).strip()[:60] or "context"
            self._ids[context] = name = f"{title} {len(self._ids) + 1:05}.txt"
            self.texts[name] = context
        return self._ids[context]


def _lines(path: Path) -> Iterator[str]:
    opened = _OPENERS.get(path.suffix, open)
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            yield from file
    except FileNotFoundError:
        raise OpcitError(f"{path}: there is no such file.") from None
    except _BROKEN as error:
        raise OpcitError(f"{path}: cannot be read ({error}).") from None


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            place = f"{path}, line {number}"
            yield place, _object(place, line)


def _object(place: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OpcitError(f"{place}: not JSON ({error}).") from None
    if not isinstance(value, dict):
        raise OpcitError(f"{place}: not a JSON object.")
    return value


def _language_of(questions: Iterable[str]) -> Language:
    """The language of a set that does not state it: whose small words are more frequent."""
    words = Counter(w for text in questions for w in re.findall(r"\w+", text.lower()))
    french = sum(words[w] for w in _FRENCH)
    return "fr" if french > sum(words[w] for w in _ENGLISH) else "en"
