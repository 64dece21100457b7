"""The background work of referrals: prompt by facts, correct by sweeps."""

from referrals import settlement
from shop.kit import jobs


@jobs.job()
def settle(order_id: int) -> None:
    settlement.settle(order_id)


@jobs.every("settle", minutes=10)
@jobs.job()
def settle_outdated() -> None:
    """Find what no signal told: a receiver that failed, a worker that died."""
    settlement.settle_all(settlement.outdated())


@jobs.every("release-rewards", minutes=5)
@jobs.job()
def release_due_rewards() -> None:
    settlement.release_due()
