"""The entries `tables` of a mapping file."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from connector.mapping.entry import Entry
from connector.mapping.expression import compile_value, expressions
from connector.mapping.tables import Table


class TableEntry(Entry):
    """A table: a value for each key, and what happens with a key that it does not have."""

    rows: dict[str, Any] = Field(description="Key and value; all are constants.", min_length=1)
    else_: Any = Field(None, alias="else", description="The value for any other key.")
    missing: str | None = Field(
        None, description="Any other key makes the event invalid, with this sentence."
    )

    @field_validator("rows", "else_", "missing")
    @classmethod
    def _is_constant(cls, value: Any) -> Any:
        if expressions(compile_value(value)):
            raise ValueError("must have constants only, no expressions")
        return value

    @model_validator(mode="after")
    def _says_what_happens(self) -> "TableEntry":
        said = self.model_fields_set & {"else_", "missing"}
        if len(said) != 1 or (self.missing is None and "missing" in said):
            raise ValueError(
                "needs either `else` (the value for any other key) or `missing` (the sentence with "
                "which any other key makes the event invalid)"
            )
        return self

    @property
    def table(self) -> Table:
        """The table as expressions read it."""
        return Table(self.rows, self.else_, self.missing)
