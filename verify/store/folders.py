"""The folders of a campaign: one for each choice of parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hermite_eq.errors import HypothesisError
from verify.campaigns.campaign import Campaign
from verify.store.lines import ignored
from verify.store.store import MANIFEST, Setup, Store, read_manifest


def folder_of_campaigns(output: Path) -> Path:
    """The folder of all campaigns in the folder of results."""
    return output / "campaigns"


def manifests(root: Path, campaign: Campaign) -> list[dict[str, Any]]:
    """The manifests of all folders of a campaign, in the order of their hashes; other folders are ignored with a warning."""
    found = []
    for folder in sorted((root / campaign.name).glob("*/")):
        if not re.fullmatch("[0-9a-f]{12}", folder.name):
            ignored(folder, "its name is not that of a campaign's folder")
        elif not (folder / MANIFEST).exists():
            ignored(folder, f"it has no {MANIFEST}; the command that computed its runs writes it again, without --resume")
        else:
            found.append(read_manifest(folder))
    return found


def the_one(root: Path, campaign: Campaign, chosen: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the campaign's folder with the ``chosen`` parameters.

    Raises
    ------
    HypothesisError
        If there is none, or if there are several: times of files do not tell which is meant, as those of a clone are the clone's.
    """
    fitting = [manifest for manifest in manifests(root, campaign) if chosen.items() <= manifest["parameters"].items()]
    if not fitting:
        wanted = "".join(f" with {name} = {value}" for name, value in chosen.items())
        raise HypothesisError(
            f"there is a campaign to continue: {campaign.name}{wanted}", f"none in {root / campaign.name}", "start it without --resume"
        )
    if len(fitting) > 1:
        several = sorted(tuple(manifest["parameters"][name] for name in ("d", "seed", "memory")) for manifest in fitting)
        raise HypothesisError(
            f"one folder of {campaign.name} is to be continued",
            "; ".join(f"d = {d}, seed = {seed}, memory = {memory}" for d, seed, memory in several),
            f"pass --d {several[0][0]}, say (--seed or --memory where the d agree), or give all and leave out --resume",
        )
    return fitting[0]


def check_continues(root: Path, setup: Setup, manifest: dict[str, Any]) -> None:
    """Raise unless ``setup`` continues what ``manifest`` says was begun: the same parameters, models and simulation."""
    begun, wanted = manifest["parameters"], setup.identity()
    differing = [name for name in {**begun, **wanted} if begun.get(name) != wanted.get(name)]
    if differing:
        shown = ", ".join(_difference(name, begun.get(name), wanted.get(name)) for name in differing)
        raise HypothesisError(
            "a campaign goes on with the parameters and the simulation with which it was begun",
            f"{shown} in {root / setup.campaign.name / manifest['hash']}",
            "start it anew without --resume (it gets a folder of its own), or go back to those parameters or that release",
        )


def _difference(name: str, found: Any, wanted: Any) -> str:
    short = not isinstance(found, list | dict)
    return f"{name} {found} instead of {wanted}" if short else f"other {name}"


def stored(root: Path, campaign: Campaign) -> list[Store]:
    """The folders of a campaign as it is in the table now, with two runs at least."""
    found = []
    for manifest in manifests(root, campaign):
        parameters = manifest["parameters"]
        setup = Setup(campaign, parameters["d"], parameters["seed"], parameters["memory"])
        if parameters == setup.identity():
            store = Store(root, setup)
            if len(store.runs()) > 1:
                found.append(store)
    return found


def siblings(store: Store) -> list[Store]:
    """Folders of the same campaign, seed, budget and simulation at other d, with more than one run."""
    setup = store.setup
    return [other for other in stored(store.folder.parent.parent, setup.campaign)
            if other.setup.d != setup.d and (other.setup.seed, other.setup.memory) == (setup.seed, setup.memory)]
