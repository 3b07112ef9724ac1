"""BM25 over word stems, French and English, with tantivy.

Each passage goes, under its document's title, into the field of its own language: elisions cut
off, accents and ligatures folded, stop words dropped, stems kept. A question is read by both
languages' analysers, so that names and borrowed words match across them. Derived from the
catalog; it can be thrown away.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import get_args

import tantivy

from .catalog import PassageRow
from .split import headed
from .types import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)

_WORD = r"[\p{L}\p{M}\p{N}]+"
# What is left of an elided word when the apostrophe goes: l'homme, qu'il, jusqu'ici; Anna's.
_ELIDED: dict[Language, list[str]] = {
    "fr": "c d j l m n s t qu jusqu lorsqu puisqu quoiqu presqu quelqu".split(),
    "en": "s t d m ll re ve".split(),
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
            document.add_text(row.language, headed(row.title, row.passage))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(
        self, question: str, k: int, documents: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """The at most `k` best `(passage key, BM25 score)`, best first.

        Only in the documents with the given keys, if any are given.
        """
        schema = self._index.schema
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, language, stem, "freq"))
            for language in LANGUAGES
            for stem in dict.fromkeys(stems(question, language))
        ]
        if not clauses:
            return []
        query = tantivy.Query.boolean_query(clauses)
        if documents is not None:
            among = tantivy.Query.term_set_query(schema, "document", list(documents))
            query = tantivy.Query.boolean_query(
                [
                    (tantivy.Occur.Must, query),
                    (tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0)),
                ]
            )
        searcher = self._index.searcher()
        hits = searcher.search(query, limit=k, count=False).hits
        keys = searcher.fast_field_values("key", [address for _, address in hits])
        return [(int(key or 0), score) for key, (score, _) in zip(keys, hits, strict=True)]


def stems(text: str, language: Language) -> list[str]:
    """The word stems of a text in reading order, as the index of that language holds them."""
    return list(_analyser(language).analyze(text))


@cache
def _analyser(language: Language) -> "tantivy.TextAnalyzer":
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_WORD))
    builder = builder.filter(tantivy.Filter.lowercase())
    builder = builder.filter(tantivy.Filter.stopword(_SNOWBALL[language]))
    builder = builder.filter(tantivy.Filter.ascii_fold())
    builder = builder.filter(tantivy.Filter.custom_stopword(_ELIDED[language]))
    return builder.filter(tantivy.Filter.stemmer(_SNOWBALL[language])).build()


def _schema() -> "tantivy.Schema":
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", fast=True, indexed=True)
    builder.add_unsigned_field("document", fast=True, indexed=True)
    for language in LANGUAGES:
        builder.add_text_field(language, tokenizer_name=language, index_option="freq")
    return builder.build()
