"""BM25 over word stems, French and English, with tantivy.

Each passage goes, under its document's title, into the field of its own language: elisions cut
off, accents and ligatures folded, stop words dropped, stems kept. A question in the other language
matches by the translations of its words (lexicon.py) and by names. Derived from the catalog; it
can be thrown away.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import tantivy

from .catalog import PassageRow
from .lexicon import folded_words, related, translations
from .split import headed
from .types import LANGUAGES, Language, Selection

_WORD = r"[\p{L}\p{M}\p{N}]+"
# What is left of an elided word when the apostrophe goes: l'homme, qu'il, jusqu'ici; Anna's.
_ELIDED: dict[Language, list[str]] = {
    "fr": "c d j l m n s t qu jusqu lorsqu puisqu quoiqu presqu quelqu".split(),
    "en": "s t d m ll re ve".split(),
}
# Words that ask, or only hold a sentence together: tantivy's lists of stop words lack them.
_SAYS_NOTHING: dict[Language, list[str]] = {
    "fr": (
        "quel quelle quels quelles combien pourquoi comment quand lequel laquelle lesquels"
        " lesquelles quoi ou dont est sont etait etaient ete etre a ont avait avaient avoir eu"
        " fait il elle ils elles se ce cet cette ces selon"
    ).split(),
    "en": (
        "who whom whose what which when where why how many much did do does done was were been"
        " being has have had its he she they his her their them we you our from about than that"
        " this these those there according"
    ).split(),
}
_SNOWBALL = {"fr": "french", "en": "english"}
_WRITER_BYTES = 64_000_000


class WordIndex:
    """A BM25 index in a folder."""

    def __init__(self, index: "tantivy.Index") -> None:
        for language in LANGUAGES:
            index.register_tokenizer(language, _analyser(language))
        self._index = index

    @classmethod
    def create(cls, folder: Path) -> "WordIndex":
        """A new, empty index in an empty folder."""
        return cls(tantivy.Index(_schema(), path=str(folder), reuse=False))

    @classmethod
    def open(cls, folder: Path) -> "WordIndex":
        """The index in `folder`. Raises ValueError or OSError if it is missing or damaged."""
        return cls(tantivy.Index.open(str(folder)))

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def keys(self) -> list[int]:
        """The keys of the passages that are held, in no order."""
        searcher = self._index.searcher()
        every = max(1, int(searcher.num_docs))
        hits = searcher.search(tantivy.Query.all_query(), limit=every, count=False).hits
        keys = searcher.fast_field_values("key", [address for _, address in hits])
        return [int(key or 0) for key in keys]

    def change(self, added: Iterable[PassageRow], removed: Iterable[int]) -> None:
        """Remove the passages of documents with the `removed` keys, then add `added`."""
        writer = self._index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        for document_key in removed:
            query = tantivy.Query.term_query(self._index.schema, "document", document_key)
            writer.delete_documents_by_query(query)
        for row in added:
            document = tantivy.Document()
            document.add_unsigned("key", row.key)
            document.add_unsigned("document", row.document_key)
            document.add_text(row.language, _composed(headed(row.title, row.passage)))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(
        self, question: str, language: Language, k: int, among: Selection | None = None
    ) -> list[tuple[int, float]]:
        """The at most `k` best `(passage key, BM25 score)`, best first.

        Passages in the other language than the question's are matched by the question's words
        and their translations, each word counting once, by its best match. Only in the documents
        `among` the given ones, if any are.
        """
        clauses = [
            (tantivy.Occur.Should, self._any_of(target, weights))
            for target in LANGUAGES
            for weights in wanted_stems(question, language, target).values()
            if weights
        ]
        if not clauses:
            return []
        query = tantivy.Query.boolean_query(clauses)
        schema = self._index.schema
        if among is not None:
            these = tantivy.Query.term_set_query(schema, "document", among.keys.tolist())
            these = tantivy.Query.const_score_query(these, 0.0)
            occur = tantivy.Occur.MustNot if among.all_but else tantivy.Occur.Must
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (occur, these)])
        searcher = self._index.searcher()
        hits = searcher.search(query, limit=k, count=False).hits
        keys = searcher.fast_field_values("key", [address for _, address in hits])
        return [(int(key or 0), score) for key, (score, _) in zip(keys, hits, strict=True)]

    def _any_of(self, field: str, weights: dict[str, float]) -> "tantivy.Query":
        schema = self._index.schema
        terms = [
            tantivy.Query.boost_query(tantivy.Query.term_query(schema, field, stem, "freq"), weight)
            for stem, weight in weights.items()
        ]
        return terms[0] if len(terms) == 1 else tantivy.Query.disjunction_max_query(terms)


def stems(text: str, language: Language) -> list[str]:
    """The word stems of a text in reading order, as the index of that language holds them."""
    return list(_analyser(language).analyze(_composed(text)))


def _composed(text: str) -> str:
    """The text with each accent in its letter, where tantivy folds it."""
    return unicodedata.normalize("NFC", text)


def wanted_stems(question: str, source: Language, target: Language) -> dict[str, dict[str, float]]:
    """For each folded word of a question, the stems of `target` that match it, with weights.

    Those of the word itself, and those of its translations, or, within a language, of the words
    that share a translation with it.
    """
    kin = related if source == target else translations
    wanted = {}
    for word in dict.fromkeys(folded_words(question)):
        if not stems(word, source):
            continue  # a word that says nothing has translations that say nothing
        weights = dict.fromkeys(stems(word, target), 1.0)
        for other, weight in kin(word, source).items():
            for stem in stems(other, target):
                weights[stem] = max(weight, weights.get(stem, 0.0))
        wanted[word] = weights
    return wanted


@cache
def _analyser(language: Language) -> "tantivy.TextAnalyzer":
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_WORD))
    builder = builder.filter(tantivy.Filter.lowercase())
    builder = builder.filter(tantivy.Filter.stopword(_SNOWBALL[language]))
    builder = builder.filter(tantivy.Filter.ascii_fold())
    builder = builder.filter(
        tantivy.Filter.custom_stopword([*_ELIDED[language], *_SAYS_NOTHING[language]])
    )
    return builder.filter(tantivy.Filter.stemmer(_SNOWBALL[language])).build()


def _schema() -> "tantivy.Schema":
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", fast=True, indexed=True)
    builder.add_unsigned_field("document", fast=True, indexed=True)
    for language in LANGUAGES:
        builder.add_text_field(language, tokenizer_name=language, index_option="freq")
    return builder.build()
