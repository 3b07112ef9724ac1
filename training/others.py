"""Texts of other kinds than news, of which some questions of `questions.jsonl` are asked.

- `texts/`: documents written for this project: leases, judgments, letters, manuals, reports;
- `europarl/ID.LANGUAGE.txt`: a paragraph of parliament, of the data folder;
- `laws/FILE.LANGUAGE.txt`: the first provisions of a law, of the data folder;
- `xquad/NUMBER.en.txt`: a paragraph of XQuAD, counted in the order of its first question.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from index import LANGUAGES, Embedder, Index, Language

from . import corpora

OWN_TEXTS = Path(__file__).with_name("texts")
_PROVISIONS = 6
_WORDS = range(15, 121)  # of a provision, in French


def texts(data: Path, names: Collection[str]) -> dict[str, str]:
    """The texts with these names, those that are not of other kinds left out."""
    found = {f"texts/{path.name}": path.read_text("utf-8") for path in OWN_TEXTS.glob("*.txt")}
    for line in corpora.read_lines(data / "corpora/europarl-paragraphs.jsonl.xz"):
        row = json.loads(line)
        found |= {paragraph_name(row, language): row[language] for language in LANGUAGES}
    for law in corpora.laws(data).values():
        found |= {law_name(law, language): _extract(law, language) for language in LANGUAGES}
    rows = corpora.read_records(data / "questions/xquad-en.jsonl.gz")
    found |= {name: text for text, name in xquad_names(rows).items()}
    return {name: found[name] for name in sorted(names) if name in found}


def paragraph_name(row: dict[str, Any], language: Language) -> str:
    """The name of a paragraph of Europarl."""
    return f"europarl/{row['id']}.{language}.txt"


def xquad_names(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The names of the paragraphs of XQuAD, by their texts."""
    texts = dict.fromkeys(row["context"] for row in rows)
    return {text: f"xquad/{number:03}.en.txt" for number, text in enumerate(texts)}


def law_name(law: list[dict[str, Any]], language: Language) -> str:
    """The name of an extract of a law."""
    return f"laws/{law[0]['file'].replace('/', '_').removesuffix('.xml')}.{language}.txt"


def _extract(law: list[dict[str, Any]], language: str) -> str:
    some = [row for row in law if len(row["text_fr"].split()) in _WORDS][:_PROVISIONS]
    parts = [f"{row[f'heading_{language}']}\n{row[f'text_{language}']}" for row in some]
    return "\n\n".join([law[0][f"law_{language}"], *parts])


def index_of(texts: dict[str, str], folder: Path, embedder: Embedder) -> Index:
    """An index of these texts, made in an empty folder."""
    for name, text in texts.items():
        path = folder / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    index = Index.create(folder / "index", embedder)
    index.update(folder / "documents", max_bytes=1_000_000)
    return index
