package io.procstream.flink.lake;

import java.io.IOException;
import java.util.function.Supplier;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * {@link org.apache.flink.connector.file.sink.FileSink}'s serializer, made when it is first used.
 *
 * <p>Making it opens the file system. A client asks for a sink's serializers while it plans a job,
 * only to print them, and need not reach the store, nor have the plugin for it.
 */
final class LazyCommittableSerializer implements SimpleVersionedSerializer<FileSinkCommittable> {
    private final Supplier<SimpleVersionedSerializer<FileSinkCommittable>> factory;
    private SimpleVersionedSerializer<FileSinkCommittable> serializer;

    LazyCommittableSerializer(Supplier<SimpleVersionedSerializer<FileSinkCommittable>> factory) {
        this.factory = factory;
    }

    private SimpleVersionedSerializer<FileSinkCommittable> serializer() {
        if (serializer == null) {
            serializer = factory.get();
        }
        return serializer;
    }

    @Override
    public int getVersion() {
        return serializer().getVersion();
    }

    @Override
    public byte[] serialize(FileSinkCommittable committable) throws IOException {
        return serializer().serialize(committable);
    }

    @Override
    public FileSinkCommittable deserialize(int version, byte[] serialized) throws IOException {
        return serializer().deserialize(version, serialized);
    }
}
