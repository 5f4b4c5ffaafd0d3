"""One report over all campaigns in store: a page with everything, and a page of the documentation with its pictures."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hermite_eq.errors import HypothesisError
from hermite_eq.simulate import MonteCarlo
from verify import report
from verify.campaigns import agreement, claims, curves, figures, mixing_agreement, mixing_claims, mixing_figure, mixing_report, phase
from verify.campaigns.campaign import Campaign, Error
from verify.campaigns.command import EVERY, stored
from verify.campaigns.curves import Results
from verify.campaigns.mixing import MixingCampaign
from verify.campaigns.mixing_curves import Curves as MixingCurves
from verify.campaigns.store import Store
from verify.check import LEVEL, Z_LIMIT, Check, Verdict

#: A campaign is shown at the largest d with this many runs (else at that with most), beside its other d.
ENOUGH = 10
#: The word for a statement of a paper, in place of that for a number.
_WORD = {Verdict.AGREES: "holds", Verdict.IN_THE_LIMIT: "holds in the limit", Verdict.DISAGREES: "does not hold",
         Verdict.DEGREE_TOO_HIGH: "r too high for this d", Verdict.UNDECIDED: "not decided"}
#: The phase diagram, and the campaign whose curves are points of it.
PHASE, PHASE_AFTER = "la-fig3", "la-fig2"
_ERRORS: dict[Error, str] = {"icl": "ICL", "idg": "IDG", "g_task": "g_task"}


@dataclass(frozen=True, eq=False)
class Section:
    """A campaign at one d.

    Attributes
    ----------
    store : Store
    runs : int
    results : Results or MixingCurves
        Its curves.
    checks : list of Check
        The statements about the figure, then theory beside simulation.
    power : list
        How many checks reject deliberately wrong theories.
    """

    store: Store
    runs: int
    results: Results | MixingCurves
    checks: list[Check]
    power: list[dict[str, object]]

    @property
    def campaign(self) -> Campaign:
        return self.store.setup.campaign

    @property
    def d(self) -> int:
        return self.store.setup.d

    @property
    def statements(self) -> list[Check]:
        return [check for check in self.checks if check.claim == self.campaign.figure]

    @property
    def comparisons(self) -> list[Check]:
        return [check for check in self.checks if check.claim != self.campaign.figure]

    @property
    def title(self) -> str:
        return f"d = {self.d}, {self.runs} runs"


def sections(root: Path, campaign: Campaign, console: Console | None = None) -> list[Section]:
    """A section for each d, the one to be shown first at the front; the console is told of theories that take a while."""
    stores = stored(root, campaign)
    made = []
    if isinstance(campaign, MixingCampaign):
        found = [(store.setup.d, mixing_report.load(store, store.runs(), console)) for store in stores]
        for store, (d, of) in zip(stores, found, strict=True):
            ladder = [(d, of), *(pair for pair in found if pair[0] != d)]
            rows = mixing_claims.judge(campaign, ladder)
            made.append(Section(store, len(store.runs()), of, rows, mixing_agreement.sabotaged(ladder)))
        return by_weight(made)
    loaded = [curves.load(store, store.runs()) for store in stores]
    for store, results in zip(stores, loaded, strict=True):
        others = [other for other in loaded if other.d != results.d]
        made.append(Section(store, results.runs, results, claims.judge(campaign, results, others), agreement.sabotaged(results, others)))
    return by_weight(made)


def by_weight(sections: Sequence[Section]) -> list[Section]:
    """Those with enough runs first, by d; then the others by their runs."""

    def weight(section: Section) -> tuple[bool, int, int]:
        return section.runs >= ENOUGH, 0 if section.runs >= ENOUGH else section.runs, section.d

    return sorted(sections, key=weight, reverse=True)


def pictures(shown: Iterable[Sequence[Section]], folder: Path) -> dict[str, Path]:
    """The figures of all sections, and the phase diagram, as PNG by their names; one of several d only once."""
    drawn = {}
    for group in shown:
        for i, section in enumerate(group):
            path = folder / _name(section)
            if isinstance(section.campaign, MixingCampaign):
                assert not isinstance(section.results, Results)
                mixing_figure.figure(section.campaign, section.results, section.d, path)
            elif not (_of_several(section) and i):
                assert isinstance(section.results, Results)
                others = [other.results for other in group if other is not section and isinstance(other.results, Results)]
                figures.figure(section.campaign, section.results, path, others)
            else:
                continue
            drawn[_name(section)] = path.with_suffix(".png")
        if group[0].campaign.name == PHASE_AFTER:
            drawn[PHASE] = phase.figure(folder / PHASE).with_suffix(".png")
    return drawn


def _of_several(section: Section) -> bool:
    """Whether the figure shows several d."""
    return bool(section.campaign.theory_at)


def caption(section: Section) -> str:
    lines = f" Lines: the theory at {'the d named' if _of_several(section) else f'd = {section.d}'}."
    return f"{section.campaign.figure}, {section.title}.{lines} Error bars: one standard error."


def statement_rows(section: Section) -> list[tuple[str, ...]]:
    """What is said of the figure: statement, answer, details, numbers."""
    rows: list[tuple[str, ...]] = []
    for check in section.statements:
        predicted, measured, statistic = report.cells(check)
        rows.append((check.subject, _WORD[check.verdict], check.note, predicted, measured, statistic))
    return rows


STATEMENT_HEADER = ("statement", "at this d", "details", "theory", "simulation", "z or slope")


def comparison_rows(section: Section) -> list[tuple[str, ...]]:
    """Theory beside simulation, the worst point of each curve."""
    return [(check.subject, *report.cells(check), str(check.verdict), check.note) for check in section.comparisons]


COMPARISON_HEADER = ("curve and point", "theory", "simulation", "z or slope", "verdict", "note")


def number_rows(results: Results | MixingCurves) -> list[tuple[str, ...]]:
    """Every simulated point with its standard error beside the theory."""
    rows: list[tuple[str, ...]] = []
    if not isinstance(results, Results):
        for mixed in results.values():
            for source in mixing_agreement.tested_on(mixed):
                found, theory = MonteCarlo.from_runs(mixed.runs(source)), mixed.predicted(source)
                error = "ICL" if source is None else f"on source {source}"
                for value, mean, stderr, expected in zip(mixed.values, found.mean, found.stderr, theory, strict=True):
                    rows.append((f"{mixed.name}, {mixing_agreement.where(mixed)}", error, f"{value:.4g}", f"{mean:.5g} ± {stderr:.2g}",
                                 "–" if expected != expected else f"{expected:.5g}"))
        return rows
    for (_, _, name), curve in results.curves.items():
        for error in curve.panel.errors:
            found, theory = curve.simulated(error), curve.theory(error)
            for value, mean, stderr, expected in zip(curve.values, found.mean, found.stderr, theory, strict=True):
                rows.append((f"{name}, {curve.panel.caption(curve.family)}, {curve.panel.task}", _ERRORS[error], f"{value:.4g}",
                             f"{mean:.5g} ± {stderr:.2g}", "–" if expected != expected else f"{expected:.5g}"))
    return rows


NUMBER_HEADER = ("model", "error", "at", "simulation ± standard error", "theory")


def overview_rows(shown: Iterable[Sequence[Section]]) -> list[tuple[str, ...]]:
    """A row for each campaign and d."""
    return [
        (section.campaign.figure, section.campaign.name, section.title, _counts(section.statements, _WORD),
         _counts(section.comparisons, {verdict: str(verdict).partition(" (")[0] for verdict in Verdict}))
        for group in shown for section in group
    ]


OVERVIEW_HEADER = ("figure", "command", "stored", "statements", "theory beside simulation")


def _counts(checks: Sequence[Check], words: dict[Verdict, str]) -> str:
    counted = {verdict: sum(check.verdict == verdict for check in checks) for verdict in Verdict}
    return ", ".join(f"{words[verdict]}: {number}" for verdict, number in counted.items() if number) or "–"


def origin(section: Section) -> str:
    """What computed the runs, in a sentence."""
    origins = section.store.origins()
    versions = sorted({f"hermite_eq {one.hermite_eq}" + (f" (revision {one.revision})" if one.revision else "")
                       + f", Python {one.python}, NumPy {one.numpy}, SciPy {one.scipy}" for one in origins})
    seconds = sum(one.seconds for one in origins) / len(origins)
    records = [section.store.read(run) for run in section.store.runs()]
    fallbacks = sum(sum(column["fallback"]) for record in records for sweep in record for column in sweep.values())
    return (f"Seed {section.store.setup.seed}, parameters {section.store.setup.hash}; a run took {seconds:.3g} s by the clock; the slower "
            f"solver in {fallbacks} fits. Computed by {'; '.join(versions)}.")


def power_sentences(section: Section) -> list[str]:
    return [agreement.power_sentence(item) for item in section.power]


#: The papers, by the tags with which the names of their figures begin.
_PAPERS = {"[RT]": "arXiv 2509.15152", "[LA]": "arXiv 2405.11751", "[DM]": "arXiv 2510.25753"}
_TEST = (
    f"A statement holds, or does not, beyond |z| = {Z_LIMIT:.2f} (a false-alarm rate of {LEVEL:g} each; z is the normal score of Student's "
    "t); else it is not decided. Few runs decide little: Student's t has heavy tails. Errors which [DM] calls the same may differ by "
    f"{mixing_claims.NO_GAIN:.0%}, five standard errors included."
)


def preface(shown: Iterable[Sequence[Section]]) -> tuple[str, str]:
    """What is shown, of which papers, and by what it is judged."""
    figures = [group[0].campaign.figure for group in shown]
    papers = ", ".join(f"{tag} {where}" for tag, where in _PAPERS.items() if any(tag in figure for figure in figures))
    own = sum(not any(tag in figure for tag in _PAPERS) for figure in figures)
    origins = [*([f"figures of {papers}"] if papers else []), *([f"figures that no paper has ({own})"] if own else [])]
    return f"Simulated Transformers, for {' and '.join(origins)}. Every number is computed from the stored runs.", _TEST


def write_page(path: Path, shown: Sequence[Sequence[Section]], drawn: Mapping[str, Path]) -> None:
    """The self-contained HTML page."""
    body = [*(f"<p>{html.escape(text)}</p>" for text in preface(shown)), report.html_table(OVERVIEW_HEADER, overview_rows(shown))]
    for group in shown:
        campaign = group[0].campaign
        body.append(f"<h2>{html.escape(campaign.figure)}</h2><p>{html.escape(campaign.claim)}</p>")
        for i, section in enumerate(group):
            inner = []
            if _name(section) in drawn:
                inner.append(report.html_figure(drawn[_name(section)], caption(section)))
            inner += [
                report.html_table(STATEMENT_HEADER, statement_rows(section), numeric=(3, 4, 5)),
                report.html_table(COMPARISON_HEADER, comparison_rows(section), numeric=(1, 2, 3)) if section.comparisons else "",
                *(f"<p>{html.escape(text)}</p>" for text in (*power_sentences(section), origin(section))),
                f"<details><summary>All numbers, {section.title}</summary>"
                + report.html_table(NUMBER_HEADER, number_rows(section.results), numeric=(2, 3, 4)) + "</details>",
            ]
            text = "\n".join(inner)
            body.append(text if i == 0 else f"<details><summary>{section.title}</summary>{text}</details>")
        if campaign.name == PHASE_AFTER:
            body.append(report.html_figure(drawn[PHASE], phase.CAPTION))
    report.write_text(path, report.page("hermite_eq: figures of the papers, simulated", "\n".join(body)))


def write_document(folder: Path, shown: Sequence[Sequence[Section]], drawn: Mapping[str, Path]) -> None:
    """``campaigns.md`` and its pictures in ``campaigns/``, which holds nothing else: other pictures there are removed."""

    def image(name: str, text: str) -> list[str]:
        report.write_bytes(folder / "campaigns" / f"{name}.png", drawn[name].read_bytes())
        return [f"![{text}](campaigns/{name}.png)", "", f"*{text}*", ""]

    lines = ["# Figures of the papers, simulated", "", *(line for text in preface(shown) for line in (text, "")),
             "This page is written by `python -m verify --report --documents docs` from the runs in `results/campaigns`, which "
             "`python -m verify NAME --d D --runs R` computes, or extends.", "", *markdown_table(OVERVIEW_HEADER, overview_rows(shown)), ""]
    for group in shown:
        section, campaign = group[0], group[0].campaign
        lines += [f"## {campaign.figure}", "", campaign.claim, "", *image(_name(section), caption(section)),
                  *markdown_table(STATEMENT_HEADER, statement_rows(section)), ""]
        if section.comparisons:
            lines += [*markdown_table(COMPARISON_HEADER, comparison_rows(section)), "", *power_sentences(section), ""]
        lines += [origin(section), ""]
        for other in group[1:]:
            # The papers' size, where there are few runs of it.
            if other.d > section.d and _name(other) in drawn:
                lines += [*image(_name(other), caption(other)), origin(other), ""]
        if campaign.name == PHASE_AFTER:
            lines += ["## [LA] Fig. 3", "", *image(PHASE, phase.CAPTION)]
    text = "\n".join(lines).rstrip() + "\n"
    report.write_text(folder / "campaigns.md", text)
    for old in (folder / "campaigns").glob("*.png"):
        if f"](campaigns/{old.name})" not in text:
            old.unlink()


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in GitHub's Markdown.

    >>> markdown_table(("a", "b"), [("|x|", "1")])
    ['| a | b |', '|---|---|', '| \\\\|x\\\\| | 1 |']
    """
    lines = (" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows)
    return [f"| {' | '.join(header)} |", "|" + "---|" * len(header), *(f"| {line} |" for line in lines)]


def _name(section: Section) -> str:
    return f"{section.campaign.name}-d{section.d}"


def write(root: Path, documents: Path | None, console: Console) -> Path:
    """The report over everything in ``root``, and, with a folder of documents, the page there.

    Raises
    ------
    HypothesisError
        If no campaign of the table has two runs in store.
    """
    shown = []
    for campaign in EVERY.values():
        group = sections(root, campaign, console)
        if group:
            shown.append(group)
            console.print(f"{campaign.name}: {', '.join(section.title for section in group)}")
    if not shown:
        raise HypothesisError("there are stored runs to report on", f"none in {root}", "python -m verify rt-fig1a --d 20 --runs 4, say")
    path = root / "report.html"
    drawn = pictures(shown, root / "pictures")
    write_page(path, shown, drawn)
    console.print(f"written: {path}")
    if documents is not None:
        write_document(documents, shown, drawn)
        console.print(f"written: {documents / 'campaigns.md'}")
    return path


