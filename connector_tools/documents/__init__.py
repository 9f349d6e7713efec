"""Documents made from the code: OpenAPI, licences."""
