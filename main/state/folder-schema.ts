/**
 * The tables of one folder's records, written so that a bad state cannot be stored: a path is relative, has no empty, `.` or `..`
 * segment, its parent column is its parent, a directory's path ends in `/`, two paths never share an object key, and every state
 * is one of those that exist. Text compares byte by byte (UTF-8), which is also S3's order of keys.
 *
 * Migrations are only ever appended; each runs once, in one transaction with those behind it.
 */
const isRelative = (column: string): string => `
    ${column} <> '' AND substr(${column}, 1, 1) <> '/' AND instr(${column}, '//') = 0
    AND instr('/' || ${column} || '/', '/./') = 0 AND instr('/' || ${column} || '/', '/../') = 0
    AND ${column} <> '.enfold' AND substr(${column}, 1, 8) <> '.enfold/'`;

const isHex = (column: string, digits: number): string => `length(${column}) = ${digits} AND ${column} NOT GLOB '*[^0-9a-f]*'`;

export const FOLDER_MIGRATIONS: readonly string[] = [
  `
CREATE TABLE device (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL CHECK (${isHex('id', 12)}),
  -- The highest counter that was ever handed out or set aside.
  counter INTEGER NOT NULL CHECK (counter >= 0)
) STRICT;

CREATE TABLE base (
  path TEXT NOT NULL PRIMARY KEY CHECK (${isRelative('path')}),
  parent TEXT NOT NULL CHECK (
    (parent = '' OR substr(parent, -1) = '/') AND substr(path, 1, length(parent)) = parent
    AND instr(rtrim(substr(path, length(parent) + 1), '/'), '/') = 0 AND length(path) > length(parent)),
  kind TEXT NOT NULL CHECK (kind IN ('file', 'directory') AND (kind = 'directory') = (substr(path, -1) = '/')),
  object_key TEXT NOT NULL UNIQUE CHECK (object_key <> ''),
  etag TEXT NOT NULL CHECK (etag <> ''),
  version_id TEXT,
  operation_id TEXT NOT NULL CHECK (${isHex('operation_id', 32)}),
  vector TEXT NOT NULL CHECK (json_valid(vector)),
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  mtime_ms REAL NOT NULL,
  mode_bits INTEGER NOT NULL CHECK (mode_bits BETWEEN 0 AND 511),
  sha256 TEXT NOT NULL CHECK ((${isHex('sha256', 64)}) OR (kind = 'directory' AND sha256 = '')),
  inode TEXT NOT NULL,
  stamp TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  key_id TEXT,
  object_bytes INTEGER CHECK (object_bytes >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX base_by_parent ON base (parent);

-- Kept by triggers, so that the totals of a million files cost one row and are never out of step.
CREATE TABLE totals (one INTEGER PRIMARY KEY CHECK (one = 1), files INTEGER NOT NULL CHECK (files >= 0), bytes INTEGER NOT NULL CHECK (bytes >= 0)) STRICT;
INSERT INTO totals VALUES (1, 0, 0);
CREATE TRIGGER base_added AFTER INSERT ON base WHEN new.kind = 'file' BEGIN
  UPDATE totals SET files = files + 1, bytes = bytes + new.size_bytes;
END;
CREATE TRIGGER base_dropped AFTER DELETE ON base WHEN old.kind = 'file' BEGIN
  UPDATE totals SET files = files - 1, bytes = bytes - old.size_bytes;
END;
CREATE TRIGGER base_changed AFTER UPDATE ON base WHEN old.kind = 'file' AND new.size_bytes <> old.size_bytes BEGIN
  UPDATE totals SET bytes = bytes - old.size_bytes + new.size_bytes;
END;

CREATE TABLE intent (
  number INTEGER PRIMARY KEY,
  operation_id TEXT NOT NULL UNIQUE CHECK (${isHex('operation_id', 32)}),
  kind TEXT NOT NULL CHECK (kind IN ('upload', 'delete', 'rename', 'update-attributes')),
  path TEXT NOT NULL CHECK (${isRelative('path')}),
  object_key TEXT NOT NULL CHECK (object_key <> ''),
  etag TEXT CHECK (etag <> ''),
  from_path TEXT CHECK (${isRelative('from_path')}),
  local TEXT CHECK (json_valid(local)),
  vector TEXT NOT NULL CHECK (json_valid(vector)),
  created_at_ms INTEGER NOT NULL,
  CHECK (kind <> 'rename' OR from_path IS NOT NULL)
) STRICT;

CREATE TABLE skipped (
  side TEXT NOT NULL CHECK (side IN ('local', 'remote')),
  path TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason <> ''),
  detail TEXT,
  PRIMARY KEY (side, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity (
  number INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind <> ''),
  path TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  detail TEXT
) STRICT;

CREATE TABLE fact (name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''), value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
`,
  'ALTER TABLE base ADD COLUMN listed_ms INTEGER;',
  `
-- What this device has changed in the bucket and others are to learn; numbers are never used twice.
CREATE TABLE own_change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  change TEXT NOT NULL CHECK (json_valid(change))
) STRICT;
`,
  `
-- Multipart uploads that were begun: enough to go on with them after a restart.
CREATE TABLE saved_upload (path TEXT NOT NULL PRIMARY KEY CHECK (${isRelative('path')}), upload TEXT NOT NULL CHECK (json_valid(upload))) STRICT, WITHOUT ROWID;
CREATE TABLE saved_part (
  path TEXT NOT NULL REFERENCES saved_upload (path) ON DELETE CASCADE,
  part_number INTEGER NOT NULL CHECK (part_number BETWEEN 1 AND 10000),
  sha256 TEXT NOT NULL CHECK (${isHex('sha256', 64)}),
  PRIMARY KEY (path, part_number)
) STRICT, WITHOUT ROWID;
`,
  `
-- Holds all that a walk compares, so that a directory's entries are read from it alone.
DROP INDEX base_by_parent;
CREATE INDEX base_by_parent ON base (parent, path, stamp);
`,
];

/** The differences of one cycle: in a file of their own that no power cut needs to preserve. */
export const SCAN_SCHEMA = `
CREATE TABLE scan.local_difference (path TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE scan.remote_difference (path TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE scan.unknown_directory (side TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (side, path)) STRICT, WITHOUT ROWID;
-- The most urgent first: by size class, then the newest, then by path.
CREATE TABLE scan.in_line (size_class INTEGER NOT NULL, age REAL NOT NULL, path TEXT NOT NULL, PRIMARY KEY (size_class, age, path)) STRICT, WITHOUT ROWID;
CREATE TABLE scan.seen_skipped (side TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (side, path)) STRICT, WITHOUT ROWID;
`;
