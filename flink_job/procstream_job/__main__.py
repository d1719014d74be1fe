"""`python -m procstream_job`; also the file that Flink's PythonDriver runs in an application cluster."""

from procstream_job.cli import main

main()
