"""The report over campaigns: a page with everything, and a page of the documentation with its pictures."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from hermite_eq.errors import HypothesisError
from hermite_eq.models import PolynomialActivation
from verify.campaigns.table import CAMPAIGNS
from verify.claims import defects
from verify.claims.check import Check
from verify.claims.mixing import NO_GAIN
from verify.report import figures, page, phase, verdicts
from verify.report.sections import Section, overview, pictures, plain, prepared, reported, section
from verify.store.files import write_bytes, write_text
from verify.store.folders import siblings
from verify.store.store import Store

#: The phase diagram, and the campaign whose curves are points of it.
PHASE, PHASE_AFTER = "la-fig3", "la-fig2"
#: The papers, by the tags with which the names of their figures begin.
_PAPERS = {"[RT]": "arXiv 2509.15152", "[LA]": "arXiv 2405.11751", "[DM]": "arXiv 2510.25753"}
#: How a verdict is reached.
TEST = f"{verdicts.TEST} Errors which [DM] calls the same may differ by {NO_GAIN:.0%}, five standard errors included."
Groups = Sequence[Sequence[Section]]


def asked(shown: Groups) -> str:
    """What is asked, and of how much, in a sentence."""
    names = [group[0].campaign.figure for group in shown]
    papers = ", ".join(f"{tag} ({where})" for tag, where in _PAPERS.items() if any(tag in name for name in names))
    own = sum(not any(tag in name for tag in _PAPERS) for name in names)
    parts = [*([f"{len(names) - own} figures of {papers}"] if papers else []), *([f"{own} that no paper has"] if own else [])]
    runs = sum(shown_part.results.runs for group in shown for shown_part in group)
    sizes = sorted({shown_part.d for group in shown for shown_part in group})
    return (
        f"It is asked whether the theory at finite d predicts the errors of simulated Transformers, and whether what is said of each "
        f"figure holds: of {' and '.join(parts)}, in {runs} stored runs at d = {sizes[0]} to {sizes[-1]}."
    )


def summary(shown: Groups) -> list[str]:
    """What was asked, what agreed, and what did not, counted at the d that is shown first of each campaign."""
    checks = [(group[0].campaign.figure, check) for group in shown for check in group[0].checks]
    return verdicts.summary(asked(shown), checks, [item for group in shown for item in group[0].power])


def formulas(shown: Groups) -> dict[str, str]:
    """The equivalent models of the campaigns, in TeX by their names."""
    models = [model for group in shown for curve in group[0].results.curves.values() for model in curve.settings[0].models.values()]
    heads = (getattr(model, name, None) for model in models for name in ("head", "activation"))
    named = {head.name: head for head in heads if isinstance(head, PolynomialActivation)}
    return {name: head.latex() for name, head in named.items()}


def body(sentences: Sequence[str], drawn: Sequence[str], tables: Sequence[str], tex: Mapping[str, str]) -> str:
    """A report: the summary and the figures first, then tables and formulas."""
    formulas = "".join(
        f"<dt>{name}</dt><dd>{page.formula(source)}{page.folded('TeX', f'<code>{html.escape(source)}</code>')}</dd>"
        for name, source in tex.items()
    )
    parts = ["<h2>Summary</h2>", page.paragraphs([" ".join(sentences), TEST]), "<h2>Figures</h2>", *drawn, "<h2>Tables</h2>", *tables]
    return "\n".join([*parts, *(["<h2>Formulas</h2>", f"<dl>{formulas}</dl>"] if tex else [])])


def write_page(path: Path, title: str, shown: Groups, drawn: Mapping[str, Path]) -> None:
    """The self-contained HTML page."""
    images, tables = [], [overview(shown).html()]
    for group in shown:
        campaign = group[0].campaign
        for shown_part in group:
            if shown_part.name in drawn:
                picture = page.figure(drawn[shown_part.name], f"{shown_part.caption} {campaign.claim}")
                images.append(picture if shown_part is group[0] else page.folded(f"{campaign.figure}, {shown_part.title}", picture))
        if campaign.name == PHASE_AFTER and PHASE in drawn:
            images.append(page.figure(drawn[PHASE], phase.CAPTION))
        tables.append(f"<h3>{html.escape(campaign.figure)}</h3>{page.paragraphs([campaign.claim])}")
        for shown_part in group:
            inner = "\n".join(
                [
                    *(table.html() for table in shown_part.tables()),
                    page.paragraphs([*map(defects.sentence, shown_part.power), shown_part.origin]),
                    page.folded(f"All numbers, {shown_part.title}", shown_part.numbers().html()) if shown_part.results.runs > 1 else "",
                ]
            )
            tables.append(inner if shown_part is group[0] else page.folded(shown_part.title, inner))
    write_text(path, page.page(title, body(summary(shown), images, tables, formulas(shown))))


def write_document(folder: Path, shown: Groups, drawn: Mapping[str, Path]) -> None:
    """``campaigns.md`` and its pictures in ``campaigns/``, which holds nothing else: other pictures there are removed."""

    def image(name: str, text: str) -> list[str]:
        write_bytes(folder / "campaigns" / f"{name}.png", drawn[name].read_bytes())
        return [f"![{text}](campaigns/{name}.png)", "", f"*{text}*", ""]

    lines = [
        "# Figures of the papers, simulated",
        "",
        " ".join(summary(shown)),
        "",
        TEST,
        "",
        "This page is written by `python -m verify report --documents docs/figures` from the runs in `results/campaigns`, which "
        "`python -m verify run NAME --d D --runs R` computes, or extends.",
        "",
        *overview(shown).markdown(),
        "",
    ]
    for group in shown:
        first, campaign = group[0], group[0].campaign
        lines += [f"## {campaign.figure}", "", campaign.claim, "", *image(first.name, first.caption)]
        for table in first.tables():
            lines += [*table.markdown(), ""]
        lines += [*[line for item in first.power for line in (defects.sentence(item), "")], first.origin, ""]
        for other in group[1:]:
            # The papers' size, where there are few runs of it.
            if other.d > first.d and other.name in drawn:
                lines += [*image(other.name, other.caption), other.origin, ""]
        if campaign.name == PHASE_AFTER and PHASE in drawn:
            lines += ["## [LA] Fig. 3", "", *image(PHASE, phase.CAPTION)]
    text = "\n".join(lines).rstrip() + "\n"
    write_text(folder / "campaigns.md", text)
    for old in (folder / "campaigns").glob("*.png"):
        if f"](campaigns/{old.name})" not in text:
            old.unlink()


def write(root: Path, documents: Path | None, console: Console) -> Path:
    """The report over everything in ``root``, and, with a folder of documents, the page there.

    Raises
    ------
    HypothesisError
        If no campaign of the table has two runs in store.
    """
    shown: list[list[Section]] = []
    drawn: dict[str, Path] = {}
    for campaign in CAMPAIGNS.values():
        group = reported(root, campaign, console)
        if group:
            shown.append(group)
            drawn |= pictures(group, root / "pictures")
            console.print(f"{campaign.name}: {', '.join(shown_part.title for shown_part in group)}")
            if campaign.name == PHASE_AFTER:
                drawn[PHASE] = phase.figure(root / "pictures" / PHASE).with_suffix(".png")
    if not shown:
        raise HypothesisError("there are stored runs to report on", f"none in {root}", "python -m verify run rt-fig1a --d 20 --runs 4, say")
    path = root / "report.html"
    write_page(path, "hermite_eq: figures of the papers, simulated", shown, drawn)
    console.print(f"written: {path}")
    if documents is not None:
        write_document(documents, shown, drawn)
        console.print(f"written: {documents / 'campaigns.md'}")
    return path


def write_one(store: Store, console: Console) -> list[Check]:
    """Figure, verdict table, ``summary.json`` and ``report.html`` in the folder of a campaign."""
    campaign, setup = store.setup.campaign, store.setup
    others = [prepared(other, console) for other in siblings(store)]
    shown = section(store, prepared(store, console), others)
    drawn = {shown.name: figures.figure(campaign, shown.results, store.folder / "figure", others)}
    origins = store.origins()
    manifest: dict[str, Any] = {name: value for name, value in setup.identity().items() if name != "simulations"} | {
        "manifest": setup.hash,
        "runs": shown.results.runs,
        "seconds": round(sum(origin.seconds for origin in origins), 1),
        "fallbacks": shown.fallbacks,
    }
    for name in ("revision", "hermite_eq", "python", "numpy", "scipy"):
        manifest[name] = ", ".join(sorted({str(getattr(origin, name)) for origin in origins}))
    verdicts.write_json(store.folder / "summary.json", shown.checks, shown.power, plain(shown.results), manifest)
    write_page(store.folder / "report.html", f"{campaign.figure}, {shown.title}", [[shown]], drawn)
    if shown.checks:
        verdicts.print_table(shown.checks, console)
        for sentence in summary([[shown]]):
            console.print(sentence)
        for check in shown.statements:
            console.print(f"{check.subject}: {check.note}")
    console.print(f"{manifest['seconds']} s of computing; figure, summary.json and report.html in {store.folder}/")
    return shown.checks
