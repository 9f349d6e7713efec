"""A new mapping file from a few answers: `connector new`.

words          what of an event a field of the external system can get
answers        what an author is asked: address, credentials, requests, rate, errors, settings
questions      the questions on a terminal, and short forms of answers
answers_file   answers from a file
openapi        answers from an OpenAPI document; openapi_document, openapi_fields
yaml_text      values as YAML on one line
parts          the parts of a mapping file that answers decide
mapping_text   the mapping file; tests_text: the tests inside it
page_text      its page
proof          whether the files pass `connector check` and `connector test`
folder         the files, none of which is overwritten
"""
