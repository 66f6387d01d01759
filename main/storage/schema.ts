/** The database's schema, one step per version. Keys are BLOBs: SQLite then orders them by bytes, as S3 orders keys. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE buckets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    region TEXT NOT NULL,
    settings TEXT NOT NULL
  );
  -- The current version of each key. What listings need stands before the record, so that a long record is not read for them.
  CREATE TABLE objects (
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    key BLOB NOT NULL,
    version TEXT NOT NULL,
    marker INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksum TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
  ) WITHOUT ROWID;
  -- Sealed content: here where it is small, else in a file.
  CREATE TABLE bodies (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT,
    content BLOB,
    CHECK ((file IS NULL) <> (content IS NULL))
  );
  CREATE INDEX body_files ON bodies (file) WHERE file IS NOT NULL;
  -- Files that nothing names any more and that are still to be removed.
  CREATE TABLE garbage (file TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    key BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    record TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
  CREATE TABLE upload_parts (
    upload TEXT NOT NULL REFERENCES uploads (id),
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksum TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (upload, number)
  ) WITHOUT ROWID
  `,
  `
  -- Versions that are not the current one; those of a key are newer the larger their number.
  CREATE TABLE old_versions (
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    key BLOB NOT NULL,
    no INTEGER NOT NULL,
    version TEXT NOT NULL,
    marker INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksum TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (bucket, key, no)
  ) WITHOUT ROWID;
  -- KMS keys, aliases, secrets: few and small.
  CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) WITHOUT ROWID
  `,
];
