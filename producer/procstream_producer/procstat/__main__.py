"""The sampling process, as `launch.start` starts it."""

import os

from procstream_common.cli import run

from procstream_producer.procstat.config import CONFIG_VARIABLE, SamplerConfig
from procstream_producer.procstat.process import sample

if __name__ == "__main__":
    config = SamplerConfig.loads(os.environ.pop(CONFIG_VARIABLE))
    run(lambda: sample(config))
