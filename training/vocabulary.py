"""Makes the encoder's tokenizer: WordPiece over one vocabulary for French and English.

The pieces are the teacher's that English text uses, plus pieces learnt from French text. Accents
and case are dropped, œ and æ opened, curly apostrophes straightened, so that a text gives the same
pieces however it was typed. Knows no vectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def empty_tokenizer(pieces: dict[str, int] | None = None) -> Tokenizer:
    """Return a WordPiece tokenizer with this project's normalisation, over the given pieces."""
    tokenizer = Tokenizer(
        models.WordPiece(vocab=pieces or {}, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex("[œŒ]"), "oe"),
            normalizers.Replace(Regex("[æÆ]"), "ae"),
            normalizers.Replace(Regex("[’‘ʼ′]"), "'"),
            normalizers.BertNormalizer(
                clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True
            ),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def french_pieces(texts: Iterable[str], size: int) -> dict[str, int]:
    """Return WordPiece pieces learnt from French texts."""
    tokenizer = empty_tokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=5, limit_alphabet=200, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    pieces: dict[str, int] = tokenizer.get_vocab(with_added_tokens=False)
    return pieces


def piece_counts(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    """Count how often a tokenizer gives each of its pieces over some texts."""
    counts: Counter[int] = Counter()
    for batch in _batches(texts):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            counts.update(encoding.ids)
    names = {number: piece for piece, number in tokenizer.get_vocab().items()}
    return Counter({names[number]: n for number, n in counts.items()})


def merged_pieces(
    teacher: dict[str, int],
    english: Counter[str],
    french: Iterable[str],
    rarest: int,
    always: int,
) -> dict[str, int]:
    """Number the pieces of the student: special ones, kept English ones, then new French ones.

    A piece of the teacher is kept when English text used it `rarest` times, when it is among the
    `always` first (its vocabulary lists the most frequent first), or when it is one character.
    Pieces of other scripts than Latin and Greek are left out: the encoder cannot read them anyway.
    """
    chosen = dict.fromkeys(SPECIAL)
    for piece, number in sorted(teacher.items(), key=lambda item: item[1]):
        bare = piece.removeprefix("##")
        reserved = piece.startswith("[") and len(piece) > 1
        wanted = len(bare) == 1 or number < always or english[piece] >= rarest
        if wanted and not reserved and all(map(_readable, bare)):
            chosen[piece] = None
    chosen.update(dict.fromkeys(sorted(set(french) - set(SPECIAL) - set(chosen))))
    return {piece: number for number, piece in enumerate(chosen)}


def finished(pieces: dict[str, int], longest: int) -> Tokenizer:
    """Return the tokenizer ready for the encoder, cutting texts at `longest` pieces."""
    tokenizer = empty_tokenizer(pieces)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", pieces["[CLS]"]), ("[SEP]", pieces["[SEP]"])],
    )
    tokenizer.enable_truncation(longest)
    return tokenizer


def _readable(character: str) -> bool:
    """Say whether a character is Latin, Greek, or a sign such as a dash or the euro."""
    return ord(character) < 0x400 or 0x2000 <= ord(character) < 0x2200


def _batches(texts: Iterable[str], size: int = 2000) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
