"""The `procstream` command, and the embedded stack that it runs on one machine.

Rooms, each of which imports only those below it: `command`; `demo`; `status` and `sql`; `pipelines`; `stack`.
"""
