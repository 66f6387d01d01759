/**
 * What the user has set up, in `enfold.db`: connections, keys by name, folders, and a few facts of the app. Never a secret.
 *
 * Promises: names are unique; nothing that is still used can be removed; no two folders overlap, neither on disk (by real path and
 * by file system identity) nor in a bucket; the checks and the change are one transaction, so two processes cannot break them
 * together; every change moves one counter, so that a process notices what another one did.
 */
import { join } from 'node:path';
import { SyncError, type ErrorCode } from '../model/errors.ts';
import type { ConnectionSettings, FolderSettings, KeySettings } from '../model/settings.ts';
import type { EncryptionMode, KeyId } from '../model/mode.ts';
import { constraintOf, Database, type Row } from './database.ts';
import { folderFile } from './folder-state.ts';
import { findOverlap, realPathOf } from './overlap.ts';

const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE connection (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (trim(name) <> ''),
  settings TEXT NOT NULL CHECK (json_valid(settings))
) STRICT;
CREATE TABLE key (
  key_id TEXT NOT NULL PRIMARY KEY CHECK (length(key_id) = 16 AND key_id NOT GLOB '*[^0-9a-f]*'),
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (trim(name) <> ''),
  settings TEXT NOT NULL CHECK (json_valid(settings))
) STRICT;
CREATE TABLE folder (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (trim(name) <> ''),
  local_path TEXT NOT NULL UNIQUE,
  connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE RESTRICT,
  key_id TEXT REFERENCES key (key_id) ON DELETE RESTRICT,
  settings TEXT NOT NULL CHECK (json_valid(settings))
) STRICT;
CREATE TABLE fact (name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''), value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
CREATE TABLE change (one INTEGER PRIMARY KEY CHECK (one = 1), counter INTEGER NOT NULL) STRICT;
INSERT INTO change VALUES (1, 0);
`,
];

/** How often a listener learns what other processes changed. */
const POLL_MS = 1000;

export type SettingsStore = {
  connections(): readonly ConnectionSettings[];
  connection(id: string): ConnectionSettings | null;
  connectionNamed(name: string): ConnectionSettings | null;
  /** @throws SyncError name-taken */
  addConnection(connection: ConnectionSettings): void;
  /** @throws SyncError no-such-connection, name-taken, prefix-taken (two folders would meet in one place) */
  updateConnection(connection: ConnectionSettings): void;
  /** @throws SyncError connection-in-use, no-such-connection */
  removeConnection(id: string): void;

  keys(): readonly KeySettings[];
  key(keyId: KeyId): KeySettings | null;
  keyNamed(name: string): KeySettings | null;
  /** @throws SyncError key-name-taken, also where the key is here already under another name */
  addKey(key: KeySettings): void;
  /** @throws SyncError key-not-found, key-name-taken */
  updateKey(key: KeySettings): void;
  /** @throws SyncError key-in-use, key-not-found */
  removeKey(keyId: KeyId): void;

  folders(): readonly FolderSettings[];
  folder(id: string): FolderSettings | null;
  /**
   * Adds it with `localPath` made real (links resolved), which is also what is returned.
   * @throws SyncError name-taken, root-nested, root-unsuitable, prefix-taken, no-such-connection, key-not-found
   */
  addFolder(folder: FolderSettings): FolderSettings;
  /** As addFolder. @throws SyncError no-such-folder too */
  updateFolder(folder: FolderSettings): FolderSettings;
  /** Forgets the pairing only; its records are removed by removeFolderState. @throws SyncError no-such-folder */
  removeFolder(id: string): void;
  /** `wanted`, or `wanted 2`, `wanted 3`, …: the first that no folder has. */
  freeFolderName(wanted: string): string;

  /** JSON, or null where there is none. */
  fact(name: string): unknown;
  /** `null` removes it. */
  putFact(name: string, value: unknown): void;

  /** Grows with every change that any process makes. */
  changeCounter(): number;
  /** Calls after changes of this process at once, of others within a second. @returns what ends it. */
  onChange(listener: () => void): () => void;
  close(): void;
};

/**
 * Opens the settings, making them where there are none.
 *
 * @param home - from enfoldHome.
 * @throws SyncError state-corrupt, state-newer-version, disk-full, read-only, permission-denied
 */
export function openSettings(home: string): SettingsStore {
  return new SqliteSettings(new Database(join(home, 'enfold.db'), MIGRATIONS), home);
}

class SqliteSettings implements SettingsStore {
  readonly #database: Database;
  readonly #home: string;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;
  #seenCounter: number;

  constructor(database: Database, home: string) {
    this.#database = database;
    this.#home = home;
    this.#seenCounter = this.changeCounter();
  }

  // ------------------------------------------------------------------ connections

  connections(): readonly ConnectionSettings[] {
    return this.#all('SELECT settings FROM connection ORDER BY name') as readonly ConnectionSettings[];
  }
  connection(id: string): ConnectionSettings | null {
    return this.#one('SELECT settings FROM connection WHERE id = ?', id) as ConnectionSettings | null;
  }
  connectionNamed(name: string): ConnectionSettings | null {
    return this.#one('SELECT settings FROM connection WHERE name = ?', name) as ConnectionSettings | null;
  }
  addConnection(connection: ConnectionSettings): void {
    this.#change('name-taken', connection.name, () => {
      this.#database.statement('INSERT INTO connection VALUES (?, ?, ?)').run(connection.id, connection.name, JSON.stringify(connection));
    });
  }
  updateConnection(connection: ConnectionSettings): void {
    this.#change('name-taken', connection.name, () => {
      if (this.connection(connection.id) === null) throw new SyncError('no-such-connection', { detail: connection.name });
      this.#database.statement('UPDATE connection SET name = ?, settings = ? WHERE id = ?').run(connection.name, JSON.stringify(connection), connection.id);
      // Another endpoint may bring two folders to the same place.
      for (const folder of this.folders()) if (folder.connectionId === connection.id) this.#refuseOverlap(folder);
    });
  }
  removeConnection(id: string): void {
    this.#change('connection-in-use', id, () => {
      if (this.connection(id) === null) throw new SyncError('no-such-connection', { detail: id });
      this.#database.statement('DELETE FROM connection WHERE id = ?').run(id);
    });
  }

  // ------------------------------------------------------------------ keys

  keys(): readonly KeySettings[] {
    return this.#all('SELECT settings FROM key ORDER BY name') as readonly KeySettings[];
  }
  key(keyId: KeyId): KeySettings | null {
    return this.#one('SELECT settings FROM key WHERE key_id = ?', keyId) as KeySettings | null;
  }
  keyNamed(name: string): KeySettings | null {
    return this.#one('SELECT settings FROM key WHERE name = ?', name) as KeySettings | null;
  }
  addKey(key: KeySettings): void {
    this.#change('key-name-taken', key.name, () => {
      this.#database.statement('INSERT INTO key VALUES (?, ?, ?)').run(key.keyId, key.name, JSON.stringify(key));
    });
  }
  updateKey(key: KeySettings): void {
    this.#change('key-name-taken', key.name, () => {
      if (this.key(key.keyId) === null) throw new SyncError('key-not-found', { detail: key.name });
      this.#database.statement('UPDATE key SET name = ?, settings = ? WHERE key_id = ?').run(key.name, JSON.stringify(key), key.keyId);
    });
  }
  removeKey(keyId: KeyId): void {
    this.#change('key-in-use', keyId, () => {
      if (this.key(keyId) === null) throw new SyncError('key-not-found', { detail: keyId });
      this.#database.statement('DELETE FROM key WHERE key_id = ?').run(keyId);
    });
  }

  // ------------------------------------------------------------------ folders

  folders(): readonly FolderSettings[] {
    return this.#all('SELECT settings FROM folder ORDER BY name') as readonly FolderSettings[];
  }
  folder(id: string): FolderSettings | null {
    return this.#one('SELECT settings FROM folder WHERE id = ?', id) as FolderSettings | null;
  }
  addFolder(folder: FolderSettings): FolderSettings {
    folderFile(this.#home, folder.id, '.db'); // refuses an id that could not name its records
    const real = { ...folder, localPath: realPathOf(folder.localPath) };
    this.#change('name-taken', folder.name, () => {
      this.#checkReferences(real);
      this.#refuseOverlap(real);
      this.#database
        .statement('INSERT INTO folder VALUES (?, ?, ?, ?, ?, ?)')
        .run(real.id, real.name, real.localPath, real.connectionId, keyOf(real.mode), JSON.stringify(real));
    });
    return real;
  }
  updateFolder(folder: FolderSettings): FolderSettings {
    const real = { ...folder, localPath: realPathOf(folder.localPath) };
    this.#change('name-taken', folder.name, () => {
      if (this.folder(folder.id) === null) throw new SyncError('no-such-folder', { detail: folder.id });
      this.#checkReferences(real);
      this.#refuseOverlap(real);
      this.#database
        .statement('UPDATE folder SET name = ?, local_path = ?, connection_id = ?, key_id = ?, settings = ? WHERE id = ?')
        .run(real.name, real.localPath, real.connectionId, keyOf(real.mode), JSON.stringify(real), real.id);
    });
    return real;
  }
  removeFolder(id: string): void {
    this.#change('invariant', id, () => {
      if (this.folder(id) === null) throw new SyncError('no-such-folder', { detail: id });
      this.#database.statement('DELETE FROM folder WHERE id = ?').run(id);
    });
  }
  freeFolderName(wanted: string): string {
    const taken = new Set(this.folders().map((folder) => folder.name.toLowerCase()));
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? wanted : `${wanted} ${number}`;
      if (!taken.has(name.toLowerCase())) return name;
    }
  }

  #checkReferences(folder: FolderSettings): void {
    if (this.connection(folder.connectionId) === null) throw new SyncError('no-such-connection', { detail: folder.connectionId });
    const keyId = keyOf(folder.mode);
    if (keyId !== null && this.key(keyId) === null) throw new SyncError('key-not-found', { detail: keyId });
  }

  #refuseOverlap(folder: FolderSettings): void {
    const overlap = findOverlap(folder, this.folders(), this.connections(), this.#home);
    if (overlap !== null) throw new SyncError(overlap.code, { path: folder.localPath, detail: overlap.detail });
  }

  // ------------------------------------------------------------------ facts, changes

  fact(name: string): unknown {
    const row = this.#database.get('SELECT value FROM fact WHERE name = ?', name);
    return row === null ? null : (JSON.parse(String(row['value'])) as unknown);
  }
  putFact(name: string, value: unknown): void {
    this.#change('invariant', name, () => {
      if (value === undefined || value === null) this.#database.statement('DELETE FROM fact WHERE name = ?').run(name);
      else {
        this.#database
          .statement('INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
          .run(name, JSON.stringify(value));
      }
    });
  }

  changeCounter(): number {
    return Number(this.#database.get('SELECT counter FROM change')?.['counter']);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.#notify(), POLL_MS).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stopPolling();
    };
  }

  close(): void {
    this.#stopPolling();
    this.#listeners.clear();
    this.#database.close();
  }

  #stopPolling(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #notify(): void {
    const counter = this.changeCounter();
    if (counter === this.#seenCounter) return;
    this.#seenCounter = counter;
    for (const listener of [...this.#listeners]) listener();
  }

  /** One change with its checks as one transaction; a constraint that refuses it becomes `refusal`. */
  #change(refusal: ErrorCode, detail: string, body: () => void): void {
    this.#database.transaction(() => {
      try {
        body();
      } catch (error) {
        const constraint = constraintOf(error);
        if (constraint === null || constraint.startsWith('CHECK')) throw error;
        throw new SyncError(refusal, { detail }, { cause: error });
      }
      this.#database.statement('UPDATE change SET counter = counter + 1').run();
    });
    this.#notify();
  }

  #all(sql: string): readonly unknown[] {
    return this.#database.all(sql).map(parse);
  }
  #one(sql: string, value: string): unknown {
    const row = this.#database.get(sql, value);
    return row === null ? null : parse(row);
  }
}

function parse(row: Row): unknown {
  return JSON.parse(String(row['settings'])) as unknown;
}

/** The key that a folder of this mode cannot do without. */
function keyOf(mode: EncryptionMode): KeyId | null {
  return mode.id === 'cse-c' || mode.id === 'sse-c' ? mode.keyId : null;
}
