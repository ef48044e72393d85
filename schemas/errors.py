"""The errors of records, files and settings that break their format."""


class SchemaError(ValueError):
    """A record or file does not have the format this build reads or writes."""


class InvalidSettingsError(ValueError):
    """Settings contradict themselves or have impossible values: one argument a mistake."""

    @property
    def messages(self) -> tuple[str, ...]:
        """The mistakes, each starting with the name of its field where it has one."""
        return tuple(str(message) for message in self.args)

    def __str__(self) -> str:
        return "; ".join(self.messages)
