"""The report of a run as one HTML file that opens offline: no request, no server, hostile text as text."""

from __future__ import annotations

import collections
import html
import json
from dataclasses import dataclass
from typing import Any

from pipelines.report.alerts import alerts
from pipelines.report.columns import rows
from pipelines.report.documents import sample_documents
from pipelines.report.histograms import Histogram, run_histograms
from pipelines.report.plan import plain_settings
from pipelines.report.recipes import recipe_of_run, versions_of_run
from pipelines.report.side_by_side import compare_runs
from pipelines.report.statistics import broken_limits, run_statistics
from pipelines.report.what_if import sample_places
from pipelines.runs.folder import RunFolder
from schemas.recipe import JOB_NAMES

MAX_DOMAINS = 15
BAR_WIDTH, BAR_HEIGHT, GAP = 26, 120, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """What a report shows."""

    documents: int = 12
    """Kept documents, and as many that were left out."""

    places: int = 20_000
    """Sampled image places that the sliders work on."""

    pictures: bool = True
    """Thumbnails; off for data that may not be copied."""

    seed: int = 0

    compare: str | None = None
    """The folder of another run, to be shown beside this one."""


def render_report(run: str, settings: ReportSettings) -> str:
    """Returns the report of a run folder.

    Raises:
        SchemaError: It or the other run is no run folder, or its numbers do not add up.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    folder = RunFolder(run)
    recipe = recipe_of_run(run)
    statistics = run_statistics(run)
    comparison = None if settings.compare is None else compare_runs(settings.compare, run)
    summaries = {name: summary for name in JOB_NAMES if (summary := folder.summary(name)) is not None}
    environment = Environment(
        loader=PackageLoader("pipelines.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"number": number, "percent": percent}
    what_if = sample_places(folder, settings.places, settings.seed)
    return environment.get_template("report.html").render(
        run=run,
        comparison=comparison,
        alerts=alerts(statistics, recipe, broken_limits(recipe, summaries)),
        jobs=statistics["jobs"],
        shards=statistics["shards"],
        histograms=[(h, histogram_svg(h)) for h in run_histograms(folder, recipe)],
        documents=sample_documents(folder, settings.documents, settings.seed, pictures=settings.pictures),
        domains=_domains(folder),
        what_if=what_if,
        what_if_json=script_json(what_if.as_json(recipe)),
        settings=plain_settings(recipe),
        versions=versions_of_run(run),
    )


def script_json(content: Any) -> str:
    """Returns JSON that cannot end the script element that it stands in."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def number(value: float | None, *, signed: bool = False) -> str:
    """Returns a count as a table shows it, a dash where there is none."""
    return "–" if value is None else f"{value:{'+' if signed and value else ''},}"


def percent(share: float | None, *, signed: bool = False) -> str:
    """Returns a share in hundredths as a table shows it, a dash where there is none."""
    if share is None:
        return "–"
    hundredths = round(share * 100, 2) or 0.0  # No "-0.00".
    return f"{hundredths:{'+' if signed and hundredths else ''}.2f}"


def histogram_svg(histogram: Histogram) -> str:
    """Returns bars as SVG, with thresholds as lines and one sentence for those who do not see them."""
    count = len(histogram.counts)
    width, largest = count * (BAR_WIDTH + GAP), max(histogram.counts)
    bars = []
    for place, n in enumerate(histogram.counts):
        height = round(n / largest * BAR_HEIGHT, 1)
        title = html.escape(f"{histogram.label(place)}: {n:,}")
        bars.append(
            f'<rect x="{place * (BAR_WIDTH + GAP)}" y="{BAR_HEIGHT - height}" width="{BAR_WIDTH}" height="{height}">'
            f"<title>{title}</title></rect>"
        )
        if place % 2 == 0:
            x = place * (BAR_WIDTH + GAP)
            bars.append(f'<text x="{x}" y="{BAR_HEIGHT + 14}">{histogram.edges[place]:g}</text>')
    for name, value in histogram.thresholds:
        at = round(_position(histogram, value) * (BAR_WIDTH + GAP), 1)
        bars.append(
            f'<line x1="{at}" x2="{at}" y1="0" y2="{BAR_HEIGHT}"><title>{html.escape(name)} {value:g}</title></line>'
        )
    label = html.escape(_sentence(histogram))
    box = f"0 -4 {width} {BAR_HEIGHT + 22}"
    return f'<svg role="img" aria-label="{label}" viewBox="{box}">{"".join(bars)}</svg>'


def _position(histogram: Histogram, value: float) -> float:
    """Returns where a value stands among the bins, in bins."""
    edges = histogram.edges
    for place in range(len(edges) - 1):
        if value < edges[place + 1]:
            return place + max(0.0, (value - edges[place]) / (edges[place + 1] - edges[place]))
    return float(len(edges))


def _sentence(histogram: Histogram) -> str:
    largest = max(range(len(histogram.counts)), key=lambda place: histogram.counts[place])
    lines = ", ".join(f"{name} is {value:g}" for name, value in histogram.thresholds)
    text = (
        f"{histogram.name} of {histogram.total:,} {histogram.what}; most, {histogram.counts[largest]:,},"
        f" have {histogram.label(largest)}"
    )
    return f"{text}; {lines}" if lines else text


def _domains(folder: RunFolder) -> list[tuple[str, int]]:
    counts: collections.Counter[str] = collections.Counter()
    for row in rows(folder, "select", "interleaved", ["domain"]):
        counts[row["domain"] or "(none)"] += 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_DOMAINS]
