"""What the job derives from the committed documents and images: functions of the input alone."""

from pipelines.joins.chunks import Chunk, ChunkPlan, plan_chunks
from pipelines.joins.lookup import Found
from pipelines.joins.plans import seeds_of
from pipelines.joins.sources import Source, list_sources
from pipelines.runs.job import JobContext
from pipelines.score.vectors import VectorIndex


def scored_sources(context: JobContext) -> list[Source]:
    """Returns the parts whose places are scored."""
    return list_sources(context.folder, ("documents", "pairs"))


def num_sources(context: JobContext) -> int:
    """Returns the number of these parts."""
    return len(scored_sources(context))


def seeds(context: JobContext) -> list[tuple[int, Found]]:
    """Returns what reaches every part, so that one without images is worked on too."""
    return seeds_of(scored_sources(context))


def store_chunks(context: JobContext) -> ChunkPlan:
    """Returns how the image store is cut into work items."""
    parts = context.folder.committed("fetch").table("")
    paths = [context.folder.path(part.path) for part in parts]
    return plan_chunks(parts, paths, context.recipe.score.batch_size)


def embedded_chunks(context: JobContext) -> tuple[Chunk, ...]:
    """Returns the work items of the image store."""
    return store_chunks(context).chunks


def vector_index(context: JobContext) -> VectorIndex:
    """Returns where the vector of every image is written."""
    plan = store_chunks(context)
    count = len(plan.chunks)
    names = [f"part-images-{number:05d}-of-{count:05d}.tar" for number in range(count)]
    return VectorIndex(plan, [context.folder.path(context.job, "vectors", name) for name in names])
