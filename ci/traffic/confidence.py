"""How likely something is, by what was seen so far, however often one looks.

A fixed test is right once, at a sample size that was chosen beforehand. A controller looks every minute and stops when
it sees something: so the interval here covers the true share at all times together with the promised chance. It is
Robbins' method of mixtures for a coin: a mixture likelihood ratio (the mSPRT) against each share is a martingale if the
share is the true one, and Ville's inequality bounds how likely it is to ever pass 1/alpha.

H. Robbins, Statistical Methods Related to the Law of the Iterated Logarithm, Ann. Math. Stat. 41 (1970).
S. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences,
Ann. Statist. 49 (2021). For canaries: M. Lindon, C. Sanden, V. Shirikian, Rapid Regression Detection in Software
Deployments through Sequential Testing, KDD 2022.
"""

from collections.abc import Callable
from math import lgamma, log

# Jeffreys' prior as the mixture: sharp where shares are near 0 or 1, as those of failures are.
PRIOR = 0.5
HALVINGS = 40


def interval(hits: float, trials: float, alpha: float) -> tuple[float, float]:
    """Return bounds of a share after `hits` of `trials`: with chance `alpha` the true one is ever outside of them."""
    if trials <= 0:
        return 0.0, 1.0
    misses = trials - hits
    mixed = _log_beta(PRIOR + hits, PRIOR + misses) - _log_beta(PRIOR, PRIOR)

    def is_refuted(share: float) -> bool:
        return mixed - hits * log(share) - misses * log(1 - share) >= -log(alpha)

    seen = hits / trials
    low = _edge(seen, 0.0, is_refuted) if hits > 0 else 0.0
    high = _edge(seen, 1.0, is_refuted) if misses > 0 else 1.0
    return low, high


def is_above(hits: float, trials: float, others: float, other_trials: float, *, by: float, alpha: float) -> bool:
    """Say whether the share of `hits` is proven to be above that of `others` by more than `by`."""
    # What was seen lies within both intervals: most looks end here.
    if not trials or not other_trials or hits / trials <= others / other_trials + by:
        return False
    return interval(hits, trials, alpha)[0] > interval(others, other_trials, alpha)[1] + by


def _edge(inside: float, outside: float, is_refuted: Callable[[float], bool]) -> float:
    """Return the last refuted share on the way from `outside`, which is refuted, to what was seen, which never is."""
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        if is_refuted(middle):
            outside = middle
        else:
            inside = middle
    return outside


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
