"""Draws what the cross-encoder learns from: questions, each with passages of which it is asked.

Examples are drawn anew each time:

- asked: wikinews-train and `questions.jsonl` (written for this project, see `others.py`), over the
  marked text cut anew, over the same without its evidence, and over passages that a retriever found
  in vain, some of them where no document is about the question;
- xquad-en, in the same ways;
- clozes: a sentence of such a passage, thinned out, its words partly replaced by kindred ones or by
  translations, with a question word in place of a name, a year or a number (after Lewis et al.
  2019, "Unsupervised Question Answering by Cloze Translation");
- crossed: a sentence in one language asked of the same paragraph of Europarl in the other;
- headings: that of a provision of law, in either language, asked of some provisions of that law.

There are few questions and each is drawn many times: so words of it are replaced, and sentences of
its passages left out or slipped in. A fifth of the texts is kept aside, for `training.reader`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from index import LANGUAGES, Index, Language, Passage, folded_words, sentence_spans
from index.lexicon import related, translations
from index.load.dates import date_on_top
from qa.dates import written
from qa.retriever import Retriever

from . import corpora
from .others import index_of, law_name, paragraph_name, xquad_names
from .others import texts as other_texts

OWN_QUESTIONS = Path(__file__).with_name("questions.jsonl")
_EUROPARL = 25_000
_FOUND = 12  # passages for a question
_ELSEWHERE = 3  # one question of so many is asked of texts of another kind too
_DATED = re.compile(r"\d{1,2} \w+ (?:19|20)\d\d|\b(?:19|20)\d\d\b")
_NAMED = re.compile(r"(?<=\w[ '’])[A-ZÀ-Ý][\w’-]+(?: (?:(?:de|du|of|al) )?[A-ZÀ-Ý][\w’-]+)*")
_COUNTED = re.compile(r"\b\d+(?:[  .,]\d+)*(?: [a-zà-ÿ]+)?")
_ASKING: dict[tuple[Language, str], str] = {
    ("fr", "name"): "qui|où|quel|quelle|de qui|dans quel pays|dans quelle ville",
    ("fr", "date"): "quand|en quelle année|depuis quand|quelle année",
    ("fr", "count"): "combien|combien de|à combien|quel nombre",
    ("en", "name"): "who|where|which|what|in which country|in which city|whose",
    ("en", "date"): "when|in which year|what year|since when",
    ("en", "count"): "how many|how much|how long|what number",
}
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a passage with its sentences; `right` are the numbers of those that answer."""

    question: str
    text: str
    sentences: list[Span]
    right: list[int]
    answer: Span | None


def about(row: dict[str, Any]) -> str:
    """The text that a question is about, by name, whether or not it answers."""
    return row["doc"] or row.get("about") or row["question_fr"]


def kept_aside(name: str) -> bool:
    """Whether the questions about a text are kept from training, to fit on what was learnt."""
    name = re.sub(r"\.(fr|en)\.txt$", "", name)  # a text and its translation go together
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


def without(text: str, sentences: Sequence[Span], gone: Sequence[int]) -> str:
    """The text without some of its sentences."""
    return " ".join(text[a:b] for i, (a, b) in enumerate(sentences) if i not in gone)


def unanswered(question: str, text: str) -> Example:
    """A question that the text does not answer."""
    return Example(question, text, sentence_spans(text), [], None)


def cloze(text: str, source: Language, chance: random.Random) -> Example | None:
    """A question made of one of the text's sentences, in either language; None if none is fit."""
    sentences = sentence_spans(text)
    for k in chance.sample(range(len(sentences)), len(sentences)):
        start, end = sentences[k]
        found = [
            (place, kind)
            for kind, form in (("date", _DATED), ("name", _NAMED), ("count", _COUNTED))
            for place in form.finditer(text, start, end)
        ]
        if not found or not 40 <= end - start <= 350:
            continue
        place, kind = chance.choice(found)
        target = chance.choice(LANGUAGES)
        before = re.findall(r"\w+", text[start : place.start()])[-chance.randint(2, 14) :]
        after = re.findall(r"\w+", text[place.end() : end])[: chance.randint(2, 14)]
        share = chance.choice((0.15, 0.3, 0.45))
        words = [
            _as_asked(word, source, target, chance)
            for word in (*before, *after)
            if chance.random() > share and (len(word) > 3 or chance.random() > 0.4)
        ]
        if len(words) < 3:
            continue
        question = " ".join([chance.choice(_ASKING[target, kind].split("|")), *words, "?"])
        if chance.random() < 0.22:
            return unanswered(question, without(text, sentences, [k]))
        return Example(question, text, sentences, [k], place.span())
    return None


def _as_asked(word: str, source: Language, target: Language, chance: random.Random) -> str:
    """A word as a question in the target language might have it."""
    folded = folded_words(word)
    if len(folded) != 1:
        return word
    if source != target:
        found = translations(folded[0], source)
    else:
        found = related(folded[0], source) if chance.random() < 0.35 else {}
    return chance.choices([*found], [w**2 for w in found.values()])[0] if found else word


def crossed(row: dict[str, Any], chance: random.Random) -> Example | None:
    """A sentence of a parallel paragraph, asked of the paragraph in the other language."""
    source, target = chance.choice((("fr", "en"), ("en", "fr")))
    asked, sentences = sentence_spans(row[source]), sentence_spans(row[target])
    if not 2 <= len(asked) == len(sentences) <= 9:
        return None
    k = chance.randrange(len(asked))
    share = chance.choice((0, 0.2, 0.4))
    words = row[source][slice(*asked[k])].split()
    question = " ".join([word for word in words if chance.random() > share][:30]) + "?"
    if chance.random() < 0.22:
        return unanswered(question, without(row[target], sentences, [k]))
    return Example(question, row[target], sentences, [k], None)


def heading(law: list[dict[str, Any]], chance: random.Random) -> Example | None:
    """The heading of one of a law's provisions, asked of it among some others."""
    some = chance.sample(law, min(len(law), chance.randint(2, 5)))
    asked, language = chance.choice(some), chance.choice(LANGUAGES)
    question = asked[f"heading_{chance.choice(LANGUAGES)}"]
    if chance.random() < 0.22:
        return unanswered(question, "\n".join(r[f"text_{language}"] for r in some if r != asked))
    text, answer = "", (0, 0)
    for row in some:
        if row == asked:
            answer = (len(text), len(text) + len(row[f"text_{language}"]))
        text += row[f"text_{language}"] + "\n"
    sentences = sentence_spans(text)
    right = [i for i, (a, b) in enumerate(sentences) if a < answer[1] and answer[0] < b]
    return Example(question, text, sentences, right, None)


def mixed(one: Example, foreign: Sequence[str], chance: random.Random) -> Example:
    """The example over its text without some of its sentences, and with some foreign ones."""
    kept = [
        (one.text[start:end], k)
        for k, (start, end) in enumerate(one.sentences)
        if k in one.right or chance.random() > 0.12
    ]
    for sentence in chance.sample(foreign, min(len(foreign), chance.choice((0, 1, 1, 2, 3)))):
        if sentence not in one.text:
            kept.insert(chance.randint(0, len(kept)), (sentence, -1))
    text = one.text[: one.sentences[0][0]]
    sentences, right, answer = [], [], None
    for sentence, k in kept:
        if k in one.right:
            right.append(len(sentences))
        if k >= 0 and one.answer:
            start, end = one.sentences[k]
            if start <= one.answer[0] and one.answer[1] <= end:
                answer = (len(text) + one.answer[0] - start, len(text) + one.answer[1] - start)
        sentences.append((len(text), len(text) + len(sentence)))
        text += f"{sentence} "
    # An answer over two sentences is not followed.
    lost = not sentences or (one.answer and not answer)
    return one if lost else Example(one.question, text.rstrip(), sentences, right, answer)


def reworded(question: str, source: Language, chance: random.Random) -> str:
    """The question with some of its words replaced by kindred ones, or by their translations."""
    target = chance.choice(LANGUAGES)
    return " ".join(
        _as_asked(word, source, target, chance) if len(word) > 3 and chance.random() < 0.4 else word
        for word in question.split()
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that somebody wrote, and the passages found for it in vain."""

    row: dict[str, Any]
    language: Language
    vain: list[Passage]


class Examples:
    """Draws examples from the data folder and from what a retriever found."""

    def __init__(self, data: Path, index: Index, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        news = corpora.documents(data)
        rows = corpora.read_records(data / "questions/wikinews-train.jsonl")
        rows += corpora.read_records(OWN_QUESTIONS)
        others = other_texts(data, {about(row) for row in rows})
        self._texts = news | others
        rows = [row for row in rows if not kept_aside(about(row))]
        with TemporaryDirectory() as folder:
            of_others = Retriever(index_of(others, Path(folder), index.embedder))
            retrievers = [Retriever(index), of_others]
            self._asked = []
            for number, row in enumerate(rows):
                own, elsewhere = retrievers[:: -1 if about(row) in others else 1]
                for language in LANGUAGES:
                    question = row[f"question_{language}"]
                    hits = own.search(question, _FOUND)
                    if number % _ELSEWHERE == 0 or not (row["doc"] or row.get("about")):
                        hits += elsewhere.search(question, _FOUND // 4)
                    vain = [hit.passage for hit in hits if not _holds_evidence(hit.passage, row)]
                    self._asked.append(_Asked(row, language, vain))
        marked = sorted({row["doc"] for row in rows if row["doc"] in news})
        cuts = [cut.text for doc in marked for cut in corpora.cut(doc, self._texts[doc])]
        self._passages = [text for text in cuts if len(text) > 200]
        rows = corpora.read_records(data / "questions/xquad-en.jsonl.gz")
        names = xquad_names(rows)
        self._xquad = [
            row
            for row in rows
            if row["context"].count(row["answers"][0]) == 1
            and not kept_aside(names[row["context"]])
        ]
        lines = corpora.read_lines(data / "corpora/europarl-paragraphs.jsonl.xz")
        rows = [json.loads(line) for line, _ in zip(lines, range(_EUROPARL), strict=False)]
        self._parallel = [row for row in rows if not kept_aside(paragraph_name(row, "fr"))]
        self._laws = [
            law
            for law in corpora.laws(data).values()
            if len(law) > 1 and not kept_aside(law_name(law, "fr"))
        ]

    def draw(self, real: float) -> list[Example]:
        """Examples of one question; with the chance `real` of one that somebody wrote.

        A passage that answers comes with one found in vain, where there is one.
        """
        chance = self._chance
        while True:
            if chance.random() < real:
                drawn = self._of_asked() if chance.random() < 0.85 else [self._of_xquad()]
            else:
                made = self._made()
                drawn = [made] if made else []
            drawn = [one for one in drawn if one.sentences]
            if not drawn:
                continue
            if chance.random() < 0.25:
                words = [word for word in drawn[0].question.split() if chance.random() > 0.12]
                drawn = [replace(one, question=" ".join(words) or one.question) for one in drawn]
            return drawn

    def _made(self) -> Example | None:
        """An example with a question that nobody wrote."""
        chance, kind = self._chance, self._chance.random()
        if kind < 0.35:
            return cloze(chance.choice(self._passages), "fr", chance)
        if kind < 0.5:
            return cloze(chance.choice(self._xquad)["context"], "en", chance)
        if kind < 0.7:
            language = chance.choice(LANGUAGES)
            return cloze(chance.choice(self._parallel)[language], language, chance)
        if kind < 0.85:
            return crossed(chance.choice(self._parallel), chance)
        return heading(chance.choice(self._laws), chance)

    def _of_xquad(self) -> Example:
        row, kind = self._chance.choice(self._xquad), self._chance.random()
        question, text, answer = row["question"], row["context"], row["answers"][0]
        other = self._chance.choice(self._xquad)["context"]
        start = text.index(answer)
        return self._answered(question, text, 0, (start, start + len(answer)), None, kind, other)

    def _of_asked(self) -> list[Example]:
        chance, asked = self._chance, self._chance.choice(self._asked)
        row = asked.row
        question = row[f"question_{asked.language}"]
        if chance.random() < 0.25:
            question = reworded(question, asked.language, chance)
        drawn, real = [], chance.random()
        if row["answerable"] and real < 0.85:
            drawn = self._marked(asked, question)
        elif row.get("about") and real < 0.7:
            cut = chance.choice(self._cut(row["about"]))
            text = self._texts[cut.document][cut.start : cut.end]
            text = self._headed(asked, cut.document, text, cut.start)
            drawn = [unanswered(question, text)]
        if asked.vain and (not drawn or drawn[0].right):
            found = chance.choice(asked.vain)
            text = self._headed(asked, found.document_id, found.text, found.start)
            drawn.append(unanswered(question, text))
        foreign = []
        if asked.vain:
            text = chance.choice(asked.vain).text
            foreign = [text[start:end] for start, end in sentence_spans(text)]
        return [
            mixed(one, foreign, chance) if one.sentences and chance.random() < 0.4 else one
            for one in drawn
        ]

    def _marked(self, asked: _Asked, question: str) -> list[Example]:
        """The question over a cut that holds its answer, or over that without its evidence."""
        row = asked.row
        answer, evidence = (
            (row[f"{part}_start"], row[f"{part}_start"] + _length(row, part))
            for part in ("answer", "evidence")
        )
        for cut in self._cut(row["doc"]):
            if cut.start <= answer[0] and answer[1] <= cut.end:
                body = self._texts[row["doc"]][cut.start : cut.end]
                text = self._headed(asked, row["doc"], body, cut.start)
                by = len(text) - len(body) - cut.start
                spans = ((a + by, b + by) for a, b in (answer, evidence))
                kind = self._chance.random()
                return [self._answered(question, text, by + cut.start, *spans, kind)]
        return []

    def _cut(self, name: str) -> list[corpora.Cut]:
        """A text cut into passages of some size."""
        size = self._chance.choice((350, 500, 700, 900, 900))
        return corpora.cut(name, self._texts[name], size)

    def _answered(
        self,
        question: str,
        text: str,
        begin: int,
        answer: Span,
        evidence: Span | None,
        kind: float,
        other: str = "",
    ) -> Example:
        """The question over the text from `begin` on, or over the text without its evidence."""
        start, end = evidence or answer
        sentences = [(a + begin, b + begin) for a, b in sentence_spans(text[begin:])]
        right = [i for i, (a, b) in enumerate(sentences) if a < end and start < b]
        if kind < 0.22:
            return unanswered(question, text[:begin] + without(text, sentences, right))
        if kind < 0.29 and other and text[slice(*answer)] not in other:
            return unanswered(question, other)
        return Example(question, text, sentences, right, answer)

    def _headed(self, asked: _Asked, document: str, text: str, start: int) -> str:
        """A passage under its date and its title, mostly, as it will be read."""
        chance, whole = self._chance, self._texts[document]
        if start and chance.random() > 0.12:
            title = whole.split("\n", 1)[0].strip()
            text = f"{title}\n{text}"
        day = date_on_top(whole, asked.language)
        if day is None and chance.random() < 0.5:  # the day that its file was written
            day = date(chance.randint(2012, 2026), chance.randint(1, 12), chance.randint(1, 28))
        return f"{written(day, asked.language)}\n{text}" if day and chance.random() < 0.9 else text


def _length(row: dict[str, Any], part: str) -> int:
    """Our own rows hold no words of the articles, only how long they are."""
    return int(row[f"{part}_length"]) if f"{part}_length" in row else len(row[part])


def _holds_evidence(passage: Passage, row: dict[str, Any]) -> bool:
    start, end = row["evidence_start"], row["evidence_start"] + _length(row, "evidence")
    return passage.document_id == row["doc"] and passage.start < end and start < passage.end
