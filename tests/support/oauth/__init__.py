"""A real OAuth2 server on loopback, npm's oidc-provider, and a system that wants its tokens.

    install     puts the packages into a folder of the user's cache
    server      starts the server, and asks it what it has seen
    resource    a system that asks the server whether a token is good

A machine without npm skips the tests that need it.
"""

from tests.support.oauth.resource import Resource
from tests.support.oauth.server import OAuthServer, OAuthSettings, running

__all__ = ["OAuthServer", "OAuthSettings", "Resource", "running"]
