"""The passages for a question: nearness in meaning and shared words, fused.

Knows how to rank; knows nothing of answers.
"""

from collections import defaultdict

from index import Filter, Hit, Index, Passage

from .dates import closeness, periods

# Each list is cut here before fusing; what both miss at this depth is lost anyway.
_DEPTH = 100
# The share of meaning against words, and how much of its document's best score a passage gets:
# fitted on wikinews-dev with the built-in encoder: shares of .5, .6 and .7 give nDCG@10 of .852,
# .856 and .862 for French and .878, .890 and .889 for English questions; the second weight, from
# .25 to 2, changes them by less than .005.
_MEANING = 0.65
_DOCUMENT = 1.0
# What a document gets for being of the time that the question names: fitted on wikinews-dev, where
# .05 to .3 differ by less than .003 and add .009 for French and .008 for English questions.
_TIME = 0.1
# Of so many the set does not depend on how this machine's processor rounds, but for rare cases.
_SETTLED = 10
# Passages; where more are as good as equal, which of them come first is left to chance.
_EMBEDDED_AGAIN = 12


class Retriever:
    """Finds passages in an index by a weighted sum of normalised scores.

    Both lists are divided by their best score (Lee 1997, CombSUM with max normalisation), because
    cosines and BM25 scores have no common scale. A passage also gets a share of the best score in
    its document: the words that name an event often stand elsewhere in the article than the fact.
    Where the question names a month or a year, documents of that time come before others.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def search(
        self, question: str, k: int = 10, among: Filter | None = None, *, settled: bool = True
    ) -> list[Hit]:
        """The at most `k` best passages, best first, with scores from 0 to 1.

        Which are the first ten is `settled` where rounding would decide it; that takes longer.
        """
        nearest = self._index.nearest(question, _DEPTH, among)
        matching = self._index.matching(question, _DEPTH, among)
        hits = self._fused(question, nearest, matching)
        tied = self._tied(hits, nearest, min(k, _SETTLED)) if settled else []
        if tied:
            exact = dict(zip(tied, self._index.exact_nearness(question, tied), strict=True))
            nearest = [Hit(hit.passage, exact.get(hit.passage, hit.score)) for hit in nearest]
            hits = self._fused(question, nearest, matching)
        return hits[:k]

    def _fused(self, question: str, nearest: list[Hit], matching: list[Hit]) -> list[Hit]:
        """All passages of both lists, best first."""
        by_meaning, by_words = _shares(nearest), _shares(matching)
        # What a list lacks is at most as good as its last.
        last_meaning = min(by_meaning.values(), default=0.0)
        last_words = min(by_words.values(), default=0.0)
        scores = {
            passage: _MEANING * by_meaning.get(passage, last_meaning)
            + (1 - _MEANING) * by_words.get(passage, last_words)
            for passage in {**by_meaning, **by_words}
        }
        of_document: dict[str, float] = defaultdict(float)
        for passage, score in scores.items():
            of_document[passage.document_id] = max(of_document[passage.document_id], score)
        hits = [
            Hit(passage, (score + _DOCUMENT * of_document[passage.document_id]) / (1 + _DOCUMENT))
            for passage, score in scores.items()
        ]
        if asked := periods(question):
            dates = self._index.dates(of_document)
            timely = {id_: closeness(day, asked) for id_, day in dates.items()}
            hits = [
                Hit(
                    hit.passage,
                    (hit.score + _TIME * timely.get(hit.passage.document_id, 0.0)) / (1 + _TIME),
                )
                for hit in hits
            ]
        # Equal scores are put in reading order, so that a question always has the same answer.
        hits.sort(key=lambda hit: (-hit.score, hit.passage.document_id, hit.passage.start))
        return hits

    def _tied(self, hits: list[Hit], nearest: list[Hit], k: int) -> list[Passage]:
        """Where rounding may decide which passages are among the first `k`, those to embed again.

        They are the ones whose scores are that near, and those that these scores hang on: the best
        of their documents, and both ends of the list.
        """
        if not self._index.rounding or not 0 < k < len(hits) or nearest[0].score <= 0:
            return []
        margin = _MEANING * self._index.rounding / nearest[0].score
        last, next_ = hits[k - 1].score, hits[k].score
        if last - next_ > margin:
            return []
        near = [hit.passage for hit in hits if next_ - margin <= hit.score <= last + margin]
        best = {hit.passage.document_id: hit.passage for hit in reversed(hits)}
        needed = {*near, *(best[passage.document_id] for passage in near)}
        needed |= {nearest[0].passage, nearest[-1].passage}
        again = [hit.passage for hit in nearest if hit.passage in needed]
        return again if len(again) <= _EMBEDDED_AGAIN else []


def _shares(hits: list[Hit]) -> dict[Passage, float]:
    """Each passage's share, 0 to 1, of the best score of its list."""
    best = max((hit.score for hit in hits), default=0.0)
    return {hit.passage: max(hit.score, 0.0) / best if best > 0 else 0.0 for hit in hits}
