"""Documents that are made from the code: OpenAPI, licences."""
