"""Beam's log, without what a user can do nothing about."""

import logging

from pipelines.runs.storage_errors import StorageError

_NOISE = (
    # Every local worker says so; no job of ours registers objects.
    "No semi_persistent_directory found",
    # Told at every start of a job server, whatever its jar.
    "Discarding unparseable args",
    # The job server starts, runs and ends: progress says so.
    "Really starting service at",
    "Really destroying service at",
    "Waiting for grpc channel to be ready",
    # A local worker has died: the program ends with what is known of that in one sentence.
    "Failed to read inputs in the data plane",
    # The traceback of a worker whose disk is full, or bucket closed: the program ends with the same in one sentence.
    f"{StorageError.__name__}: ",
)

_LOGGERS = (
    "apache_beam.runners.portability.local_job_service",
    "apache_beam.options.pipeline_options",
    "apache_beam.utils.subprocess_server",
    "apache_beam.runners.common",
    "apache_beam.runners.worker.sdk_worker",
    "apache_beam.runners.worker.data_plane",
)


class _NoiseFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        message = f"{record.getMessage()}\n{type(error).__name__}: {error}"
        return not any(noise in message for noise in _NOISE)


def quiet_beam() -> None:
    """Lets only warnings of Beam through, and of those only the ones that mean something."""
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _NoiseFilter) for known in logger.filters):
            logger.addFilter(_NoiseFilter())
