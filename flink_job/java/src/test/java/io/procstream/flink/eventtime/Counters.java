package io.procstream.flink.eventtime;

import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/** All counters of the cluster, of all attempts of a job, and also after its end. */
public final class Counters implements MetricReporterFactory, MetricReporter {
    private static final Queue<Map.Entry<String, Counter>> ALL = new ConcurrentLinkedQueue<>();

    static void clear() {
        ALL.clear();
    }

    static long sum(String name) {
        return ALL.stream()
                .filter(entry -> entry.getKey().equals(name))
                .mapToLong(entry -> entry.getValue().getCount())
                .sum();
    }

    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        return new Counters();
    }

    @Override
    public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
        if (metric instanceof Counter counter) {
            ALL.add(Map.entry(name, counter));
        }
    }

    @Override
    public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {}

    @Override
    public void open(MetricConfig config) {}

    @Override
    public void close() {}
}
