package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.streaming.api.connector.sink2.CommittableMessageTypeInfo;
import org.junit.jupiter.api.Test;

class LakeSinkPlanningTest {
    @Test
    void aClientWithoutTheStoresFileSystemCanPlanAJob() {
        LakeSink sink = new LakeSink("s3://lake/output", "s3://lake/log", null, true, 1, null, null);
        assertThat(CommittableMessageTypeInfo.of(sink::getWriteResultSerializer).toString())
                .contains("LakeFile");
        assertThat(CommittableMessageTypeInfo.of(sink::getCommittableSerializer).toString())
                .contains("LazyCommittableSerializer");
        assertThatThrownBy(() -> sink.getCommittableSerializer().getVersion()) // there is none for S3 here
                .hasMessageContaining("committable serializer");
    }
}
