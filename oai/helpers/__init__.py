"""What people do with several calls, or with none: waiting, large files, structured outputs, streams put together.

Each function here becomes a method of the clients by a row of the table that says `helper = "module.function"`.
How one source serves both clients is said in `oai._steps`.
"""
