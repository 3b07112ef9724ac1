"""Plain text: the file exactly as decoded."""

from ..errors import LoadError
from .parsed import CONTROLS, Parsed

# Real text has next to no control characters; pictures and programs are full of them.
_CONTROL_SHARE = 0.02


def parse_text(data: bytes, name: str, _max_bytes: int) -> Parsed:
    return Parsed(decode(data, name))


def decode(data: bytes, name: str) -> str:
    """UTF-8, else UTF-16 if it begins with a byte order mark, else Windows-1252 (cp1252).

    The mark is dropped; nothing else is changed. Guessing among more encodings took French
    cp1252 for something else too often.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = _decode_as(data, "utf-16", name)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # Binary first: "not text" is a better answer for a picture than "bad encoding".
            refuse_binary(data.decode("latin-1"), name)
            if is_mostly_utf8(data):
                raise LoadError(
                    f"{name}: its UTF-8 is damaged at byte {error.start}; save it again as UTF-8."
                ) from None
            text = _decode_as(data, "cp1252", name)
    refuse_binary(text, name)
    return text


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise LoadError(
            f"{name}: its characters cannot be decoded (tried UTF-8 and {encoding}); "
            "save it as UTF-8."
        ) from None


def is_mostly_utf8(data: bytes) -> bool:
    """Whether what is not ASCII is UTF-8, but for a few bytes.

    In cp1252 text hardly any accent happens to be good UTF-8. A damaged UTF-8 file would decode
    as cp1252 too, but with two wrong letters for every accent.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return True
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = len(text) - len(text.encode("ascii", errors="ignore")) - bad
    return good > bad


def refuse_binary(text: str, name: str) -> None:
    controls = CONTROLS.subn("", text)[1]
    if "\0" in text or controls > _CONTROL_SHARE * len(text):
        raise LoadError(
            f"{name}: it holds binary data, not text; convert it to UTF-8 text or take it away."
        )
