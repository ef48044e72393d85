"""Beam's log, without what a user can do nothing about."""

import logging

_NOISE = (
    # Every local worker says so; no job of ours registers objects.
    "No semi_persistent_directory found",
    # Told at every start of a job server, whatever its jar.
    "Discarding unparseable args",
)


class _NoiseFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(noise in message for noise in _NOISE)


def quiet_beam() -> None:
    """Lets only warnings of Beam through, and of those only the ones that mean something."""
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    for name in ("apache_beam.runners.portability.local_job_service", "apache_beam.options.pipeline_options"):
        logger = logging.getLogger(name)
        if not any(isinstance(known, _NoiseFilter) for known in logger.filters):
            logger.addFilter(_NoiseFilter())
