"""Documents that are made from the code.

openapi          the OpenAPI document of the function; openapi_event: the event in it
licences         docs/licences.md
"""
