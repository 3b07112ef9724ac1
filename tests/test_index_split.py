"""Passages: exact offsets, whatever the text."""

from hypothesis import given
from hypothesis import strategies as st

from index import Document, SplitSettings
from index.split import headed, split


def document(text: str, page_starts: tuple[int, ...] = ()) -> Document:
    return Document("d.txt", text, "Titre", "/d.txt", "fr", None, page_starts)


def test_repeated_text_has_its_own_place_each_time() -> None:
    text = "La même phrase revient ici. " * 40
    passages = split(document(text), SplitSettings(200, 50))
    assert len(passages) > 3
    assert [p.start for p in passages] == sorted({p.start for p in passages})
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert "".join(p.text for p in passages).count("phrase") == 40


def test_borders_are_paragraphs_first_then_sentences() -> None:
    first, second = "Phrase une assez longue. Phrase deux.", "Autre paragraphe. Suite et fin ici."
    passages = split(document(f"{first}\n\n{second}"), SplitSettings(60, 0))
    assert [p.text for p in passages] == [first, second]
    passages = split(document(f"{first}\n\n{second}"), SplitSettings(30, 0))
    assert [p.text for p in passages] == [
        "Phrase une assez longue.",
        "Phrase deux.",
        "Autre paragraphe.",
        "Suite et fin ici.",
    ]


def test_a_title_joins_the_paragraph_below_it() -> None:
    text = "Titre\n2021-03-12\n\n" + "Une phrase qui remplit le premier paragraphe. " * 4
    passages = split(document(text), SplitSettings(190, 40))
    assert passages[0].text.startswith("Titre\n2021-03-12\n\nUne phrase")


def test_no_passage_crosses_a_page() -> None:
    text = "Fin de page sans point\nDébut de page"
    passages = split(document(text, (0, 23)))
    assert [(p.start, p.end) for p in passages] == [(0, 22), (23, 36)]


def test_the_title_heads_what_is_indexed_once() -> None:
    passages = split(document("Titre\nPremier.\n\n" + "Texte. " * 200))
    assert headed("Titre", passages[0]) == passages[0].text
    assert headed("Titre", passages[1]) == f"Titre\n{passages[1].text}"


@given(
    st.text(alphabet=st.sampled_from("aÉœ .!?\n«»\u00a0\r'’"), max_size=400),
    st.integers(10, 80),
    st.integers(0, 40),
)
def test_passages_tile_the_text(text: str, characters: int, fragment: int) -> None:
    passages = split(document(text), SplitSettings(characters, fragment))
    position = 0
    for passage in passages:
        assert text[position : passage.start].strip() == ""
        assert text[passage.start : passage.end] == passage.text == passage.text.strip() != ""
        assert len(passage.text) <= 2 * max(characters, fragment) + characters
        position = passage.end
    assert text[position:].strip() == ""
