"""Several conversations over one WebSocket of `client.responses.connect`, each in a lane of its own.

`limits` has the budgets and errors, `final_response` collects a response, `router` sorts events into lanes, and
`session` is what programs use, as `oai.lib.responses_websocket`. No tool is run, and nothing is sent twice.

Programs that show a response while it comes pass their events on to an `accumulator`, which keeps `items`, to which
`content` and `progress` add the events.
"""
