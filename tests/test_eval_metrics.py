"""The measures against cases counted by hand, against ir-measures, and by brute force."""

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import metrics
from eval.metrics import Array


def one(*values: float) -> Array:
    """Weights of 1 for so many questions, or the given weights, as one round."""
    return np.array([values], dtype=float)


# --- an answer against the gold ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Le Cœur d'Élodie", "coeur elodie"),
        ("l’État", "etat"),
        ("« L'ŒUVRE »", "oeuvre"),
        ("des œufs, du lait, de la crème.", "oeufs lait creme"),
        ("The  United\tNations", "united nations"),
        ("an æsthetic", "aesthetic"),
        ("104 000 euros", "104 000 euros"),
        ("3,5 mètres", "3 5 metres"),
        ("Jean-Luc_Moudenc", "jean luc moudenc"),
        ("un", "un"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_normalising_keeps_the_words_that_count(text: str, words: str) -> None:
    assert metrics.normalise(text) == words


def test_exact_match_takes_any_gold() -> None:
    assert metrics.exact_match("l'Élysée", ["Matignon", "Élysée"]) == 1
    assert metrics.exact_match("le palais de l'Élysée", ["Élysée"]) == 0


def test_token_f1_by_hand() -> None:
    # 2 shared words of 3 given and 4 wanted: precision 2/3, recall 1/2.
    assert metrics.token_f1("rouge vert bleu", ["rouge vert noir blanc"]) == pytest.approx(4 / 7)
    assert metrics.token_f1("rouge", ["vert", "rouge noir"]) == pytest.approx(2 / 3)
    # A word counts as often as both sides have it.
    assert metrics.token_f1("oui oui", ["oui"]) == pytest.approx(2 / 3)
    assert metrics.token_f1("rouge", ["vert"]) == 0
    assert metrics.token_f1("", ["vert"]) == 0
    assert metrics.token_f1("vert", []) == 0


def test_overlap_counts_shared_characters() -> None:
    assert metrics.overlap((0, 5), (3, 9)) == 2
    assert metrics.overlap((3, 9), (0, 5)) == 2
    assert metrics.overlap((0, 3), (3, 5)) == 0
    assert metrics.overlap((0, 9), (4, 5)) == 1
    assert metrics.overlap((7, 9), (1, 2)) == 0


# --- a ranking --------------------------------------------------------------------------------


def test_ndcg_by_hand() -> None:
    assert metrics.ndcg([True, False], 1, 10) == 1
    assert metrics.ndcg([False, False, True], 1, 10) == pytest.approx(0.5)
    # Ranks 1 and 3 of two relevant: (1 + 1/2) / (1 + 1/log2 3).
    assert metrics.ndcg([True, False, True], 2, 10) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    assert metrics.ndcg([False, True], 1, 1) == 0
    assert metrics.ndcg([], 1, 10) == 0
    assert metrics.ndcg([], 0, 10) == 0


def test_recall_by_hand() -> None:
    assert metrics.recall([False, True, True], 4, 10) == 0.5
    assert metrics.recall([False, True, True], 2, 2) == 0.5
    assert metrics.recall([False], 1, 1) == 0
    assert metrics.recall([], 0, 1) == 0


@given(gains=st.lists(st.booleans(), min_size=1, max_size=15), missed=st.integers(0, 3))
def test_rankings_agree_with_ir_measures(gains: list[bool], missed: int) -> None:
    relevant = sum(gains) + missed
    if not relevant:
        return
    judged = [f"d{n}" for n, gain in enumerate(gains) if gain] + [f"m{n}" for n in range(missed)]
    qrels = [ir_measures.Qrel("q", document, 1) for document in judged]
    found = [ir_measures.ScoredDoc("q", f"d{n}", -float(n)) for n in range(len(gains))]
    theirs = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 10, ir_measures.R @ 1, ir_measures.R @ 10], qrels, found
    )
    assert metrics.ndcg(gains, relevant, 10) == pytest.approx(theirs[ir_measures.nDCG @ 10])
    assert metrics.recall(gains, relevant, 1) == pytest.approx(theirs[ir_measures.R @ 1])
    assert metrics.recall(gains, relevant, 10) == pytest.approx(theirs[ir_measures.R @ 10])


# --- statistics over questions ----------------------------------------------------------------


def test_mean_leaves_out_what_has_no_weight() -> None:
    values = np.array([1.0, 0.0, 5.0])
    assert metrics.mean(one(1, 1, 0), values)[0] == 0.5
    assert metrics.mean(one(3, 1, 0), values)[0] == 0.75
    assert math.isnan(metrics.mean(one(0, 0, 0), values)[0])


def test_quantiles_by_hand() -> None:
    times = np.array([40.0, 10, 30, 20])
    assert metrics.quantile(one(1, 1, 1, 1), times, 0.5)[0] == 20
    assert metrics.quantile(one(1, 1, 1, 1), times, 0.95)[0] == 40
    assert metrics.quantile(one(3, 1, 0, 0), times, 0.5)[0] == 40
    assert math.isnan(metrics.quantile(one(0, 0, 0, 0), times, 0.5)[0])


def test_auroc_by_hand() -> None:
    # Pairs (positive, negative): .9>.8, .9>.1, .5<.8, .5>.1 make 3 of 4.
    scores = np.array([0.9, 0.5, 0.8, 0.1])
    positive = np.array([1.0, 1, 0, 0])
    assert metrics.auroc(one(1, 1, 1, 1), scores, positive)[0] == 0.75
    # The second positive drawn twice: 2 + 2 of 6 pairs.
    assert metrics.auroc(one(1, 2, 1, 1), scores, positive)[0] == pytest.approx(4 / 6)
    assert metrics.auroc(one(1, 1), np.array([0.5, 0.5]), np.array([1.0, 0]))[0] == 0.5
    assert math.isnan(metrics.auroc(one(1, 1, 0, 0), scores, positive)[0])


_SCORED = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9]), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


@given(_SCORED)
def test_auroc_is_the_share_of_pairs_won(scored: list[tuple[float, bool, int]]) -> None:
    drawn = [(score, positive) for score, positive, times in scored for _ in range(times)]
    pairs = [(u > d) + (u == d) / 2 for u, up in drawn if up for d, down in drawn if not down]
    scores = np.array([score for score, _, _ in scored])
    positive = np.array([float(positive) for _, positive, _ in scored])
    found = metrics.auroc(one(*(times for *_, times in scored)), scores, positive)[0]
    if pairs:
        assert found == pytest.approx(sum(pairs) / len(pairs))
    else:
        assert math.isnan(found)


def test_risk_and_coverage_by_hand() -> None:
    # By falling confidence: right, wrong, then a right and a wrong with the same confidence.
    confidence = np.array([0.9, 0.7, 0.3, 0.3])
    right = np.array([1.0, 0, 1, 0])
    coverage, risk = metrics.risk_coverage(one(1, 1, 1, 1), confidence, right)
    assert coverage[0].tolist() == [0.25, 0.5, 1.0]
    assert risk[0].tolist() == [0.0, 0.5, 0.5]
    # A quarter of the questions at risk 0, a quarter at .5, a half at .5.
    assert metrics.area_under_risk(one(1, 1, 1, 1), confidence, right)[0] == 0.375
    # Without the best one, every threshold has a risk: 1 for a third, 2/3 for the rest.
    without = metrics.area_under_risk(one(0, 1, 1, 1), confidence, right)[0]
    assert without == pytest.approx(1 / 3 + 2 / 3 * 2 / 3)
    assert math.isnan(metrics.area_under_risk(one(0, 0, 0, 0), confidence, right)[0])


@given(_SCORED)
def test_area_under_risk_is_the_mean_risk_up_to_each_question(
    scored: list[tuple[float, bool, int]],
) -> None:
    drawn = [(score, right) for score, right, times in scored for _ in range(times)]
    risks = []
    for score, _ in drawn:
        before = [right for other, right in drawn if other >= score]
        risks.append(before.count(False) / len(before))
    confidence = np.array([score for score, _, _ in scored])
    right = np.array([float(right) for _, right, _ in scored])
    found = metrics.area_under_risk(one(*(times for *_, times in scored)), confidence, right)[0]
    if risks:
        assert found == pytest.approx(sum(risks) / len(risks))
    else:
        assert math.isnan(found)


def test_calibration_error_by_hand() -> None:
    # Bin [.8, .9): says .8, half right. Last bin: says 1.0, right. The rest has no questions.
    confidence = np.array([0.8, 0.8, 1.0, 0.1])
    right = np.array([1.0, 0, 1, 0])
    error = metrics.calibration_error(one(1, 1, 1, 0), confidence, right)[0]
    assert error == pytest.approx(2 / 3 * 0.3)
    size, stated, seen = metrics.calibration(one(1, 1, 1, 0), confidence, right)
    assert size[0].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 2, 1]
    assert (stated[0, 8], seen[0, 8]) == pytest.approx((0.8, 0.5))
    assert math.isnan(stated[0, 0])


# --- the bootstrap ----------------------------------------------------------------------------


def test_a_bootstrap_of_two_questions_by_hand() -> None:
    values = np.array([0.0, 1.0])
    estimate = metrics.bootstrap([lambda w: metrics.mean(w, values)], ["a", "b"])[0]
    # Both draws are the same question in half of the rounds, so the ends are 0 and 1.
    assert estimate == metrics.Estimate(0.5, 0.0, 1.0)


def test_a_bootstrap_interval_is_near_the_one_of_the_normal_distribution() -> None:
    values = np.random.default_rng(7).normal(size=400)
    estimate = metrics.bootstrap([lambda w: metrics.mean(w, values)], range(400))[0]
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - half, abs=half / 8)
    assert estimate.high == pytest.approx(values.mean() + half, abs=half / 8)


def test_questions_of_one_row_are_drawn_together() -> None:
    french, english = np.array([1.0, 0, 1, 0]), np.array([0.0, 1, 0, 1])

    def difference(weights: Array) -> Array:
        return metrics.mean(weights, french) - metrics.mean(weights, english)

    # Rows a and b hold one hit each way: whatever is drawn, the two languages have equal hits.
    paired = metrics.bootstrap([difference], ["a", "a", "b", "b"])[0]
    assert paired == metrics.Estimate(0.0, 0.0, 0.0)
    assert metrics.bootstrap([difference], ["a", "b", "c", "d"])[0].high > 0.5


def test_a_bootstrap_repeats_itself_and_does_not_depend_on_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.arange(30.0)
    statistics = [lambda w: metrics.mean(w, values), lambda w: metrics.quantile(w, values, 0.5)]
    first = metrics.bootstrap(statistics, range(30))
    assert metrics.bootstrap(statistics, range(30)) == first
    monkeypatch.setattr(metrics, "_BLOCK", 100)
    assert metrics.bootstrap(statistics, range(30)) == first


def test_a_figure_that_is_not_defined_has_no_interval() -> None:
    estimate = metrics.bootstrap([lambda w: metrics.mean(w * 0, np.ones(2))], ["a", "b"])[0]
    assert math.isnan(estimate.value)
    assert math.isnan(estimate.low)
