"""The error of a record or file that breaks its format."""


class SchemaError(ValueError):
    """A record or file does not have the format this build reads or writes."""
