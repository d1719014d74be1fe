package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.junit.jupiter.api.Test;

class LakeFileTest {
    /** Keeps only the bucket: what Flink's own serializer does is Flink's to test. */
    private static final SimpleVersionedSerializer<FileSinkCommittable> BUCKETS = new SimpleVersionedSerializer<>() {
        @Override
        public int getVersion() {
            return 3;
        }

        @Override
        public byte[] serialize(FileSinkCommittable committable) {
            return committable.getBucketId().getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public FileSinkCommittable deserialize(int version, byte[] bytes) {
            assertThat(version).isEqualTo(3);
            return new FileSinkCommittable(new String(bytes, StandardCharsets.UTF_8), new Path("/cleaned"));
        }
    };

    private final LakeFile.Serializer serializer = new LakeFile.Serializer(BUCKETS);
    private final LakeFile file =
            new LakeFile(new FileSinkCommittable("hour=03", new Path("/cleaned")), 17, 100, "t/0:0-1,".repeat(20_000));

    @Test
    void aFileOfVeryManyRunsGoesOverTheWireWhole() throws IOException {
        assertThat(serializer.deserialize(serializer.getVersion(), serializer.serialize(file)))
                .isEqualTo(file);
    }

    @Test
    void aVersionOfTheFutureIsRefused() {
        assertThatThrownBy(() -> serializer.deserialize(2, serializer.serialize(file)))
                .isInstanceOf(IOException.class)
                .hasMessage("LakeFile: found version 2, expected 1");
    }
}
