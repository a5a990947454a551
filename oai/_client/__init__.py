"""The clients.

`base` is everything that sync and async share, `sync_client` and `async_client` what differs. `table_classes` gives
their classes the methods of a table, `undeclared` sends requests that no row declares, `default_transport` and
`http_client` choose a transport, `module_client` serves `oai.chat.completions.create`, and `azure` says where Azure
differs.

This room joins the rooms below. It parses no response and knows no helper.
"""
