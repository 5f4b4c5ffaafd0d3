"""All campaigns by their names."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from verify.campaigns.campaign import Campaign
from verify.campaigns.data_mixing import DATA_MIXING
from verify.campaigns.ridge_trained import RIDGE_TRAINED
from verify.campaigns.settings import SETTINGS
from verify.campaigns.trained import TRAINED, TrainedCampaign
from verify.open_questions.experiments import QUESTIONS, OpenQuestions

_ALL = (*RIDGE_TRAINED, *DATA_MIXING, *SETTINGS)
#: Those whose models are trained by ridge regression.
CAMPAIGNS = {campaign.name: campaign for campaign in _ALL}
assert len(CAMPAIGNS) == len(_ALL), "two campaigns have one name"
AnyCampaign = Campaign | TrainedCampaign | OpenQuestions
#: With those in which more is trained by gradient descent.
EVERY: Mapping[str, AnyCampaign] = ChainMap[str, Any](CAMPAIGNS, TRAINED, {QUESTIONS.name: QUESTIONS})
