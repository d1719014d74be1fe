"""The /proc/stat sampler, the sample generators and the topic reader."""
