"""Services whose requests are signed in code: Amazon Bedrock and Google Vertex AI.

`bedrock` and `vertex` make the providers that `oai.providers` exports, `service` is what both share, `sigv4` signs with
botocore. Each is imported when a client uses it, and loads its vendor's library, an extra, when it signs.

This room knows dialects and requests. It sends nothing itself, and must not know the clients.
"""
