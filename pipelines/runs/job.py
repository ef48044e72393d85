"""What a job is, and what its workers are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.runs.folder import RunFolder
from schemas.recipe import Recipe

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.pvalue import PCollection

    from schemas.summary import WorkReport


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """What every worker of a job knows. Pickled and sent: keep it small."""

    run: str
    """The run folder, absolute."""

    job: str
    recipe: Recipe
    fingerprint: str
    """Digest of all that the output depends on; ``""`` in a package, where upstream output is not there yet: workers
    then complete it from ``own`` and what ``needs`` has committed by the time they run."""

    own: str = ""
    """Digest of the code's version, the job's part of the recipe and its files from outside the run."""

    needs: tuple[str, ...] = ()
    code: str = ""
    """Digest of the launcher's code of the job, which the workers' must equal; ``""``: nobody looks."""

    lineage: str = ""
    """Digest of ``own`` of this job and of all jobs before it."""

    @property
    def folder(self) -> RunFolder:
        """Returns the run folder."""
        return RunFolder(self.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of the line: an entry of ``pipelines.jobs.JOBS``."""

    name: str
    unit: str
    """The unit whose numbers stand for the job: what goes in and what comes out of it."""

    needs: tuple[str, ...]
    """Jobs whose committed output it reads."""

    settings: Callable[[Recipe], Mapping[str, Any]]
    """The part of the recipe that its output depends on."""

    inputs: Callable[[Recipe], list[str]] = field(default=lambda recipe: [])
    """Files from outside the run folder that its output depends on."""

    libraries: Callable[[Recipe], tuple[str, ...]] = field(default=lambda recipe: ())
    """Modules, slow to import, that its workers need: forked workers share one import of them."""

    build: "Callable[[beam.Pipeline, JobContext], PCollection[WorkReport]]"
    """Wires the pipeline; the runner appends the commit."""
