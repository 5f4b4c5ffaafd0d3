"""assert_gaussian and assert_covariance: what must be green, what must be red, and what they say."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from hermite_eq import HypothesisError
from hermite_eq.testing import Deviation, UniversalityError, Verdict, assert_covariance, assert_gaussian
from hermite_eq.testing.statistics.null_laws import chi2_detects, kolmogorov_detects, kolmogorov_p_value, robust_detects

Array = NDArray[np.float64]

COV = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]])
ROOT = np.linalg.cholesky(COV)


@pytest.fixture
def rows() -> Array:
    return np.random.default_rng(1).standard_normal((4000, 3)) @ ROOT.T


def test_gaussian_rows_agree(rows: Array) -> None:
    check = assert_gaussian(rows, COV)
    assert check.verdict == Verdict.AGREES
    assert check.p_value is not None
    assert check.p_value > check.rate == 1e-6
    assert assert_covariance(rows, COV, excess_kurtosis=0).verdict == Verdict.AGREES
    assert assert_gaussian(rows + np.array([5, -1, 2]), COV, mean=[5, -1, 2]).verdict == Verdict.AGREES


def test_an_unknown_mean(rows: Array) -> None:
    # Half the rows: less is seen.
    assert assert_gaussian(rows + 7, COV, mean=None, resolution=0.4).verdict == Verdict.AGREES
    assert assert_covariance(rows + 7, COV, mean=None, excess_kurtosis=0, resolution=0.4).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_gaussian(rows + 7, COV)
    with pytest.raises(UniversalityError, match=r"The mean of .* standard deviations off"):
        assert_gaussian(rows + np.array([0, 0.15, 0]), COV)


RNG = np.random.default_rng(2)
WRONG = {
    "a variance 30 % too large": lambda x: x * [1, math.sqrt(1.3), 1],
    "a covariance dropped": lambda x: RNG.standard_normal(x.shape) * np.sqrt(np.diag(COV)),
    "a covariance of the wrong sign": lambda x: x * [1, -1, 1],
    "a mean 0.3 standard deviations off": lambda x: x + np.array([0, 0.3, 0]),
    "Student's t, 3 degrees of freedom": lambda x: (RNG.standard_t(3, size=x.shape) / math.sqrt(3)) @ ROOT.T,
    "a scale mixture": lambda x: x * np.sqrt(RNG.exponential(size=(len(x), 1))),
    "uniform": lambda x: (RNG.uniform(-math.sqrt(3), math.sqrt(3), size=x.shape)) @ ROOT.T,
    "swapped columns": lambda x: x[:, ::-1],
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_rows_are_red(rows: Array, what: Any) -> None:
    with pytest.raises(UniversalityError) as error:
        assert_gaussian(WRONG[what](rows), COV)
    assert error.value.check.verdict == Verdict.DIFFERENT
    p_value = error.value.check.p_value
    assert p_value is not None
    assert p_value <= 1e-6


@pytest.mark.parametrize("what", ["a variance 30 % too large", "a covariance dropped", "a covariance of the wrong sign", "swapped columns"])
def test_wrong_covariances_are_red(rows: Array, what: Any) -> None:
    with pytest.raises(UniversalityError):
        assert_covariance(WRONG[what](rows), COV, excess_kurtosis=0)


def test_the_covariance_does_not_ask_for_gaussian_rows() -> None:
    x = np.random.default_rng(3).laplace(scale=math.sqrt(0.5), size=(12_000, 2))
    assert assert_covariance(x, np.eye(2)).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_gaussian(x, np.eye(2))


def test_a_declared_deviation_is_allowed_and_no_more() -> None:
    # The scale mixture of Lemma 1: s² of mean 1 and variance δ.
    rng, delta = np.random.default_rng(4), 0.2
    s2 = rng.gamma(1 / delta, delta, size=(30_000, 1))
    x = np.sqrt(s2) * rng.standard_normal((30_000, 2))
    assert assert_gaussian(x, np.eye(2), deviation=Deviation(8, order=-1, d=40)).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_gaussian(x, np.eye(2))
    with pytest.raises(UniversalityError, match=r"within a deviation of 0\.2"):
        assert_gaussian(1.25 * x, np.eye(2), deviation=delta)


def test_the_message_reads_like_a_remark(rows: Array) -> None:
    with pytest.raises(UniversalityError) as error:
        assert_gaussian(rows * [1, math.sqrt(1.3), 1], COV)
    text = str(error.value)
    assert text.startswith(
        "assert_gaussian: the data contradict the claim that 4000 rows of 3 variables are Gaussian with the given covariance. "
        "The variance of"
    )
    assert "times what is claimed" in text
    assert "so large a deviation would appear with probability at most" in text
    assert text.endswith("With probability 99 % a variance 19 % too large in one of 9 directions would be seen.")


@pytest.mark.parametrize(("assertion", "rows"), [(assert_gaussian, 300), (assert_covariance, 3000)])
@pytest.mark.parametrize("mean", [0.0, None])
def test_too_few_rows_cannot_tell_and_the_number_said_would_do(assertion: Any, rows: Array, mean: Any) -> None:
    x = np.random.default_rng(5).standard_normal((rows, 1))
    with pytest.raises(HypothesisError, match=f"{rows} rows") as error:
        assertion(x, 1.0, mean=mean)
    assert error.value.repair.startswith("draw ")
    needed = int(error.value.repair.split()[1])
    assert assertion(np.random.default_rng(6).standard_normal((needed, 1)), 1.0, mean=mean).verdict == Verdict.AGREES
    assert "pass resolution=" in error.value.repair


@pytest.mark.parametrize(
    ("samples", "cov", "message"),
    [
        (
            np.array([[1.0, np.nan], [0.0, 1.0]]),
            np.eye(2),
            "samples are finite; found 1 entries NaN or infinite, the first in row 0, column 1. Repair: find where the features overflow, "
            "or draw in double precision",
        ),
        (
            np.ones((4, 2)),
            np.eye(3),
            "cov has shape (p, p) for samples of shape (n, p); found shapes (3, 3) and (4, 2). Repair: pass a matrix of shape (2, 2), or "
            "samples with one column for each variable",
        ),
        (
            np.zeros((2, 2, 2)),
            np.eye(2),
            "samples have shape (n, p), one row for each draw; found shape (2, 2, 2). Repair: pass one row for each draw",
        ),
        (
            np.arange(6.0).reshape(3, 2),
            np.ones((2, 2)),
            "cov is positive definite; found eigenvalues from 0 to 2. Repair: add a multiple of the identity, or drop a variable",
        ),
        (
            np.tile(np.arange(8.0), 2)[:, None],
            1.0,
            "the rows are independent draws; found 50 % of 16 rows repeated. Repair: draw every row afresh; do not reuse or resample rows",
        ),
        (
            np.arange(4.0),
            [[1.0, 0.5]],
            "cov has shape (p, p) for samples of shape (n, p); found shapes (1, 2) and (4, 1). Repair: pass a matrix of shape (1, 1), or "
            "samples with one column for each variable",
        ),
    ],
)
def test_errors(samples: Any, cov: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        assert_gaussian(samples, cov)
    assert re.sub("from -?2.22e-16", "from 0", str(error.value)) == message


def test_other_errors() -> None:
    with pytest.raises(HypothesisError, match="a mean is a number or a vector of length 1"):
        assert_gaussian(np.arange(5.0), 1.0, mean=[1, 2])
    with pytest.raises(HypothesisError, match="the excess kurtosis has a finite bound ≥ 0; found excess_kurtosis=inf"):
        assert_covariance(np.arange(5.0), 1.0, excess_kurtosis=math.inf)
    with pytest.raises(HypothesisError, match="there are samples to judge by; found 1 rows"):
        assert_gaussian([1.0], 1.0)
    with pytest.raises(HypothesisError, match=r"cov is symmetric; found \|A − Aᵀ\| up to 0.3"):
        assert_gaussian(np.arange(6.0).reshape(3, 2), [[1, 0.5], [0.2, 1]])


def test_heavy_tails_are_named_where_they_spoil_a_covariance() -> None:
    x = np.random.default_rng(0).standard_t(2.2, size=(4000, 1))
    with pytest.raises(UniversalityError, match="their excess kurtosis reaches"):
        assert_covariance(x, 1.0)


def test_powers_are_what_they_say() -> None:
    # At the boundary of what is seen, the probability to see it, from the exact laws: 99 % for χ², at least 99 % for the distance.
    n, rate = 1000, 1e-4
    ratio = 1 + chi2_detects(rate, n)
    low, high = scipy.stats.chi2.ppf([rate / 2, 1 - rate / 2], n) / ratio
    assert scipy.stats.chi2.sf(high, n) + scipy.stats.chi2.cdf(low, n) == pytest.approx(0.99, rel=1e-6)
    distance = kolmogorov_detects(rate, n)
    # F_n is at the distance of what is seen, less what the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart allows.
    # SciPy inverts Kolmogorov's law to a relative 1e-4.
    assert kolmogorov_p_value(distance - math.sqrt(math.log(200) / (2 * n)), n) == pytest.approx(rate, rel=1e-4)
    assert robust_detects(rate, 2.0, n) > chi2_detects(rate, n)
    assert robust_detects(rate, 2.0, 10) == math.inf
