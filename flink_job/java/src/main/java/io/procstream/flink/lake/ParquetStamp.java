package io.procstream.flink.lake;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.parquet.format.BoundaryOrder;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnIndex;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.ColumnOrder;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DictionaryPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.OffsetIndex;
import org.apache.parquet.format.PageEncodingStats;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageLocation;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Statistics;
import org.apache.parquet.format.TimestampType;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.TypeDefinedOrder;
import org.apache.parquet.format.Util;

/**
 * Adds the required INT64 column {@code checkpoint_id}, the same value in every row, to a Parquet
 * file that is complete but for its footer.
 *
 * <p>The id of a file's checkpoint is known only when the file is closed. Nothing already written
 * need change for it: a Parquet file is column chunks and then a footer that says where they are,
 * so another chunk can follow the others and the footer be written again. Structures and encodings
 * are those of {@code parquet.thrift} and {@code Encodings.md} in apache/parquet-format, here by
 * parquet-mr's own generated classes.
 *
 * <p>A chunk is 44 bytes or so: a dictionary page of one value, and a data page that says "rows
 * times entry 0" in a single run.
 *
 * <p>Also marks timestamps as UTC if asked to: Flink's writer puts {@code isAdjustedToUTC=false} on
 * every INT64 timestamp, TIMESTAMP_LTZ included, with no option to change it.
 */
final class ParquetStamp {
    static final String COLUMN = "checkpoint_id";

    private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
    private static final int FOOTER_LENGTH_SIZE = Integer.BYTES;

    private final byte[] value;
    private final boolean markTimestampsUtc;

    ParquetStamp(long checkpointId, boolean markTimestampsUtc) {
        this.value = littleEndian(Long.BYTES).putLong(checkpointId).array();
        this.markTimestampsUtc = markTimestampsUtc;
    }

    /**
     * Writes the rest of a file.
     *
     * @param tail the file's last bytes, whole footer included, that are not in {@code out} yet
     * @throws IOException if there is no plain footer in {@code tail} (encrypted files have none)
     */
    void append(byte[] tail, FSDataOutputStream out) throws IOException {
        int footerStart = footerStart(tail);
        FileMetaData footer =
                Util.readFileMetaData(new ByteArrayInputStream(tail, footerStart, tail.length - footerStart));
        out.write(tail, 0, footerStart);

        Appendix appendix = new Appendix(out.getPos());
        addToSchema(footer);
        for (RowGroup group : footer.getRow_groups()) {
            addChunk(group, appendix);
        }
        if (markTimestampsUtc) {
            footer.getSchema().forEach(ParquetStamp::markUtc);
        }
        appendix.write(footer);
        out.write(appendix.bytes.toByteArray());
    }

    /** A file ends with: footer, its length in four bytes, magic number. */
    private static int footerStart(byte[] tail) throws IOException {
        int lengthAt = tail.length - MAGIC.length - FOOTER_LENGTH_SIZE;
        ByteBuffer end = ByteBuffer.wrap(tail).order(ByteOrder.LITTLE_ENDIAN);
        if (lengthAt < 0 || !end.slice(tail.length - MAGIC.length, MAGIC.length).equals(magic())) {
            throw new IOException("The file does not end with a plain Parquet footer.");
        }
        int start = lengthAt - end.getInt(lengthAt);
        if (start < 0 || start > lengthAt) {
            throw new IOException("The Parquet footer is longer than the " + tail.length + " bytes held back.");
        }
        return start;
    }

    private static void addToSchema(FileMetaData footer) {
        SchemaElement root = footer.getSchema().get(0);
        root.setNum_children(root.getNum_children() + 1);
        footer.addToSchema(
                new SchemaElement(COLUMN).setType(Type.INT64).setRepetition_type(FieldRepetitionType.REQUIRED));
        if (footer.isSetColumn_orders()) {
            footer.addToColumn_orders(ColumnOrder.TYPE_ORDER(new TypeDefinedOrder()));
        }
    }

    private void addChunk(RowGroup group, Appendix appendix) throws IOException {
        int rows = Math.toIntExact(group.getNum_rows());
        long dictionaryAt = appendix.position();
        appendix.write(
                new PageHeader(PageType.DICTIONARY_PAGE, value.length, value.length)
                        .setDictionary_page_header(new DictionaryPageHeader(1, Encoding.PLAIN)),
                value);

        long dataAt = appendix.position();
        byte[] indexes = zeros(rows);
        appendix.write(
                new PageHeader(PageType.DATA_PAGE, indexes.length, indexes.length)
                        .setData_page_header(
                                new DataPageHeader(rows, Encoding.RLE_DICTIONARY, Encoding.RLE, Encoding.RLE)),
                indexes);
        long end = appendix.position();

        long size = end - dictionaryAt;
        ColumnMetaData column = new ColumnMetaData(
                        Type.INT64,
                        List.of(Encoding.PLAIN, Encoding.RLE, Encoding.RLE_DICTIONARY),
                        List.of(COLUMN),
                        CompressionCodec.UNCOMPRESSED,
                        rows,
                        size,
                        size,
                        dataAt)
                .setDictionary_page_offset(dictionaryAt)
                .setStatistics(
                        new Statistics().setMin_value(value).setMax_value(value).setNull_count(0))
                .setEncoding_stats(List.of(
                        new PageEncodingStats(PageType.DICTIONARY_PAGE, Encoding.PLAIN, 1),
                        new PageEncodingStats(PageType.DATA_PAGE, Encoding.RLE_DICTIONARY, 1)));
        ColumnChunk chunk = new ColumnChunk(dictionaryAt).setMeta_data(column);
        boolean indexed = group.getColumns().stream().anyMatch(ColumnChunk::isSetOffset_index_offset);
        if (indexed) {
            appendix.writeIndexes(chunk, dataAt, (int) (end - dataAt));
        }
        group.addToColumns(chunk);
        group.setTotal_byte_size(group.getTotal_byte_size() + size);
        if (group.isSetTotal_compressed_size()) {
            group.setTotal_compressed_size(group.getTotal_compressed_size() + size);
        }
    }

    /**
     * The body of a data page (v1) of a required column that is the dictionary's entry 0 in each row:
     * the width of an entry in bits, which is 0 with a dictionary of one, and one run of the RLE /
     * bit-packing hybrid, whose header is {@code rows << 1} as ULEB128 and whose value has no bytes.
     */
    private static byte[] zeros(int rows) {
        ByteArrayOutputStream page = new ByteArrayOutputStream();
        page.write(0);
        long header = (long) rows << 1;
        while (header >= 0x80) {
            page.write((int) (header & 0x7f) | 0x80);
            header >>>= 7;
        }
        page.write((int) header);
        return page.toByteArray();
    }

    /** Sets also the older annotation, which the format allows for timestamps in UTC only. */
    private static void markUtc(SchemaElement element) {
        if (!element.isSetLogicalType() || !element.getLogicalType().isSetTIMESTAMP()) {
            return;
        }
        TimestampType timestamp = element.getLogicalType().getTIMESTAMP();
        timestamp.setIsAdjustedToUTC(true);
        if (timestamp.getUnit().isSetMILLIS()) {
            element.setConverted_type(ConvertedType.TIMESTAMP_MILLIS);
        } else if (timestamp.getUnit().isSetMICROS()) {
            element.setConverted_type(ConvertedType.TIMESTAMP_MICROS);
        }
    }

    private static ByteBuffer magic() {
        return ByteBuffer.wrap(MAGIC);
    }

    private static ByteBuffer littleEndian(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What follows the encoder's own bytes. */
    private final class Appendix {
        private final long start;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);

        Appendix(long start) {
            this.start = start;
        }

        long position() {
            return start + bytes.size();
        }

        void write(PageHeader header, byte[] page) throws IOException {
            Util.writePageHeader(header, bytes);
            bytes.write(page);
        }

        /** Page indexes ({@code PageIndex.md}) of a chunk of one data page: a file has all or none. */
        void writeIndexes(ColumnChunk chunk, long pageAt, int pageSize) throws IOException {
            ByteBuffer bound = ByteBuffer.wrap(value);
            chunk.setColumn_index_offset(position());
            Util.writeColumnIndex(
                    new ColumnIndex(List.of(false), List.of(bound), List.of(bound), BoundaryOrder.ASCENDING)
                            .setNull_counts(List.of(0L)),
                    bytes);
            chunk.setColumn_index_length((int) (position() - chunk.getColumn_index_offset()));

            chunk.setOffset_index_offset(position());
            Util.writeOffsetIndex(new OffsetIndex(List.of(new PageLocation(pageAt, pageSize, 0))), bytes);
            chunk.setOffset_index_length((int) (position() - chunk.getOffset_index_offset()));
        }

        void write(FileMetaData footer) throws IOException {
            int before = bytes.size();
            Util.writeFileMetaData(footer, bytes);
            int length = bytes.size() - before;
            bytes.write(littleEndian(FOOTER_LENGTH_SIZE).putInt(length).array());
            bytes.write(MAGIC);
        }
    }
}
