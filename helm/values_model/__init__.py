"""The values of the chart, described once: the schema, the reference and the comments come from here.

`python -m helm.values_model` writes `values.schema.json`, `docs/chart-values.md` and the comments of
`values.yaml`. With `--check` it writes nothing and fails when one of them, or a default in `values.yaml`,
differs from the model.
"""
