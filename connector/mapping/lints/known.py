"""The values that a mapping file alone decides: constants, and what reads defaults of settings.

`connector.mapping.lints.constants` computes them before any event comes.
"""

from collections.abc import Iterator
from typing import Any

from connector.mapping.entry import with_one_item
from connector.mapping.expression import (
    Constant,
    Each,
    EvaluationError,
    Expression,
    Scope,
    SourceText,
    Text,
    Value,
    expressions,
)
from connector.mapping.schema import MappingFile
from connector.mapping.setting import typed

STAND_IN = SourceText("0")
"""In place of what an event or a deployment decides; every place of a mapping file takes it."""

SAMPLES: dict[str, tuple[Any, ...]] = {
    "text": ("text", "10s", "http://system.test", "cn=text", "starttls"),
    "number": (10.0,),
    "url": ("http://system.test",),
    "email": ("name@example.com",),
    "pattern": (".*",),
    "pem": (),
    "json": (),
}
"""Values that a deployment could give to a setting without a default, by its type."""


class Known:
    """The known values of a mapping file.

    `unusable` says by the name of a setting what is wrong with its default.
    """

    def __init__(self, mapping: MappingFile) -> None:
        self.unusable: dict[str, str] = {}
        self._settings = mapping.settings
        self._defaults = self._typed_defaults()
        self._names: dict[str, Any] = {"settings": self._defaults, "tables": mapping.look_ups}
        for name, value in mapping.values.items():
            if self.decides(value):
                try:
                    self._names[name] = value.evaluate(self.scope)
                except EvaluationError:
                    continue  # the lint is at the expression that fails

    @property
    def scope(self) -> Scope:
        """A new scope with the known values and the defaults of settings."""
        return Scope(self._names)

    def _typed_defaults(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, setting in self._settings.items():
            if setting.default is None:
                continue
            try:
                found[name] = typed(setting, str(setting.default).strip())
            except ValueError as error:
                self.unusable[name] = str(error)
        return found

    def decides(self, value: Value) -> bool:
        """True if the file alone decides the value; a deployment that keeps the defaults counts."""
        return all(map(self._reads_known, expressions(value)))

    def _reads_known(self, expression: Expression) -> bool:
        if not expression.names <= self._names.keys():
            return False
        read = [path for path in expression.paths if path[0] == "settings"]
        return all(path[1:2] and path[1] in self._defaults for path in read)

    def sample(self, value: Value) -> Value:
        """The value with a stand-in for everything in it that the file alone does not decide."""
        if self.decides(value):
            return value
        if isinstance(value, Text) and len(value.parts) > 1:
            return value._replace(parts=tuple(map(self._part, value.parts)))
        if isinstance(value, Each):
            return with_one_item(value, self.sample)
        return Constant(STAND_IN)

    def _part(self, part: str | Expression) -> str | Expression:
        return part if isinstance(part, str) or self.decides(part) else STAND_IN

    def scopes(self, value: Value) -> Iterator[Scope]:
        """Yield the scopes with which the start could compute a value under `system`.

        A setting without a default has sample values of its type, but only if it is the whole
        value: nobody knows which settings make up a URL. Then nothing is yielded.
        """
        if self.decides(value):
            yield self.scope
        elif isinstance(value, Expression):
            yield from self._samples(value.source.removeprefix("=").strip())

    def _samples(self, source: str) -> Iterator[Scope]:
        name = source.removeprefix("settings.")
        setting = self._settings.get(name) if name != source else None
        if setting and setting.default is None and not setting.matches:
            for sample in SAMPLES[setting.type]:
                yield Scope(settings={name: sample})
