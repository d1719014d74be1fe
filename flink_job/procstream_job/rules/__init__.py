"""Python functions for pipelines: a module is named in a pipeline file as `module:name`."""
