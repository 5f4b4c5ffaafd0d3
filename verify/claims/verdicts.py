"""All rows of a campaign: what is said of it, then the theory beside every curve."""

from __future__ import annotations

from verify.campaigns.campaign import Campaign
from verify.claims.agreement import Ladder, theory_rows
from verify.claims.check import Check


def judge(campaign: Campaign, ladder: Ladder) -> list[Check]:
    """The rows of a campaign at the first d of the ladder; the other d are for rates."""
    said = [row for statement in campaign.claims for row in statement.rows(campaign.figure, ladder)]
    return [*said, *theory_rows(ladder).values()]
