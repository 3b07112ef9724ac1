"""Where the sentences of a French or English text begin and end.

A rule, not a model: a mark that ends a sentence, then white space, then what can begin one,
unless the mark belongs to an abbreviation or an initial. It knows only characters; it never
changes the text and returns spans of it.
"""

import re

# Abbreviations that are usually followed by a name or a number, so that their point ends nothing.
# "etc." is absent: before a capital it ends its sentence.
_ABBREVIATIONS = (
    "M MM Me Mgr Mlle Mlles Mme Mmes Dr Drs Pr Prof St Ste Sr Jr Mr Mrs Ms Rev Hon "
    "Gén Gal Cdt Cap Col Lt Sgt Gen Gov Sen Rep Capt Cpl Maj Adm "
    "art Art al n no No nos num p pp vol Vol t chap Chap ch éd ed coll fig Fig tab ann "
    "av apr env cf Cf ex Ex vs réf ref tél tel bd boul "
    "janv févr juil sept oct nov déc Jan Feb Aug Sept Oct Nov Dec"
).split()
# Each looks back from behind the point: tried only where there is one, the rule stays fast.
_NOT_ABBREVIATED = "".join(rf"(?<!\b{word}\.)" for word in _ABBREVIATIONS)
_NOT_INITIAL = r"(?<!\b[^\W\d_]\.)"
_NOT_LIST_NUMBER = r"(?<!\n\d\.)(?<!\n\d\d\.)"

# A pattern without groups, so that it can serve as a separator of a text splitter too.
SENTENCE_END = (
    rf"(?:\.{_NOT_ABBREVIATED}{_NOT_INITIAL}{_NOT_LIST_NUMBER}|[!?…])"
    # A few at most: without a limit, a long run of them would be tried again from each point.
    r"(?:\.{0,2}\s?[»”\"'’)\]]){0,4}\s+"
    r"(?=[«“\"‘'(\[—–\-•*]{0,4}\s?[A-ZÀ-ÖØ-ÞŒ0-9])"
)
PARAGRAPH_END = r"\n\s*\n"

_BORDER = re.compile(f"(?P<hard>{SENTENCE_END}|{PARAGRAPH_END})|\n")
_BEGINS_A_LINE = re.compile(r"\s*(?:[-*•#|]|\d+[.)]\s|\d{4}-\d\d-\d\d\s)")
# A line this short was ended on purpose (a title, a date, a cell); a longer one was wrapped.
_SHORT_LINE = 45


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The `(start, end)` spans of the sentences of `text`, in order, without outer white space."""
    spans: list[tuple[int, int]] = []
    start = 0
    for border in _BORDER.finditer(text):
        if border["hard"] is not None or _ends_line(text, border.start()):
            _append_trimmed(spans, text, start, border.end())
            start = border.end()
    _append_trimmed(spans, text, start, len(text))
    return spans


def _ends_line(text: str, newline: int) -> bool:
    """Whether the line break at `newline` ends a sentence, rather than wraps it."""
    line_start = text.rfind("\n", 0, newline) + 1
    line = text[line_start:newline].strip()
    return (
        len(line) < _SHORT_LINE
        or line.endswith((".", "!", "?", "…", ":", ";", "»", "|"))
        or _BEGINS_A_LINE.match(text, newline + 1) is not None
    )


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
