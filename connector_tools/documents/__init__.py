"""Documents that are made from the code.

openapi             the OpenAPI document of the function; openapi_event: the event in it
licences            docs/licences.md
reference           the pages in docs/reference: reference_keys, reference_event,
                    reference_language, reference_commands
pictures            the light and the dark form of each picture
assistant           llms.txt and llms-full.txt
site_pages          the navigation of the site, and what it needs beside the text of a page
site_links          whether every link and anchor of the site has a target
markdown            what the makers of pages share
"""
