"""Where events come in, and what one process has open meanwhile.

http              NSPS's requests and those of our push subscription
pubsub            Pub/Sub messages: deliver, acknowledge, dead-letter
pubsub_message    the formats of a Pub/Sub message
oidc              checks that Google signed a push request for us
certificates      Google's certificates, with which oidc checks signatures
publisher         puts messages on Pub/Sub topics
worker            the pipeline and the clients of one process, from start to stop
server            every change to the interpreter, the framework and the web server
bad_request       uvicorn's answer to requests that it cannot parse, as JSON
"""
