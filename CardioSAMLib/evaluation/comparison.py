"""Whether one way is better than another: paired and unpaired comparisons with effect sizes, and several at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.evaluation.bootstrap import bootstrap_interval
from CardioSAMLib.evaluation.pairs import Values, all_equal, complete_pairs, present

_NO_DIFFERENCE = "All differences are zero: p is 1 and the effect 0 by definition, not by a test."
_ONE_DIFFERENCE = "All differences are equal: there is no spread for a t test or for d_z."
_NO_SPREAD = "The values of both do not vary: there is no pooled SD for d_pooled."
_ONE_VALUE = "All values of both groups are equal: p is 1 and the effect 0 by definition, not by a test."


@dataclass(frozen=True)
class PairedComparison:
    """The same patients under a and b; differences are a minus b, in the unit of the values.

    n: complete pairs; dropped: pairs with a missing value. ci: 95 % BCa bootstrap interval of the mean difference over
    patients. t_p, wilcoxon_p: two-sided p of the paired t test and of Wilcoxon's signed-rank test (zero differences
    left out, as Wilcoxon 1945). rank_biserial: (sum of the ranks of the positive differences - that of the negative
    ones) / sum of all, from -1 to 1 (Kerby 2014), which is what Wilcoxon's test is about: it may point elsewhere than
    the mean. d_z: mean / SD of the differences, the default effect size (Lakens 2013). d_pooled: mean difference /
    sqrt((SD_a^2 + SD_b^2) / 2), comparable with unpaired studies (Cohen 1988). None where a value does not exist;
    `notes` says why.
    """

    n: int
    dropped: int
    mean_difference: float
    ci: tuple[float, float]
    t_p: float | None
    wilcoxon_p: float
    rank_biserial: float
    d_z: float | None
    d_pooled: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GroupComparison:
    """Different patients in a and b.

    n_a, n_b: values present; dropped: missing ones. u: Mann-Whitney U of a, how many pairs (one of a, one of b) a wins,
    ties counting half. p: two-sided. rank_biserial: 2 u / (n_a n_b) - 1 (Wendt 1972), from -1 (every b is larger) to 1.
    """

    n_a: int
    n_b: int
    dropped: int
    u: float
    p: float
    rank_biserial: float
    notes: tuple[str, ...]


def compare_paired(a: Values, b: Values, seed: int = 0) -> PairedComparison:
    """Paired comparison of one value per patient in each of a and b; the seed is the bootstrap's.

    Raises UnusableInput as `complete_pairs` does. No correction for several comparisons: see `holm`.
    """
    pairs = complete_pairs(a, b)
    differences = pairs.differences
    mean = float(np.mean(differences))
    pooled = math.sqrt(float(np.var(pairs.first, ddof=1) + np.var(pairs.second, ddof=1)) / 2.0)
    no_spread = all_equal(pairs.first) and all_equal(pairs.second)
    same = not differences.any()
    one_difference = all_equal(differences, scale=float(max(np.abs(pairs.first).max(), np.abs(pairs.second).max())))
    t_p, d_z = (1.0, 0.0) if same else (None, None) if one_difference else _t_test(differences)
    reasons = {
        _NO_DIFFERENCE: same,
        _ONE_DIFFERENCE: one_difference and not same,
        _NO_SPREAD: no_spread and not same,
    }
    return PairedComparison(
        n=len(differences),
        dropped=pairs.dropped,
        mean_difference=mean,
        ci=(mean, mean) if one_difference else bootstrap_interval(differences, np.mean, seed=seed),
        t_p=t_p,
        wilcoxon_p=1.0 if same else float(stats.wilcoxon(differences).pvalue),
        rank_biserial=_rank_biserial(differences),
        d_z=d_z,
        d_pooled=0.0 if same else None if no_spread else mean / pooled,
        notes=tuple(sentence for sentence, holds in reasons.items() if holds),
    )


def compare_groups(a: Values, b: Values) -> GroupComparison:
    """Mann-Whitney comparison of two groups of different patients.

    Raises UnusableInput if a group has no value, or a value is NaN or infinite.
    """
    first, second = present(a), present(b)
    if not len(first) or not len(second):
        raise UnusableInput(f"The groups have {len(first)} and {len(second)} values; each needs at least one.")
    one_value = all_equal(np.concatenate([first, second]))
    test = None if one_value else stats.mannwhitneyu(first, second, alternative="two-sided")
    wins = len(first) * len(second) / 2.0 if test is None else float(test.statistic)
    return GroupComparison(
        n_a=len(first),
        n_b=len(second),
        dropped=len(a) + len(b) - len(first) - len(second),
        u=wins,
        p=1.0 if test is None else float(test.pvalue),
        rank_biserial=2.0 * wins / (len(first) * len(second)) - 1.0,
        notes=(_ONE_VALUE,) if one_value else (),
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p of all comparisons of one table, adjusted so that their family-wise error holds, in the order given.

    Step-down: the i-th smallest of m (i from 0) becomes the largest of (m - j) p_j over j <= i, at most 1 (Holm S.
    Scand J Stat 1979;6:65-70). Raises UnusableInput if a p is not within 0 to 1.
    """
    p = np.asarray(p_values, dtype=float)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise UnusableInput("A p value lies outside 0 to 1 or is NaN; leave comparisons without a test out.")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return tuple(adjusted.tolist())


def _rank_biserial(differences: Array) -> float:
    apart = differences[differences != 0.0]
    ranks = stats.rankdata(np.abs(apart))
    return float((ranks * np.sign(apart)).sum() / ranks.sum()) if len(apart) else 0.0


def _t_test(differences: Array) -> tuple[float, float]:
    d_z = float(np.mean(differences) / np.std(differences, ddof=1))
    return float(stats.ttest_1samp(differences, 0.0).pvalue), d_z
