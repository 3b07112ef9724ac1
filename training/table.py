"""Writes the lexicon that comes with Opcit from what `python -m training start` learnt.

    python -m training.table WORK        # WORK/lexicon.*.json -> index/lexicon.tsv.gz

A line is a language, a word of it, and its likeliest translations with weights relative to the
first. Knows nothing of how they were learnt (lexicon.py) or are used (index/lexicon.py).
"""

import argparse
import gzip
from pathlib import Path

from .lexicon import Lexicon, read

_TARGET = Path(__file__).parents[1] / "index/lexicon.tsv.gz"
_MOST = 5
_LEAST_PROBABLE = 0.05
_LEAST_SHARE = 0.1


def lines(language: str, lexicon: Lexicon) -> list[str]:
    """The lines of one language, by word; words without a likely translation are left out."""
    written = []
    for word, translations in sorted(lexicon.items()):
        best = sorted(translations.items(), key=lambda pair: -pair[1])[:_MOST]
        first = best[0][1]
        kept = [
            f"{other}:{probability / first:.2f}"
            for other, probability in best
            if probability >= _LEAST_PROBABLE and probability / first >= _LEAST_SHARE
        ]
        if kept and not word.isdigit():
            written.append(f"{language}\t{word}\t{' '.join(kept)}")
    return written


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(prog="python -m training.table", description=__doc__)
    parser.add_argument("work", type=Path, help="the folder of `python -m training start`")
    work = parser.parse_args().work
    table = [
        *lines("en", read(work / "lexicon.en-fr.json")),
        *lines("fr", read(work / "lexicon.fr-en.json")),
    ]
    # No time in the file: the same lexicon gives the same bytes.
    _TARGET.write_bytes(gzip.compress(("\n".join(table) + "\n").encode(), 9, mtime=0))
    print(f"{_TARGET}: {len(table)} words")


if __name__ == "__main__":
    main()
