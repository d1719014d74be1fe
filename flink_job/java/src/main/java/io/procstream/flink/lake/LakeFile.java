package io.procstream.flink.lake;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.core.io.SimpleVersionedSerialization;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * A file the writer closed, and what the commit log says of it.
 *
 * @param committable what the committer needs to make the file visible
 * @param checkpointId the id in the file's rows
 * @param recordCount rows in the file
 * @param offsetRanges as {@link OffsetRuns#render()} writes them; empty if not known
 */
record LakeFile(FileSinkCommittable committable, long checkpointId, long recordCount, String offsetRanges) {

    /** Versioned as Flink asks, though a {@link LakeFile} never gets into state. */
    static final class Serializer implements SimpleVersionedSerializer<LakeFile> {
        private static final int VERSION = 1;

        private final SimpleVersionedSerializer<FileSinkCommittable> committables;

        Serializer(SimpleVersionedSerializer<FileSinkCommittable> committables) {
            this.committables = committables;
        }

        @Override
        public int getVersion() {
            return VERSION;
        }

        @Override
        public byte[] serialize(LakeFile file) throws IOException {
            DataOutputSerializer out = new DataOutputSerializer(512);
            SimpleVersionedSerialization.writeVersionAndSerialize(committables, file.committable, out);
            out.writeLong(file.checkpointId);
            out.writeLong(file.recordCount);
            byte[] ranges = file.offsetRanges.getBytes(StandardCharsets.UTF_8); // may pass writeUTF's 64 k
            out.writeInt(ranges.length);
            out.write(ranges);
            return out.getCopyOfBuffer();
        }

        @Override
        public LakeFile deserialize(int version, byte[] serialized) throws IOException {
            if (version != VERSION) {
                throw new IOException("LakeFile: found version " + version + ", expected " + VERSION);
            }
            DataInputDeserializer in = new DataInputDeserializer(serialized);
            FileSinkCommittable committable = SimpleVersionedSerialization.readVersionAndDeSerialize(committables, in);
            long checkpointId = in.readLong();
            long recordCount = in.readLong();
            byte[] ranges = new byte[in.readInt()];
            in.readFully(ranges);
            return new LakeFile(committable, checkpointId, recordCount, new String(ranges, StandardCharsets.UTF_8));
        }
    }
}
