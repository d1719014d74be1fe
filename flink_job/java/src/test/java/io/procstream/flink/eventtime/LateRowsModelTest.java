package io.procstream.flink.eventtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.event.WatermarkEvent;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.io.PushingAsyncDataInput.DataOutput;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.RecordAttributes;
import org.apache.flink.streaming.runtime.streamrecord.StreamElement;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.StatusWatermarkValve;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sources, operators and a window with channels between them that deliver at random speeds: whatever the order, the
 * window gets no row that is behind its watermark. Operators and valves are the real ones.
 */
class LateRowsModelTest {
    private static final int SOURCES = 3;
    private static final int STEPS = 2_000;
    private static final int RESTARTS = 4;

    /** Its time goes on while it is idle; the row that wakes it up is sent before it says that it is active. */
    private static final class Source {
        private long time;
        private long largest = Long.MIN_VALUE;
        private boolean idle;

        List<StreamElement> next(Random random) {
            time += random.nextInt(20);
            return switch (random.nextInt(8)) {
                case 0 -> largest == Long.MIN_VALUE ? List.of() : awake(new Watermark(largest - 10));
                case 1 -> asleep();
                default -> List.of(row(time - random.nextInt(60)));
            };
        }

        private StreamElement row(long millis) {
            largest = Math.max(largest, millis);
            return new StreamRecord<>(GenericRowData.of(millis, TimestampData.fromEpochMillis(millis)));
        }

        private List<StreamElement> awake(Watermark watermark) {
            List<StreamElement> elements = idle ? List.of(WatermarkStatus.ACTIVE, watermark) : List.of(watermark);
            idle = false;
            return elements;
        }

        private List<StreamElement> asleep() {
            List<StreamElement> elements = idle ? List.of() : List.of(WatermarkStatus.IDLE);
            idle = true;
            return elements;
        }
    }

    /** A subtask's input: channels, and the valve behind them. */
    private abstract static class Input implements DataOutput<RowData> {
        private final List<Queue<StreamElement>> channels = new ArrayList<>();
        private final StatusWatermarkValve valve;

        Input(int channels) {
            IntStream.range(0, channels).forEach(channel -> this.channels.add(new ArrayDeque<>()));
            valve = new StatusWatermarkValve(channels);
        }

        void send(int channel, StreamElement element) {
            channels.get(channel).add(element);
        }

        boolean receive(int channel) throws Exception {
            StreamElement element = channels.get(channel).poll();
            if (element == null) {
                return false;
            }
            if (element.isWatermark()) {
                valve.inputWatermark(element.asWatermark(), channel, this);
            } else if (element.isWatermarkStatus()) {
                valve.inputWatermarkStatus(element.asWatermarkStatus(), channel, this);
            } else {
                emitRecord(element.asRecord());
            }
            return true;
        }

        boolean receive() throws Exception {
            boolean received = false;
            for (int channel = 0; channel < channels.size(); channel++) {
                received |= receive(channel);
            }
            return received;
        }

        @Override
        public void emitWatermark(WatermarkEvent watermark) {}

        @Override
        public void emitLatencyMarker(LatencyMarker marker) {}

        @Override
        public void emitRecordAttributes(RecordAttributes attributes) {}
    }

    private static final class Window extends Input {
        private long watermark;
        private int rows;

        Window(int channels, long restored) {
            super(channels);
            watermark = restored;
        }

        @Override
        public void emitRecord(StreamRecord<RowData> row) {
            assertThat(row.getValue().getLong(0)).isGreaterThan(watermark);
            rows++;
        }

        @Override
        public void emitWatermark(Watermark mark) {
            watermark = Math.max(watermark, mark.getTimestamp());
        }

        @Override
        public void emitWatermarkStatus(WatermarkStatus status) {}
    }

    private static final class Subtask extends Input implements AutoCloseable {
        private final OneInputStreamOperatorTestHarness<Tuple2<Integer, RowData>, RowData> harness;
        private final int index;
        private final Window window;

        Subtask(int parallelism, int index, Window window, OperatorSubtaskState... restored) throws Exception {
            super(SOURCES);
            this.index = index;
            this.window = window;
            harness = LateRowsOperatorTest.harness(parallelism, index, restored);
        }

        private void forward() {
            while (!harness.getOutput().isEmpty()) {
                if (harness.getOutput().poll() instanceof StreamElement element) {
                    window.send(index, element);
                }
            }
        }

        @Override
        public void emitRecord(StreamRecord<RowData> row) throws Exception {
            harness.processElement(new StreamRecord<>(Tuple2.of(0, row.getValue())));
            forward();
        }

        @Override
        public void emitWatermark(Watermark watermark) throws Exception {
            harness.processWatermark(watermark);
            forward();
        }

        @Override
        public void emitWatermarkStatus(WatermarkStatus status) throws Exception {
            harness.processWatermarkStatus(status);
            forward();
        }

        @Override
        public void close() throws Exception {
            harness.close();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void noRowOnTimeIsBehindTheWatermarkOfTheWindow(long seed) throws Exception {
        Random random = new Random(seed);
        List<Source> sources =
                IntStream.range(0, SOURCES).mapToObj(i -> new Source()).toList();
        OperatorSubtaskState[] states = {};
        long watermark = Long.MIN_VALUE;
        for (int run = 0; run <= RESTARTS; run++) {
            int parallelism = 1 + random.nextInt(3);
            Window window = new Window(parallelism, watermark);
            List<Subtask> subtasks = new ArrayList<>();
            for (int index = 0; index < parallelism; index++) {
                subtasks.add(new Subtask(parallelism, index, window, states));
            }
            for (Source source : sources) {
                source.largest = Long.MIN_VALUE; // a source forgets its watermark
                source.idle = false;
            }
            for (int step = 0; step < STEPS; step++) {
                step(random, sources, subtasks, window);
            }
            while (subtasks.stream().anyMatch(LateRowsModelTest::received) || received(window)) {}
            states = new OperatorSubtaskState[parallelism];
            for (Subtask subtask : subtasks) {
                states[subtask.index] = subtask.harness.snapshot(run, run);
                subtask.close();
            }
            assertThat(window.rows).isGreaterThan(STEPS / 10);
            assertThat(window.watermark).isGreaterThan(watermark);
            watermark = window.watermark;
        }
    }

    private static void step(Random random, List<Source> sources, List<Subtask> subtasks, Window window)
            throws Exception {
        int from = random.nextInt(SOURCES);
        for (StreamElement element : sources.get(from).next(random)) {
            for (Subtask subtask : subtasks) {
                if (!element.isRecord() || subtask.index == from % subtasks.size()) {
                    subtask.send(from, element);
                }
            }
        }
        for (int i = 0; i < 4; i++) {
            subtasks.get(random.nextInt(subtasks.size())).receive(random.nextInt(SOURCES));
            window.receive(random.nextInt(subtasks.size()));
        }
    }

    private static boolean received(Input input) {
        try {
            return input.receive();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
