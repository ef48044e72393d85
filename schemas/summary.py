"""What a job did: parts written, counts that add up, and the summary that commits it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import SchemaError

SUMMARY_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRecord:
    """One file that a job wrote."""

    table: str
    """``""`` for the job's main table, else the folder's name, for example ``"rejected"``."""

    path: str
    """Relative to the run folder."""

    rows: int
    """Rows of a Parquet file; members of a tar."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCounts:
    """How many units of one kind went in, came out, and were rejected, by reason."""

    n_in: int = 0
    n_out: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)

    def check(self, job: str, unit: str) -> None:
        """Raises SchemaError unless in = out + sum of the reasons."""
        lost = self.n_in - self.n_out - sum(self.rejected.values())
        if lost:
            raise SchemaError(
                f"{job}: the numbers of {unit} do not add up: {self.n_in} in, {self.n_out} out,"
                f" {sum(self.rejected.values())} rejected, so {lost} are unaccounted for: a bug to report"
            )

    def __add__(self, other: "UnitCounts") -> "UnitCounts":
        reasons = sorted({*self.rejected, *other.rejected})
        return UnitCounts(
            n_in=self.n_in + other.n_in,
            n_out=self.n_out + other.n_out,
            rejected={r: self.rejected.get(r, 0) + other.rejected.get(r, 0) for r in reasons},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReport:
    """What one work item of a job did. Reports of a job add up to its summary, in any order."""

    parts: tuple[PartRecord, ...] = ()
    counts: Mapping[str, UnitCounts] = field(default_factory=dict)
    """By unit, for example ``{"record": ..., "image": ...}``."""

    totals: Mapping[str, int] = field(default_factory=dict)
    """Further sums that the job publishes, for example ``{"images": 12, "text_bytes": 3400}``."""

    def __add__(self, other: "WorkReport") -> "WorkReport":
        units = sorted({*self.counts, *other.counts})
        names = sorted({*self.totals, *other.totals})
        return WorkReport(
            parts=tuple(sorted((*self.parts, *other.parts), key=lambda part: part.path)),
            counts={u: self.counts.get(u, UnitCounts()) + other.counts.get(u, UnitCounts()) for u in units},
            totals={n: self.totals.get(n, 0) + other.totals.get(n, 0) for n in names},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """``RUN/<job>/summary.json``: written last, so its existence commits the job."""

    version: int = SUMMARY_VERSION
    job: str
    fingerprint: str
    """Digest of the code's version, the job's part of the recipe and its inputs."""

    lineage: str = ""
    """Digest of the code, settings and files of this job and of all before it, without what any of them wrote."""

    unit: str
    """The unit whose numbers stand for the job in ``mm1 stats``."""

    counts: Mapping[str, UnitCounts]
    totals: Mapping[str, int]
    parts: tuple[PartRecord, ...]

    def main(self) -> UnitCounts:
        """Returns the counts of the job's main unit."""
        return self.counts.get(self.unit, UnitCounts())

    def table(self, name: str) -> tuple[PartRecord, ...]:
        """Returns the parts of one table, by path."""
        return tuple(part for part in self.parts if part.table == name)
