-- pgkeep:ignore drop-table: nobody uses it any more, we asked
DROP TABLE t;
