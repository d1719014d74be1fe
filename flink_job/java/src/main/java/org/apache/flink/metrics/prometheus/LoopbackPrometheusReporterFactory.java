package org.apache.flink.metrics.prometheus;

import java.util.Properties;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/** Flink finds it by its entry in {@code META-INF/services}. Its option {@code port} is one port, by default 9249. */
public final class LoopbackPrometheusReporterFactory implements MetricReporterFactory {
    static final String PORT = "port";
    static final int DEFAULT_PORT = 9249;

    @Override
    public LoopbackPrometheusReporter createMetricReporter(Properties properties) {
        MetricConfig config = (MetricConfig) properties;
        return new LoopbackPrometheusReporter(config.getInteger(PORT, DEFAULT_PORT));
    }
}
