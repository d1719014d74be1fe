"""The `procstream` command, and the embedded stack that it runs on one machine.

Packages, each imports only those after it: `command`; `demo`; `status` and `sql`; `pipelines`; `stack`.
"""
