package io.procstream.flink.catalog;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.table.catalog.CatalogBaseTable;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.GenericInMemoryCatalog;
import org.apache.flink.table.catalog.ObjectPath;
import org.apache.flink.table.catalog.exceptions.CatalogException;
import org.apache.flink.table.catalog.exceptions.DatabaseNotExistException;
import org.apache.flink.table.catalog.exceptions.TableAlreadyExistException;
import org.apache.flink.table.catalog.exceptions.TableNotExistException;

/**
 * The tables of a file in the database {@code default}, and what a session adds to them in memory. Tables of the file
 * cannot be changed here; one that is new in the file is there at once.
 */
final class TopicCatalog extends GenericInMemoryCatalog {
    private static final String DATABASE = "default";

    private final Path path;
    private final TopicFile file;

    TopicCatalog(String name, Path path) {
        super(name, DATABASE);
        this.path = path;
        file = new TopicFile(path);
    }

    /** Looks into the file, so that a wrong path is known at once. */
    @Override
    public void open() {
        super.open();
        file.names();
    }

    @Override
    public List<String> listTables(String database) throws DatabaseNotExistException {
        List<String> ofSession = super.listTables(database);
        return database.equals(DATABASE)
                ? Stream.concat(file.names().stream(), ofSession.stream())
                        .distinct()
                        .toList()
                : ofSession;
    }

    @Override
    public CatalogBaseTable getTable(ObjectPath table) throws TableNotExistException {
        if (table.getDatabaseName().equals(DATABASE)) {
            Optional<CatalogTable> found = file.table(table.getObjectName());
            if (found.isPresent()) {
                return found.get();
            }
        }
        return super.getTable(table);
    }

    @Override
    public boolean tableExists(ObjectPath table) {
        return isOfFile(table) || super.tableExists(table);
    }

    @Override
    public void alterTable(ObjectPath table, CatalogBaseTable changed, boolean ignoreIfNotExists)
            throws TableNotExistException {
        refuseOfFile(table);
        super.alterTable(table, changed, ignoreIfNotExists);
    }

    @Override
    public void dropTable(ObjectPath table, boolean ignoreIfNotExists) throws TableNotExistException {
        refuseOfFile(table);
        super.dropTable(table, ignoreIfNotExists);
    }

    @Override
    public void renameTable(ObjectPath table, String name, boolean ignoreIfNotExists)
            throws TableNotExistException, TableAlreadyExistException {
        refuseOfFile(table);
        super.renameTable(table, name, ignoreIfNotExists);
    }

    private boolean isOfFile(ObjectPath table) {
        return table.getDatabaseName().equals(DATABASE) && file.names().contains(table.getObjectName());
    }

    private void refuseOfFile(ObjectPath table) {
        if (isOfFile(table)) {
            throw new CatalogException(
                    String.format("Table '%s' is defined in %s and cannot be changed here.", table, path));
        }
    }
}
