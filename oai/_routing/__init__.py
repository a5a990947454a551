"""Several servers for the requests of one client, among which `oai.transports.fallback` and `balancer` choose.

`target` turns a request into that for one server, `service` is the provider or the URL of that server, `failures`
decides which failures let another server try, and `health` which servers get requests at present.

This room does no I/O.
"""
