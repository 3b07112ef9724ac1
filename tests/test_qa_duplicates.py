"""The same news told twice is shown once, with where it stands too."""

import unicodedata
from pathlib import Path

import pytest
from conftest import StemEmbedder

from index import Hit, Index, Passage, SplitSettings, sentence_spans
from qa import Assistant, Config, answer_markdown, markup
from qa.duplicates import copies, distinct
from qa.extractive import Finding, Reading

TOLD = "Le pont de Genval, fermé depuis mars, rouvrira lundi 4 juin à 6 heures du matin."
AGAIN = "« Le pont de Genval (fermé depuis mars) rouvrira lundi 4 juin à 6 heures du MATIN »."
OTHER = "Le pont de Genval, fermé depuis mars, sera détruit : la commune en a décidé ainsi."


def hit(document_id: str, text: str, start: int = 0) -> Hit:
    return Hit(Passage(document_id, start, start + len(text), text), 1.0)


def test_a_passage_told_again_by_another_document_is_left_out() -> None:
    first, again, other = hit("a", TOLD), hit("b", AGAIN), hit("c", OTHER)
    assert distinct([first, again, other]) == [first, other]
    within_one = hit("a", TOLD, start=500)
    assert distinct([first, within_one]) == [first, within_one]


def test_a_shorter_passage_held_by_one_before_is_left_out_and_not_a_longer_one() -> None:
    longer = hit("a", f"{TOLD} {OTHER} Les travaux ont duré trois mois.")
    assert distinct([longer, hit("b", TOLD)]) == [longer]
    assert len(distinct([hit("b", TOLD), longer])) == 2


def test_where_a_sentence_stands_too() -> None:
    before = "Trois mois de travaux. "
    hits = [hit("a", TOLD), hit("b", before + AGAIN, start=100), hit("c", OTHER)]
    (copy,) = copies(TOLD, "a", hits)
    assert (copy.document_id, copy.text) == ("b", AGAIN)
    assert (copy.start, copy.end) == (100 + len(before), 100 + len(before) + len(AGAIN))
    assert copies("lundi", "d", hits[2:]) == ()


LONG = "The flat over the bakery, let again last week after three months of works, costs 200 euros."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG.replace("200", "900")),
        (LONG, LONG.replace("200", "1,200")),
        ("The rent is 900 euros a month.", "The rent is 1,200 euros a month."),
        (
            "The rent of the flat is 200 euros a month.",
            "The rent of the flat is 1,200 euros a month.",
        ),
        (TOLD, TOLD.replace("4 juin", "5 juin")),
        (TOLD, TOLD.replace("6 heures", "16 heures")),
        (TOLD, TOLD.replace("Genval", "Valmorens")),
        (f"Lyon paie. {OTHER}", f"Nice paie. {OTHER}"),
        (
            "Le taux du livret est fixé à 2,5 % par an.",
            "Le taux du livret est fixé à 2,4 % par an.",
        ),
        (
            "Le village a voté le budget de l'école pour la rentrée de 2019.",
            "Le village a voté le budget de l'école pour la rentrée de 2020.",
        ),
    ],
)
def test_another_figure_or_name_is_other_news(one: str, other: str) -> None:
    hits = [hit("a", one), hit("b", other)]
    assert distinct(hits) == hits
    assert copies(one, "a", hits) == copies(other, "b", hits) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Le loyer est de 1 200 euros par mois.", "LE LOYER EST DE 1\u202f200 EUROS PAR MOIS."),
        ("The rent is 1,200 euros a month.", "The rent is 1200 euros a month."),
        (
            "Le Sénat a voté la loi hier.",
            unicodedata.normalize("NFD", "Le Sénat a voté la loi hier."),
        ),
        (TOLD, f"Hier encore, à Genval : {TOLD}"),
    ],
)
def test_the_same_figures_written_otherwise_are_the_same_news(one: str, other: str) -> None:
    assert len(distinct([hit("a", other), hit("b", one)])) == 1
    assert [copy.text for copy in copies(one, "b", [hit("a", other)])] == [other]


class LastSentence:
    """Answers with the last sentence of each passage."""

    threshold = 0.5

    def read(self, question: str, hits: list[Hit]) -> Reading:
        del question
        last = [(hit.passage, sentence_spans(hit.passage.text)[-1]) for hit in hits]
        findings = [
            Finding(passage.document_id, passage.start + start, passage.start + end, None, 0.9)
            for passage, (start, end) in last
        ]
        return Reading(findings, hits)


@pytest.fixture
def twice_told(tmp_path: Path) -> Assistant:
    documents = tmp_path / "documents"
    documents.mkdir()
    for name, text in {"a": TOLD, "b": AGAIN, "c": OTHER}.items():
        (documents / f"{name}.txt").write_text(f"Le pont\n2018-06-01\n\n{text}\n", encoding="utf-8")
    index = Index.create(tmp_path / "index", StemEmbedder(), SplitSettings())
    index.update(documents, max_bytes=10_000)
    return Assistant(index, LastSentence(), Config())


def test_an_answer_says_in_how_many_documents_it_stands(twice_told: Assistant) -> None:
    answer = twice_told.ask("Quand rouvrira le pont de Genval ?")
    assert len(answer.citations) == 2
    (copy,) = answer.citations[0].copies
    assert {answer.citations[0].document_id, copy.document_id} == {"a.txt", "b.txt"}
    document = twice_told.document(copy.document_id)
    assert document is not None
    assert document.text[copy.start : copy.end] == copy.text
    assert [h.passage.document_id for h in answer.nearest].count(copy.document_id) == 0
    for shown in (markup.answer_html(answer), answer_markdown(answer)):
        assert "Aussi dans un autre document" in shown
        assert copy.document_id in shown.replace("\\", "")
