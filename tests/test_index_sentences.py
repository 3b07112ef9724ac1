"""Sentence spans of French and English texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["M. Dupont est arrivé.", "Il repart demain."],
        ["Mme\u00a0Curie et le Dr\u00a0Roux y étaient.", "Ils ont parlé."],
        ["Il a dit : « C'est fini. »", "Puis il est parti."],
        ["« Est-ce vrai ? »", "« Oui ! »", "Tous rirent…", "Puis rien."],
        ["La hausse est de 3.5 % selon l'art. 12 du code.", "Elle étonne."],
        ["Né en 44 av. J.-C., il vécut longtemps.", "Il mourut à Rome."],
        ["Le candidat J. F. Martin l'emporte.", "Élu à 52 %, il remercie."],
        ["Mr. Smith met Mrs. Jones at 5 p.m. on Monday.", "They talked."],
        ["The U.S. Senate voted.", "“It passed,” she said."],
        ["Pommes, poires, etc. sont en vente.", "Les prix montent."],
        ["Il vivait à Paris (15e arr.).", "Elle, à Œting."],
        ["12 mars 2021.", "– Le cyclone a frappé l'île."],
    ],
)
def test_sentences_in_a_line(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_titles_paragraphs_and_lists_end_sentences_but_wrapped_lines_do_not() -> None:
    text = (
        "Un titre assez long pour ne pas tenir dans quarante-cinq signes\n2021-03-12\n\n"
        "Un paragraphe que le traitement de texte a coupé au bout de sa\n"
        "ligne, au milieu d'une phrase.\n- premier point\n- second point\n"
    )
    assert sentences(text) == [
        "Un titre assez long pour ne pas tenir dans quarante-cinq signes",
        "2021-03-12",
        "Un paragraphe que le traitement de texte a coupé au bout de sa\n"
        "ligne, au milieu d'une phrase.",
        "- premier point",
        "- second point",
    ]


def test_etc_ends_a_sentence_before_a_capital() -> None:
    assert sentences("Du blé, de l'orge, etc. Les prix montent.") == [
        "Du blé, de l'orge, etc.",
        "Les prix montent.",
    ]


@given(st.text(alphabet=st.sampled_from("aÉ .!?\n«»\u00a0-1\r"), max_size=200))
def test_spans_are_in_order_and_hold_every_visible_character(text: str) -> None:
    spans = sentence_spans(text)
    position = 0
    for start, end in spans:
        assert text[position:start].strip() == ""
        assert text[start:end] == text[start:end].strip() != ""
        position = end
    assert text[position:].strip() == ""
