"""Makes the test documents in this folder: one short article in every format Opcit reads.

Run it only to change them (`pip install fpdf2 matplotlib` first): the files are kept in the
repository, so that the tests need neither package. The article is our own; its accents,
apostrophes of both kinds, guillemets and no-break spaces are there on purpose.
"""

import struct
import zlib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import docx
import matplotlib
from fpdf import FPDF

HERE = Path(__file__).parent
FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
EXPORTED = datetime(2022, 5, 4, 12, tzinfo=UTC)

TITLE = "L’usine d’eau de Brénac rouvre"
PARAGRAPHS = (
    "Brénac, 12 mars 2021. – L’usine d'eau potable a rouvert vendredi, après onze mois.",
    "«\u00a0L'eau coule de nouveau dans 3\u00a0400 foyers\u00a0», a dit Mme\u00a0Hélène Lefèvre.",
    "Le chantier a coûté 2,7 millions d’euros\u00a0; le maître d'œuvre est une société de Nîmes.",
)


def text() -> str:
    return "\n\n".join((TITLE, *PARAGRAPHS)) + "\n"


def markdown() -> str:
    front = f'---\ntitle: "{TITLE}"\ndate: 2021-03-12\n---\n\n'
    return front + f"# {TITLE}\n\n" + "\n\n".join(PARAGRAPHS) + "\n"


def html(charset: str) -> str:
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    return f"""<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="{charset}">
<title>{TITLE} | La Gazette de Brénac</title>
<meta property="og:title" content="{TITLE}">
<script>document.title = "piège";</script>
</head>
<body>
<nav><a href="/">Accueil</a> <a href="/sport">Sport</a></nav>
<article>
<h1>{TITLE}</h1>
<time datetime="2021-03-12T09:30:00+01:00">vendredi</time>
{body.replace("&", "&amp;").replace(chr(0xA0), "&nbsp;")}
</article>
<footer>La Gazette, 1998-2024</footer>
</body>
</html>
"""


def new_pdf() -> FPDF:
    pdf = FPDF(orientation="landscape")
    pdf.set_creation_date(EXPORTED)
    pdf.add_font("DejaVu", fname=FONT)
    pdf.set_font("DejaVu", size=11)
    return pdf


def pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    document = new_pdf()
    if title:
        document.set_title(title)
    if password:
        document.set_encryption(owner_password=password + "!", user_password=password)
    for page in pages:
        document.add_page()
        document.multi_cell(0, 7, page)
    return bytes(document.output())


def scan() -> bytes:
    """A page that is only a picture: a grey square of 8 by 8 pixels."""
    rows = b"".join(b"\0" + b"\x99" * 8 for _ in range(8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    document = new_pdf()
    document.add_page()
    document.image(BytesIO(png), w=100)
    return bytes(document.output())


def word() -> bytes:
    document = docx.Document()
    document.add_heading(TITLE, level=1)
    document.add_paragraph(PARAGRAPHS[0])
    document.add_paragraph(PARAGRAPHS[1])
    table = document.add_table(rows=2, cols=2)
    for cell, words in zip(
        (cell for row in table.rows for cell in row.cells),
        ("Commune", "Foyers", "Brénac", "3\u00a0400"),
        strict=True,
    ):
        cell.text = words
    document.add_paragraph(PARAGRAPHS[2])
    document.core_properties.created = EXPORTED
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def main() -> None:
    article = "\n\n".join((TITLE, *PARAGRAPHS))
    files = {
        "article.txt": text().encode(),
        "article-cp1252.txt": text().encode("cp1252"),
        "article-utf16.txt": text().encode("utf-16"),
        "article.md": markdown().encode(),
        "article.html": html("utf-8").encode(),
        "article-latin1.htm": html("iso-8859-1").encode("cp1252"),
        "article.pdf": pdf(article),
        "article.docx": word(),
        "pages.pdf": pdf("Première page.", "", "Une page\nde deux lignes.", title="Trois pages"),
        "encrypted.pdf": pdf(article, password="secret"),
        "scan.pdf": scan(),
    }
    for name, data in files.items():
        (HERE / name).write_bytes(data)


if __name__ == "__main__":
    main()
