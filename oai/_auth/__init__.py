"""Workload identities: short-lived tokens for the API, in exchange for the platform's proof of identity.

`subject_tokens` fetches the proofs of Kubernetes, Azure and Google, `access_tokens` keeps the API's tokens and renews
them once for many callers, `exchange` is the request for them, `identities` the dialects of clients that use them.
`oai.auth` exports the public names.

This room knows transports and the flow, not the clients.
"""
