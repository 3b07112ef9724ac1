"""Trains the encoder: distillation over parallel text, mixed with question-passage contrast.

Distillation (Reimers & Gurevych 2020): the student's vector of a French or an English text is drawn
to the teacher's vector of the English one, and away from the other texts of the batch. Contrast:
a question is drawn to its passage, away from other passages of the batch, of the recent past and
from passages mined as hard. The schedule is a length of time, so that a run fits the machine.
Knows nothing of vocabularies and measures.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import corpora
from .corpora import Pair, Question
from .student import Encoder, save

SHARES = {
    "europarl": 0.48,
    "tatoeba_anki": 0.18,
    "laws": 0.12,
    "php_docs": 0.05,
    "python_docs": 0.04,
    "cds_digital_canada": 0.03,
    "questions": 0.02,
    "paragraphs": 0.08,
}
"""How often a distilled text comes from each source; sources at hand are scaled to sum to 1."""

TASKS = {"wikinews": 0.45, "paragraphs": 0.28, "headings": 0.14, "articles": 0.08, "faq": 0.05}
"""How often a contrast batch comes from each task."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to train."""

    minutes: float = 78.0  # of the run; pauses to save and to mine are counted in
    steps: float = float("inf")  # ends a run before its minutes
    learning_rate: float = 1.5e-4
    warm_up: float = 0.03  # of the time
    tokens: int = 3000  # of a distillation batch, about
    longest: int = 96  # tokens of a distilled sentence
    english: float = 0.4  # of the distilled texts
    strewn: float = 0.5  # of the English ones have other words of the teacher's in them
    joined: float = 0.2  # of the distilled texts are several sentences joined
    temperature: float = 0.05
    contrast_every: int = 4  # batches; 0 for never
    contrast_size: int = 20  # questions of a contrast batch
    remembered: int = 384  # passages of earlier contrast batches used as negatives
    remembered_texts: int = 2048  # teacher vectors of earlier distillation batches, likewise
    save_every: float = 10.0  # minutes
    mine_every: float = 30.0  # minutes; hard passages are found anew; 0 for never
    seed: int = 1
    compiled: bool = False  # a sixth faster, after a minute of compiling; needs a C++ compiler


REFINING = Schedule(
    minutes=11, learning_rate=8e-5, english=0.6, strewn=0.6, joined=0.3, contrast_every=8,
    mine_every=0, seed=7,
)  # fmt: skip
"""A second, gentler training, that regains English without losing French."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question, its passage, and passages (with their names) that are not the answer."""

    question: str
    passage: str
    name: str
    hard: tuple[tuple[str, str], ...] = ()


def strewn(text: str, words: Sequence[str], share: float, chance: random.Random) -> str:
    """Return the text with about `share` of its words replaced by random ones of `words`.

    Parallel text has few of the words that the teacher knows. Those of encyclopedias and fiction
    are met here, so that the student keeps what the teacher makes of them.
    """
    return " ".join(
        chance.choice(words) if chance.random() < share else word for word in text.split()
    )


def distillation_batches(
    sources: dict[str, list[Pair]],
    schedule: Schedule,
    chance: random.Random,
    words: Sequence[str],
) -> Iterator[list[tuple[str, str]]]:
    """Yield batches of (text for the student, English text for the teacher) of similar length.

    Each source is gone through in random order, again and again. `words` are those to strew in.
    """
    names = [name for name in SHARES if sources.get(name)]
    weights = [SHARES[name] for name in names]
    orders: dict[str, list[int]] = {name: [] for name in names}

    def item() -> tuple[str, str]:
        name = chance.choices(names, weights)[0]
        if name not in ("paragraphs", "questions") and chance.random() < schedule.joined:
            french, english = corpora.joined(sources[name], chance)
        else:
            if not orders[name]:
                orders[name] = chance.sample(range(len(sources[name])), len(sources[name]))
            french, english = sources[name][orders[name].pop()]
        given = english if chance.random() < schedule.english else french
        if given is english and words and chance.random() < schedule.strewn:
            given = english = strewn(english, words, chance.uniform(0.1, 0.5), chance)
        if chance.random() < 0.02:
            given = given.upper()
        return given, english

    while True:
        pool = sorted((item() for _ in range(4000)), key=lambda pair: len(pair[0]))
        batches: list[list[tuple[str, str]]] = [[]]
        for pair in pool:
            # about 4 characters a token; the batch is as wide as its longest text
            room = schedule.tokens * 4 // (min(len(pair[0]), 1000) + 8)
            if len(batches[-1]) >= min(max(room, 8), 256):
                batches.append([])
            batches[-1].append(pair)
        chance.shuffle(batches)
        yield from batches


def distillation_loss(
    student: Tensor, teacher: Tensor, earlier: Tensor, temperature: float
) -> Tensor:
    """Return the cosine distance to the teacher plus the contrast against other texts.

    `student` and `teacher` have shape (texts, width), `earlier` (any number, width): teacher
    vectors of texts seen before, which stay exact because the teacher does not change. All are
    unit vectors. Texts whose teacher vectors nearly agree are not held apart.
    """
    distance = 1 - (student * teacher).sum(dim=1).mean()
    shown = torch.cat([teacher, earlier])
    alike = teacher @ shown.T > 0.9
    alike.fill_diagonal_(False)
    scores = (student @ shown.T / temperature).masked_fill(alike, -1e4)
    return 4 * distance + functional.cross_entropy(scores, torch.arange(len(student)))


class Contrast:
    """Makes question-passage batches and remembers passages of the past as negatives."""

    def __init__(self, data: Path, schedule: Schedule, chance: random.Random) -> None:
        self.schedule = schedule
        self.chance = chance
        self.memory: dict[str, deque[tuple[str, Tensor]]] = {}
        questions = data / "questions"
        self.questions = [
            question
            for question in corpora.questions(questions / "wikinews-train.jsonl")
            if question.answer_start is not None
        ]
        texts = corpora.documents(data)
        # only articles that the training questions are about: those of the measured questions,
        # here and in the sets kept aside, stay unseen
        self.cuts = [
            cut
            for name in sorted({question.document for question in self.questions})
            for cut in corpora.cut(name, texts[name])
        ]
        self.texts = texts
        self.mined: dict[int, list[int]] = {}
        self.headings = corpora.read_records(data / "parallel" / "laws-headings.jsonl.xz")
        self.paragraphs = corpora.read_records(data / "corpora" / "europarl-paragraphs.jsonl.xz")
        self.faq = corpora.read_records(questions / "cnil-faq-fr.jsonl.xz")
        self.tasks: dict[str, Callable[[], Example | None]] = {
            "wikinews": self._wikinews,
            "paragraphs": self._paragraph,
            "headings": self._heading,
            "articles": self._article,
            "faq": self._faq,
        }

    def batch(self) -> tuple[str, list[Example]]:
        """Return a task's name and examples of that task alone, each with another passage."""
        task = self.chance.choices(list(TASKS), list(TASKS.values()))[0]
        examples: dict[str, Example] = {}
        for _ in range(4 * self.schedule.contrast_size):
            example = self.tasks[task]()
            if example is not None:
                examples.setdefault(example.name, example)
            if len(examples) == self.schedule.contrast_size:
                break
        return task, list(examples.values())

    def loss(self, encoder: Encoder, task: str, examples: Sequence[Example]) -> Tensor:
        """Return the cross-entropy of each question against all passages at hand."""
        hard = [(i, name, text) for i, e in enumerate(examples) for name, text in e.hard]
        names = [example.name for example in examples] + [name for _, name, _ in hard]
        asked = encoder([example.question for example in examples])
        passages = encoder([e.passage for e in examples] + [text for _, _, text in hard])
        memory = self.memory.setdefault(task, deque(maxlen=self.schedule.remembered))
        shown = torch.cat([passages, *(vector.unsqueeze(0) for _, vector in memory)])
        # passages of the question's own document may answer it too: only its own, and the one
        # known to be wrong, are scored
        owners = [*range(len(examples)), *(i for i, _, _ in hard), *(-1 for _ in memory)]
        shown_names = names + [name for name, _ in memory]
        doubtful = torch.tensor(
            [
                [
                    name == e.name and owner != i
                    for name, owner in zip(shown_names, owners, strict=True)
                ]
                for i, e in enumerate(examples)
            ]
        )
        scores = (asked @ shown.T / self.schedule.temperature).masked_fill(doubtful, -1e4)
        memory.extend(zip(names, passages.detach(), strict=True))
        correct = torch.arange(len(examples))
        own = asked @ passages[: len(examples)].T / self.schedule.temperature
        return functional.cross_entropy(scores, correct) + 0.3 * functional.cross_entropy(
            own.T, correct
        )

    def mine(self, encoder: Encoder, best: int = 12) -> None:
        """Find, for each training question, the wrong passages that the encoder ranks highest."""
        passages = encoder.vectors([cut.text for cut in self.cuts])
        for shift, attribute in ((0, "french"), (1, "english")):
            asked = encoder.vectors([getattr(question, attribute) for question in self.questions])
            for number, ranking in enumerate(
                np.argsort(-asked @ passages.T, axis=1)[:, : best + 3]
            ):
                question = self.questions[number]
                wrong = [int(i) for i in ranking if not self.cuts[i].holds(question)]
                self.mined[2 * number + shift] = wrong[:best]

    def _wikinews(self) -> Example | None:
        number = self.chance.randrange(len(self.questions))
        question = self.questions[number]
        shift = self.chance.randrange(2)
        passage = self._window(question)
        asked = (question.french, question.english)[shift]
        wrong = self.mined.get(2 * number + shift)
        hard: tuple[tuple[str, str], ...] = ()
        if wrong and self.chance.random() < 0.5:
            chosen = self.cuts[self.chance.choice(wrong)]
            hard = ((chosen.document, chosen.text),)
        return Example(asked, passage, question.document, hard)

    def _window(self, question: Question) -> str:
        """Return a passage with the answer, cut at another place each time or as in measuring."""
        text = self.texts[question.document]
        size = self.chance.choice((900, 900, 600, 450))
        cuts = corpora.cut(question.document, text, size)
        return next((cut.text for cut in cuts if cut.holds(question)), text[:900])

    def _paragraph(self) -> Example | None:
        row = self.chance.choice(self.paragraphs)
        asked, shown = self.chance.choice(
            (("en", "fr"), ("en", "fr"), ("fr", "en"), ("fr", "fr"), ("en", "en"))
        )
        parts = corpora.sentences(row[asked])
        if not 3 <= len(parts) <= 12:
            return None
        sentence = self.chance.choice(parts)
        if asked == shown:
            passage = corpora.without(row[shown], sentence)
        else:
            # leave out the sentence at about the same place: most often its translation
            others = corpora.sentences(row[shown])
            place = min(len(others) - 1, parts.index(sentence) * len(others) // len(parts))
            passage = " ".join(others[:place] + others[place + 1 :])
        if len(passage) < 100 or not 30 <= len(sentence) <= 300:
            return None
        return Example(sentence, passage[:1100], row["id"])

    def _heading(self) -> Example | None:
        row = self.chance.choice(self.headings)
        asked, shown = self.chance.choice(("fr", "en")), self.chance.choice(("fr", "en"))
        heading = row["heading_" + asked]
        if len(heading) < 12 or len(row["text_" + shown]) < 60:
            return None
        # headings such as "Definitions" mean nothing without their law
        return Example(
            f"{heading} - {row['law_' + asked][:120]}",
            row["text_" + shown][:900],
            row["text_en"][:80],
        )

    def _article(self) -> Example | None:
        """Make a pair of a title, or a sentence of a passage, and the passage without it."""
        cut = self.chance.choice(self.cuts)
        title, _, body = cut.text.partition("\n")
        if self.chance.random() < 0.5:
            return Example(title, body, cut.document) if len(body) > 200 else None
        sentence = self.chance.choice(corpora.sentences(body) or [""])
        rest = corpora.without(body, sentence)
        return (
            Example(sentence, rest, cut.document)
            if len(sentence) > 40 and len(rest) > 150
            else None
        )

    def _faq(self) -> Example | None:
        row = self.chance.choice(self.faq)
        return Example(row["question"], row["context"][:1100], row["context"][:80])


def distillation_sources(data: Path) -> dict[str, list[Pair]]:
    """Return all texts to distil: the parallel files, Europarl paragraphs, the questions' pairs."""
    sources = corpora.parallel_sources(data)
    rows = corpora.read_records(data / "corpora" / "europarl-paragraphs.jsonl.xz")
    sources["paragraphs"] = [(row["fr"], row["en"]) for row in rows]
    asked = corpora.questions(data / "questions" / "wikinews-train.jsonl")
    sources["questions"] = [(question.french, question.english) for question in asked]
    return sources


def train(
    student: Encoder,
    teacher: Encoder,
    sources: dict[str, list[Pair]],
    contrast: Contrast | None,
    schedule: Schedule,
    folder: Path,
    report: Callable[[str], None] = print,
) -> list[float]:
    """Train the student for the schedule's minutes; return the distillation losses.

    Every `save_every` minutes the student is written to `folder/model` and the state of the
    optimiser to `folder/state.pt`; where that file is found, the run goes on from it.
    """
    chance = random.Random(schedule.seed)
    torch.manual_seed(schedule.seed)
    optimiser = torch.optim.AdamW(
        student.parameters(), lr=schedule.learning_rate, weight_decay=0.01, fused=True
    )
    spent = step = pairs = 0.0
    state = folder / "state.pt"
    if state.exists():
        saved = torch.load(state)
        student.load_state_dict(saved["student"])
        optimiser.load_state_dict(saved["optimiser"])
        spent, step, pairs = saved["spent"], saved["step"], saved["pairs"]
        if contrast is not None:
            contrast.mined = saved.get("mined", {})
        chance.seed(schedule.seed + int(step))

    def keep() -> None:
        save(student, folder / "model")
        values: dict[str, object] = {
            "student": student.state_dict(),
            "optimiser": optimiser.state_dict(),
        }
        # written aside, then renamed: a run killed while saving keeps its last state
        if contrast is not None:
            values["mined"] = contrast.mined
        torch.save({**values, "spent": spent, "step": step, "pairs": pairs}, folder / "state.part")
        (folder / "state.part").replace(state)

    if contrast is not None and schedule.mine_every > 0 and not contrast.mined:
        contrast.mine(student)
    known = teacher.tokenizer.get_vocab()
    words = sorted(word for word in known if word.isascii() and word.isalpha() and len(word) > 2)
    batches = distillation_batches(sources, schedule, chance, words)
    earlier = torch.zeros(0, student.bert.config.hidden_size)
    losses: list[float] = []
    contrasts: list[float] = []
    last_save, last_mine, clock = spent, spent, time.monotonic()
    student.train()
    teacher.eval()
    if schedule.compiled:
        student.bert.compile(dynamic=True)
    while (done := max(spent / schedule.minutes, step / schedule.steps)) < 1:
        rate = schedule.learning_rate * min(done / schedule.warm_up + 0.05, 1.0) * (1 - done)
        for group in optimiser.param_groups:
            group["lr"] = rate
        turn = contrast is not None and schedule.contrast_every > 0 and done > schedule.warm_up
        with torch.autocast("cpu", torch.bfloat16):
            if contrast is not None and turn and step % schedule.contrast_every == 0:
                task, examples = contrast.batch()
                loss = contrast.loss(student, task, examples)
                if task == "wikinews":
                    contrasts.append(loss.item())
            else:
                batch = next(batches)
                longest = 256 if len(batch[-1][0]) > 500 else schedule.longest
                with torch.inference_mode():
                    wanted = teacher([english for _, english in batch], longest)
                given = student([text for text, _ in batch], longest)
                wanted = wanted.clone()  # a tensor of inference mode cannot take part in a loss
                loss = distillation_loss(given, wanted, earlier, schedule.temperature)
                earlier = torch.cat([wanted, earlier])[: schedule.remembered_texts]
                losses.append(loss.item())
                pairs += len(batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        step += 1
        now = time.monotonic()
        spent, clock = spent + (now - clock) / 60, now
        if step % 25 == 0:
            report(
                f"{spent:6.1f} min, step {step:.0f}, {pairs:.0f} pairs, loss"
                f" {np.mean(losses[-75:]):.3f}, wikinews {np.mean(contrasts[-20:] or [0]):.3f}"
            )
        if spent - last_save >= schedule.save_every:
            keep()
            mining = contrast is not None and schedule.mine_every > 0 and done < 0.8
            if contrast is not None and mining and spent - last_mine >= schedule.mine_every:
                contrast.mine(student)
                last_mine = spent
            now = time.monotonic()
            spent, clock = spent + (now - clock) / 60, now
            last_save = spent
    keep()
    return losses
