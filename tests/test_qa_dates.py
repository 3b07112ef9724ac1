"""The times a question names, and the preference they give."""

from datetime import date
from pathlib import Path

import pytest
from conftest import StemEmbedder

from index import LANGUAGES, Index, SplitSettings
from qa.dates import Period, closeness, periods
from qa.extractive import dated
from qa.retriever import Retriever


def test_a_passage_is_read_under_its_date_as_the_question_would_name_it(index: Index) -> None:
    passages = [
        index.matching(word, 1)[0].passage for word in ("Mukhtar Tileuberdi", "Quarante-deux")
    ]
    french, english = (dated(passages, index, language) for language in LANGUAGES)
    assert [text.split("\n")[0] for text in french] == ["14 janvier 2022", "20 juillet 2021"]
    assert [text.split("\n")[0] for text in english] == ["14 January 2022", "20 July 2021"]
    for text, passage in zip(french, passages, strict=True):
        assert text.endswith(passage.text)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Qui a gagné en 2017 ?", [Period(2017, None)]),
        ("Que s'est-il passé le 12 août 2017 ?", [Period(2017, 8)]),
        ("What happened on March 3rd, 2018?", [Period(2018, 3)]),
        ("What happened in May of 2018?", [Period(2018, None)]),
        (
            "Who won between December 2016 and 1998?",
            [Period(2016, 12), Period(1998, None)],
        ),
        ("Combien coûtent 12017 vis, en mars ?", []),
    ],
)
def test_the_periods_that_a_question_names(question: str, named: list[Period]) -> None:
    assert periods(question) == named


@pytest.mark.parametrize(
    ("day", "near"),
    [
        (date(2016, 12, 31), 1.0),
        (date(2017, 1, 1), 0.6),
        (date(2016, 2, 1), 0.3),
        (date(2017, 2, 1), 0.0),
        (None, 0.0),
    ],
)
def test_how_near_a_date_is_to_a_month(day: date | None, near: float) -> None:
    assert closeness(day, [Period(2016, 12)]) == near
    assert closeness(day, []) == 0.0


@pytest.fixture
def elections(tmp_path: Path) -> Index:
    for day in ("2016-03-01", "2017-03-01", "2018-03-01"):
        (tmp_path / f"{day}.txt").write_text(
            f"Élection\n{day}\n\nLe scrutin a eu lieu dimanche à Lomé.\n", encoding="utf-8"
        )
    index = Index.create(tmp_path / "index", StemEmbedder(), SplitSettings())
    index.update(tmp_path, max_bytes=10_000)
    return index


def test_of_two_equal_articles_the_one_of_that_time_comes_first(elections: Index) -> None:
    for year in ("2016", "2017", "2018"):
        hits = Retriever(elections).search(f"Où a eu lieu le scrutin en {year} ?")
        assert hits[0].passage.document_id.startswith(year)
        assert all(0 <= hit.score <= 1 for hit in hits)


def test_a_document_that_leaves_the_index_meanwhile_has_no_time(
    elections: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elections, "dates", lambda _document_ids: {})
    hits = Retriever(elections).search("Où a eu lieu le scrutin en 2017 ?")
    assert hits[0].score == pytest.approx(1 / 1.1)  # the best, less what its time could bring
