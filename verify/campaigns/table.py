"""All campaigns by their names."""

from __future__ import annotations

from verify.campaigns.data_mixing import DATA_MIXING
from verify.campaigns.ridge_trained import RIDGE_TRAINED
from verify.campaigns.settings import SETTINGS

_ALL = (*RIDGE_TRAINED, *DATA_MIXING, *SETTINGS)
CAMPAIGNS = {campaign.name: campaign for campaign in _ALL}
assert len(CAMPAIGNS) == len(_ALL), "two campaigns have one name"
