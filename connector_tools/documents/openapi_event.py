"""The schema of an event for the OpenAPI document.

A gateway may check requests with this schema, so it must accept every event that the function
accepts. The function accepts more than the plain types: numbers and times as text, `Y` for true, a
list of one policy for a policy, null or blank text in nearly every field (contract 2). So the
schema lists every type that is read, and describes texts in words where they are not obvious. And
a value of another type is accepted, too, as long as nobody reads the field (contract 6.1).
The function may refuse an event that the schema accepts; its 422 then explains the reason better
than a pattern could.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from connector.event import Envelope

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"
_NEEDED = {"Envelope": {"event_id", "data", "updated_at"}, "ESPFEvent": {"event_type"}}
_UNREADABLE = "Any other value: it makes the event invalid only if the field is read."
_FORMS = {
    "Envelope.event_id": "Unique in NSPS, the same on every retry; not blank.",
    "Envelope.created_at": "When NSPS got the event.",
    "Envelope.updated_at": "When NSPS last enriched it: the time of the state in `pb_data`.",
    "ESPFEvent.event_type": "For example `SIM/Updated`; compared without case.",
    "AccountInfo.bill_status": "`open`, `suspended`, `inactive` or `terminated`, in any case; also "
    "`active`, `closed` and PortaBilling's own `O`, `S`, `I`, `C`.",
    "AccountInfo.blocked": "Also `Y`, `N`, `true`, `false`, 1 and 0; null is unknown.",
    "AccountInfo.id": "The charging id, often `<MSISDN>@msisdn`.",
    "SimInfo.imsi": "6 to 15 digits.",
    "VDCounterInfo.remaining": "A number, also in text, or text such as `N/A`.",
}


class _AcceptedTypes(GenerateJsonSchema):
    """Lists all types that pydantic accepts for a field, not only the one that it makes of them."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """Also a number as text (contract 2.1), and blank text."""
        return {"type": ["integer", "string"], "description": "A number, also in text."}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """Also a number as text (contract 2.1), and blank text."""
        return {"type": ["number", "string"], "description": "A number, also in text."}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        """Also texts and numbers: see `_blocked` in connector/portabilling.py."""
        return {"type": ["boolean", "integer", "string"]}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """Without `format`, which means RFC 3339: the function accepts more than that."""
        return {"type": "string", "description": "ISO 8601; without an offset in UTC."}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Without the pattern: regular expression dialects disagree about white space."""
        found = super().str_schema(schema)
        found.pop("pattern", None)
        return found

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """A list of types where possible, not `anyOf`."""
        found = super().nullable_schema(schema)
        inner = found["anyOf"][0]
        if "type" not in inner:
            return found
        types = inner["type"] if isinstance(inner["type"], list) else [inner["type"]]
        return {**inner, "type": [*types, "null"]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without the default, which is null everywhere."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:
        """No title: it would repeat the field's name."""
        return False


def schemas() -> Json:
    """The schemas of the event's models by name, with the types that their validators accept."""
    schema = Envelope.model_json_schema(
        schema_generator=_AcceptedTypes, ref_template=f"{SCHEMAS}{{model}}"
    )
    models: Json = schema.pop("$defs")
    models["Envelope"] = schema
    fields = {name: model["properties"] for name, model in models.items()}
    fields["ESPFEvent"]["variables"]["type"] = ["object", "null"]
    fields["VDCounterInfo"]["remaining"] = {"type": ["number", "string", "null"]}
    policy = fields["PortaBillingData"]["access_policy_info"]
    policy["anyOf"] = [*policy["anyOf"], {"type": "array", "maxItems": 1, "items": dict(policy)}]
    del fields["AccountInfo"]["msisdn"]  # a computed field, not part of an event
    for name, told in _FORMS.items():
        model, _, field = name.partition(".")
        already = fields[model][field].get("description", "")
        fields[model][field]["description"] = f"{told} {already}".strip()
    for name, properties in fields.items():
        for field in properties.keys() - _NEEDED.get(name, set()):
            told = properties[field].pop("description", None)
            other = {"$ref": f"{SCHEMAS}Unreadable"}
            properties[field] = {"anyOf": [properties[field], other]}
            if told:
                properties[field]["description"] = told
    models["Unreadable"] = {"description": _UNREADABLE}
    # The guide's malformed event has neither (contract 3, case 6).
    schema["anyOf"] = [
        {"properties": {"data": {"required": ["variables"]}}},
        {"required": ["pb_data"], "properties": {"pb_data": {"not": {"type": "null"}}}},
    ]
    return dict(sorted(models.items()))
