"""Makes the PDF and DOCX samples from the texts in `office/`.

    python samples/make_office.py

`office/NAME.pdf.txt` becomes `documents/NAME.pdf`, `office/NAME.docx.txt` becomes
`documents/NAME.docx`. A source is a title line, an ISO date line, then blocks between blank lines:
a paragraph, a heading (`## `), or a table (every line `| cell | cell |`, DOCX only).

Needs python-docx, reportlab and matplotlib; of the last only its DejaVu fonts, which are free and
have every French letter. The same source always gives the same bytes, as long as these packages
stay the same. It knows nothing of questions or of the index.
"""

import io
import zipfile
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

import docx
from docx.document import Document
from matplotlib import get_data_path
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate

HERE = Path(__file__).parent
AUTHOR = "Opcit"


def read_source(path: Path) -> tuple[str, str, list[str]]:
    """The title, the ISO date and the blocks of a source file."""
    title, date, body = path.read_text(encoding="utf-8").split("\n", 2)
    return title, date, [block.strip("\n") for block in body.split("\n\n") if block.strip()]


def make_pdf(source: Path, target: Path) -> None:
    """Small pages on purpose, so that a short article has more than one."""
    title, date, blocks = read_source(source)
    fonts = Path(get_data_path()) / "fonts" / "ttf"
    pdfmetrics.registerFont(TTFont("DejaVu", fonts / "DejaVuSans.ttf"))
    pdfmetrics.registerFont(TTFont("DejaVu-Bold", fonts / "DejaVuSans-Bold.ttf"))
    text = ParagraphStyle("text", fontName="DejaVu", fontSize=11, leading=16, spaceAfter=9)
    heading = ParagraphStyle("heading", text, fontName="DejaVu-Bold", keepWithNext=True)
    top = ParagraphStyle("top", heading, fontSize=16, leading=21, spaceAfter=12)
    story = [Paragraph(escape(title), top), Paragraph(date, text)]
    for block in blocks:
        style = heading if block.startswith("## ") else text
        story.append(Paragraph(escape(block.removeprefix("## ")), style))
    # invariant: no clock in the file.
    template = SimpleDocTemplate(
        str(target),
        pagesize=A5,
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 1.8 * cm),
        title=title,
        author=AUTHOR,
        invariant=1,
    )
    template.build(story)


def make_docx(source: Path, target: Path) -> None:
    title, date, blocks = read_source(source)
    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title, AUTHOR, ""
    properties.created = properties.modified = datetime.fromisoformat(date)
    document.add_heading(title, level=0)
    document.add_paragraph(date)
    for block in blocks:
        if block.startswith("## "):
            document.add_heading(block.removeprefix("## "), level=1)
        elif block.startswith("|"):
            _add_table(document, block)
        else:
            document.add_paragraph(block)
    _save(document, target)


def _add_table(document: Document, block: str) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.split("\n")]
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text


def _save(document: Document, target: Path) -> None:
    """python-docx stamps the parts of its archive with the clock; here they get a fixed day."""
    buffer = io.BytesIO()
    document.save(buffer)
    with zipfile.ZipFile(buffer) as parts, zipfile.ZipFile(target, "w") as archive:
        for name in parts.namelist():
            entry = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, parts.read(name))


def main() -> None:
    for source in sorted((HERE / "office").glob("*.txt")):
        target = HERE / "documents" / source.stem
        make = make_pdf if target.suffix == ".pdf" else make_docx
        make(source, target)
        print(target.name)


if __name__ == "__main__":
    main()
