"""The pipeline file: its model, parameters and mistakes, how it is read, what ships. No Kafka, no PyFlink."""
