"""The drawer of documents in a real browser: found, limited to, added and removed."""

from pathlib import Path

import pytest
from chat_page import FRENCH, PHONE, SAMPLES, Visitor, add, ask
from playwright.sync_api import Page, Route, expect

SYLDAVIA = (
    "La Syldavie\n\nLa Syldavie est un royaume des Balkans. La capitale de la Syldavie est Klow,"
    " sur la Wladir. Son roi s'appelle Muskar XII.\n"
)
CAPITAL = "Quelle est la capitale de la Syldavie ?"


def search(page: Page, words: str) -> None:
    page.get_by_role("searchbox").fill(words)


def limits(page: Page) -> str:
    expect(page.locator("#limits .limits")).to_be_visible()
    return page.locator("#limits .limits span").inner_text()


def cited_documents(page: Page) -> set[str]:
    """The documents that the last reply leads to, by the dates their names begin with."""
    links = page.locator("#chat :is(.answer, .abstention)").last.locator("a.cite").all()
    return {str(link.get_attribute("href")).split("=")[1][:10] for link in links}


# -- finding -------------------------------------------------------------------------------------


def test_titles_are_searched_without_accents_and_by_beginnings(visitor: Visitor) -> None:
    page = visitor.arrive()

    search(page, "musee delab")

    expect(page.locator(".library h2")).to_have_text("Documents trouvés\u00a0: 2 sur 38")
    expect(page.locator(".library li")).to_have_count(2)
    search(page, "aucun titre pareil")
    expect(page.locator(".library li")).to_have_count(0)
    expect(page.get_by_text("Aucun document ne correspond")).to_be_visible()
    search(page, "")
    expect(page.locator(".library li")).to_have_count(38)


def test_the_samples_are_called_samples(visitor: Visitor) -> None:
    page = visitor.arrive()

    expect(page.locator(".library h3")).to_have_text("Exemples 38")
    expect(page.locator(".library .hint")).to_contain_text("ne font pas foi")


# -- asking only some ----------------------------------------------------------------------------


def test_dates_limit_the_list_and_the_questions(visitor: Visitor) -> None:
    page = visitor.arrive()

    page.get_by_label("Du", exact=True).fill("2025-01-01")

    expect(page.locator(".library li")).to_have_count(
        len(list(SAMPLES.glob("2025-*"))), timeout=10_000
    )
    assert limits(page) == "Questions limitées · depuis le 1er janvier 2025"
    ask(page, FRENCH)
    cited = cited_documents(page)
    assert cited
    assert min(cited) >= "2025-01-01"
    expect(page.locator("#chat .scope")).to_have_text(limits(page))

    page.get_by_role("button", name="Interroger tous les documents").click()

    expect(page.locator("#limits .limits")).to_have_count(0)
    expect(page.get_by_label("Du", exact=True)).to_have_value("")
    expect(ask(page, FRENCH).locator(".short")).to_contain_text("Tileuberdi")


def test_a_ticked_document_alone_is_asked(visitor: Visitor) -> None:
    page = visitor.arrive()
    search(page, "r21")
    expect(page.locator(".library li")).to_have_count(1)

    page.get_by_role("checkbox").check()

    assert limits(page) == "Questions limitées · documents choisis\u00a0: 1"
    ask(page, FRENCH)
    assert cited_documents(page) == {"2023-10-03"}
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator("#limits")).to_contain_text("chosen documents: 1")
    page.locator("#head .all").click()
    expect(page.get_by_role("searchbox")).to_have_value("r21")
    expect(page.get_by_role("checkbox")).to_be_checked()
    page.get_by_role("checkbox").uncheck()
    expect(page.locator("#limits .limits")).to_have_count(0)


# -- adding and removing -------------------------------------------------------------------------


def test_added_documents_are_told_apart_and_can_be_removed(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.arrive()
    (tmp_path / "syldavie.txt").write_text(SYLDAVIA, encoding="utf-8")
    (tmp_path / "bordurie.txt").write_text(
        "La Bordurie\n\nLa Bordurie est une dictature voisine.\n", encoding="utf-8"
    )
    (tmp_path / "vide.txt").write_bytes(b"")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    add(page, *tmp_path.iterdir())

    expect(page.locator("#notice .done")).to_have_count(2)
    expect(page.locator("#notice .left-out")).to_have_count(2)
    expect(page.locator("#notice")).to_contain_text("photo.png")
    expect(page.locator("#notice")).to_contain_text("vide.txt")
    expect(page.locator(".library h3")).to_have_text(["Ajoutés ici 2", "Exemples 38"])
    expect(page.locator("h3.upload + .hint")).to_contain_text("retirés après 30 jours")
    expect(ask(page, CAPITAL).locator("blockquote").first).to_contain_text("Klow")

    page.locator("#head .all").click()
    page.get_by_role("button", name="Retirer La Syldavie").dblclick()

    expect(page.locator("#notice")).to_have_text("Retiré\u00a0: syldavie.txt")
    expect(page.locator(".library h3")).to_have_text(["Ajoutés ici 1", "Exemples 38"])
    expect(page.locator("#head .all")).to_have_text("Documents\u00a0: 39")
    expect(ask(page, CAPITAL)).not_to_contain_text("Klow")
    page.locator("#head .all").click()
    page.get_by_role("button", name="Retirer La Bordurie").click()
    expect(page.locator(".library h3")).to_have_text(["Exemples 38"])
    expect(page.get_by_role("button", name="Retirer")).to_have_count(0)


def test_a_document_that_is_added_again_is_listed_as_it_is_now(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.arrive()
    for title in ("La Syldavie", "La Bordurie"):
        path = tmp_path / title / "pays.txt"
        path.parent.mkdir()
        path.write_text(f"{title}\n\nUn pays.\n", encoding="utf-8")
        add(page, path)
        expect(page.locator(".library h3")).to_have_text(["Ajoutés ici 1", "Exemples 38"])
        expect(page.locator(".library li a").first).to_have_text(title)


def test_documents_added_while_others_are_being_added_are_added_too(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.arrive()
    for name in ("syldavie", "bordurie"):
        (tmp_path / f"{name}.txt").write_text(f"La {name}\n\nUn pays.\n", encoding="utf-8")
    page.locator("#head .all").click()
    held: list[Route] = []

    def hold_back(route: Route) -> None:
        if "syldavie.txt" in str(route.request.post_data):
            held.append(route)
        else:
            route.continue_()

    page.route("**/queue/join*", hold_back)
    files = page.locator("#cabinet input[type=file]")
    with page.expect_request(lambda request: "syldavie.txt" in str(request.post_data)):
        files.set_input_files(tmp_path / "syldavie.txt")

    files.set_input_files(tmp_path / "bordurie.txt")

    expect(page.locator("#notice")).to_contain_text("bordurie.txt")
    held[0].continue_()
    expect(page.locator(".library h3")).to_have_text(["Ajoutés ici 2", "Exemples 38"])


def test_a_chip_marks_nothing_else_once_its_document_was_added_again(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.arrive()
    path = tmp_path / "syldavie.txt"
    path.write_text(SYLDAVIA, encoding="utf-8")
    add(page, path)
    chip = ask(page, CAPITAL).locator("a.cite").first
    expect(page.locator("#reader mark.cited")).to_contain_text("Klow")
    again = tmp_path / "again" / path.name
    again.parent.mkdir()
    again.write_text(f"Rectificatif du jour.\n\n{SYLDAVIA}", encoding="utf-8")
    add(page, again)
    expect(page.locator("#notice")).to_contain_text("Mis à jour")

    chip.click()

    expect(page.locator("#reader .changed")).to_contain_text("n’est plus à cette place")
    expect(page.locator("#reader .paper")).to_contain_text("Rectificatif du jour.")
    expect(page.locator("#reader mark:not(:empty)")).to_have_count(0)
    page.locator("#head .all").click()
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_role("button", name="Retirer")).to_have_count(0)


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_a_long_file_name_is_legible_to_its_end(
    visitor: Visitor, tmp_path: Path, options: dict[str, object]
) -> None:
    page = visitor.arrive(**options)
    name = "proces-verbal-de-la-seance-extraordinaire-" + "du-conseil-" * 10 + "final.txt"
    (tmp_path / name).write_text(SYLDAVIA, encoding="utf-8")

    add(page, tmp_path / name)

    for shown in (page.locator("#notice li"), page.locator(".library .from", has_text=name)):
        expect(shown).to_contain_text(name)
        assert shown.evaluate("line => line.scrollWidth <= line.clientWidth")
        assert shown.evaluate("line => getComputedStyle(line).textOverflow") == "clip"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Retirer La Syldavie").click()
    expect(page.locator(".library h3")).to_have_text(["Exemples 38"])


def test_on_a_phone_the_library_is_a_drawer(visitor: Visitor) -> None:
    page = visitor.arrive(**PHONE)
    expect(page.get_by_role("searchbox")).to_be_hidden()

    page.locator("#head .all").click()

    expect(page.get_by_role("searchbox")).to_be_in_viewport()
    expect(page.locator(".library li").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Fermer").click()
    expect(page.get_by_role("searchbox")).to_be_hidden()


def test_every_tick_counts_also_when_they_come_fast(visitor: Visitor) -> None:
    page = visitor.arrive()
    expect(page.locator(".library li")).to_have_count(38)

    page.evaluate("for (const box of document.querySelectorAll('.choose')) box.click()")

    expect(page.locator("#limits")).to_contain_text("documents choisis\u00a0: 38")


def test_ticks_that_arrive_in_another_order_count_as_they_were_made(visitor: Visitor) -> None:
    page = visitor.arrive()
    expect(page.locator(".library li")).to_have_count(38)
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route), times=1)
    page.locator(".choose").nth(0).check()
    page.locator(".choose").nth(1).check()
    expect(page.locator("#limits")).to_contain_text("documents choisis\u00a0: 2")

    with page.expect_response("**/queue/join*"):
        held[0].continue_()
    page.locator("#question textarea").fill(FRENCH)
    page.locator("#question textarea").press("Enter")

    expect(page.locator("#chat .user-row")).to_contain_text("2")
    expect(page.locator("#limits")).to_contain_text("documents choisis\u00a0: 2")
