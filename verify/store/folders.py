"""The setups of a campaign which are stored: one for each choice of parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hermite_eq.errors import HypothesisError
from verify.campaigns.campaign import Campaign
from verify.campaigns.table import AnyCampaign
from verify.campaigns.trained import TrainedCampaign
from verify.open_questions.runs import QuestionsSetup
from verify.store.lines import DIGITS, ignored, read_header
from verify.store.store import Setup, Store
from verify.store.trained import TrainedSetup


def folder_of_campaigns(output: Path) -> Path:
    """The folder of all campaigns in the folder of results."""
    return output / "campaigns"


def setup_with(campaign: AnyCampaign, d: int, seed: int, memory: int, device: str = "cpu") -> Setup:
    """A campaign with the parameters that are chosen for it."""
    if isinstance(campaign, Campaign):
        return Setup(campaign, d, seed, memory, device)
    if device != "cpu":
        raise HypothesisError(
            "the device is that of ridge-trained models",
            f"--device {device} for {campaign.name}",
            "leave it out: what trains by gradient descent chooses its own",
        )
    return TrainedSetup(campaign, d, seed, memory) if isinstance(campaign, TrainedCampaign) else QuestionsSetup(campaign, d, seed, memory)


def headers(root: Path, campaign: AnyCampaign) -> list[dict[str, Any]]:
    """The first lines of all setups of a campaign, in the order of their hashes; what is not theirs is ignored with a warning."""
    hashes, collected = set(), []
    for path in sorted((root / campaign.name).glob("[!.]*")):
        if re.fullmatch(rf"[0-9a-f]{{{DIGITS}}}(\.jsonl)?", path.name):
            hashes.add(path.name.removesuffix(".jsonl"))
        else:
            ignored(path, "its name is not that of a campaign's results")
    for name in sorted(hashes):
        header = read_header(root / campaign.name / name)
        if header is None:
            ignored(
                root / campaign.name / f"{name}.jsonl",
                "no first line says of what it is; the command that computed its runs writes it again, without --resume",
            )
        else:
            collected.append(header)
    return collected


def the_one(root: Path, campaign: AnyCampaign, chosen: dict[str, Any]) -> dict[str, Any]:
    """The first line of the one setup of a campaign with the ``chosen`` parameters.

    Of several, times of files do not tell which is meant, as those of a clone are the clone's.
    """
    fitting = [header for header in headers(root, campaign) if chosen.items() <= header["parameters"].items()]
    if not fitting:
        wanted = "".join(f" with {name} = {value}" for name, value in chosen.items())
        raise HypothesisError(
            f"there is a campaign to continue: {campaign.name}{wanted}", f"none in {root / campaign.name}", "start it without --resume"
        )
    if len(fitting) > 1:
        several = sorted(tuple(header["parameters"][name] for name in ("d", "seed", "memory")) for header in fitting)
        raise HypothesisError(
            f"one setup of {campaign.name} is to be continued",
            "; ".join(f"d = {d}, seed = {seed}, memory = {memory}" for d, seed, memory in several),
            f"pass --d {several[0][0]}, say (--seed or --memory where the d agree), or give all and leave out --resume",
        )
    return fitting[0]


def check_continues(root: Path, setup: Setup, header: dict[str, Any]) -> None:
    """Raise unless ``setup`` continues what a ``header`` says was begun: the same parameters, models and simulation."""
    begun, wanted = header["parameters"], setup.identity()
    differing = [name for name in {**begun, **wanted} if begun.get(name) != wanted.get(name)]
    if differing:
        shown = ", ".join(_difference(name, begun.get(name), wanted.get(name)) for name in differing)
        raise HypothesisError(
            "a campaign goes on with the parameters and the simulation with which it was begun",
            f"{shown} in {root / setup.campaign.name / header['hash']}.jsonl",
            "start it anew without --resume (it gets a file of its own), or go back to those parameters or that release",
        )


def _difference(name: str, stored: Any, wanted: Any) -> str:
    short = not isinstance(stored, list | dict)
    return f"{name} {stored} instead of {wanted}" if short else f"other {name}"


def stored(root: Path, campaign: AnyCampaign) -> list[Store]:
    """The setups of a campaign as it is in the table now, with two runs at least."""
    stores = []
    for header in headers(root, campaign):
        parameters = header["parameters"]
        setup = setup_with(campaign, parameters["d"], parameters["seed"], parameters["memory"])
        if parameters == setup.identity():
            store = Store(root, setup)
            if len(store.runs()) > 1:
                stores.append(store)
    return stores


def siblings(store: Store) -> list[Store]:
    """Setups of the same campaign, seed, budget and simulation at other d, with more than one run."""
    setup = store.setup
    return [
        other
        for other in stored(store.folder.parent.parent, setup.campaign)
        if other.setup.d != setup.d and (other.setup.seed, other.setup.memory) == (setup.seed, setup.memory)
    ]
