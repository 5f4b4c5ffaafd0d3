"""All campaigns by their names."""

from __future__ import annotations

from verify.campaigns.campaign import by_name
from verify.campaigns.data_mixing import DATA_MIXING
from verify.campaigns.proportions import PROPORTIONS
from verify.campaigns.ridge_trained import RIDGE_TRAINED
from verify.campaigns.settings import SETTINGS, STRESS

CAMPAIGNS = by_name([*RIDGE_TRAINED, *DATA_MIXING, *SETTINGS, PROPORTIONS, STRESS])
