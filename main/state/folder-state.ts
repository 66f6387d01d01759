/**
 * One folder's records in SQLite, behind the engine's FolderState: base, intents, skipped paths, activity, facts, and the
 * differences of the cycle that runs.
 *
 * Promises: a commit that returned survives a power cut; a counter is never handed out twice; iterations read page by page, so that
 * the caller may write between two rows and a million rows need no memory. It leaves to others what the rows mean.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { parentOf, type ObjectKey, type SyncPath } from '../model/path.ts';
import type { ActivityEvent } from '../model/activity.ts';
import { MAX_FEED_ENTRIES } from '../model/feed.ts';
import type { Change, NumberedChange } from '../model/feed.ts';
import type { BaseEntry, LocalState, OperationId, PathStates, RemoteState, Skipped, SkipReason } from '../model/snapshot.ts';
import type { DeviceId, VersionVector } from '../model/version-vector.ts';
import type { Commit, FolderState, InLine, Intent, ListedBase, LocalDifference, RemoteDifference, SavedUpload } from '../sync/ports.ts';
import { localStateOf, remoteStateOf } from './base-states.ts';
import { Database } from './database.ts';
import { FOLDER_MIGRATIONS, SCAN_SCHEMA } from './folder-schema.ts';

const PAGE_ROWS = 512;
const COUNTER_BLOCK = 256;
const KEPT_ACTIVITY = 10_000;
/** A statement over tens of thousands of rows takes seconds on a disk with other work. */
const FORGOTTEN_AT_ONCE = 1_000;

const COLUMNS = [
  'path', 'kind', 'object_key', 'etag', 'version_id', 'operation_id', 'vector', 'size_bytes', 'mtime_ms', 'mode_bits', 'sha256', 'inode', 'stamp', 'epoch',
  'key_id', 'object_bytes', 'listed_ms',
] as const;
const SELECT_BASE = `SELECT ${COLUMNS.join(', ')} FROM base`;
const JOINED = COLUMNS.map((column) => `b.${column}`).join(', ');
const STATES = `p.path, l.state, r.state, ${JOINED}`;
const JOIN_STATES = 'LEFT JOIN scan.local_difference l ON l.path = p.path LEFT JOIN scan.remote_difference r ON r.path = p.path LEFT JOIN base b ON b.path = p.path';
const PUT_BASE = `INSERT INTO base (${COLUMNS.join(', ')}, parent) VALUES (${COLUMNS.map(() => '?').join(', ')}, ?)
  ON CONFLICT (path) DO UPDATE SET ${COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`).join(', ')}`;

type Cells = readonly unknown[];

/** The folder's file name; ids come from descriptors in buckets, so they are checked before they become part of a path. */
export function folderFile(home: string, folderId: string, ending: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(folderId)) throw new SyncError('invariant', { detail: 'not a folder id' });
  return join(home, 'folders', `${folderId}${ending}`);
}

/**
 * Opens a folder's records, making them where there are none: then with a new random device id, so that counters of lost
 * records are never used again.
 *
 * @throws SyncError state-corrupt, state-newer-version, disk-full, read-only, permission-denied, folder-busy
 */
export function openFolderState(home: string, folderId: string): FolderState {
  const file = folderFile(home, folderId, '.db');
  mkdirSync(join(home, 'folders'), { recursive: true, mode: 0o700 });
  const database = new Database(file, FOLDER_MIGRATIONS);
  try {
    return new SqliteFolderState(database, join(home, 'folders'), folderId);
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Forgets a folder's records. Nobody may have them open. The lock's file stays: whoever takes it at this moment must not hold
 * a file that the next one does not see.
 */
export function removeFolderState(home: string, folderId: string): void {
  for (const ending of ['.db', '.db-wal', '.db-shm']) rmSync(folderFile(home, folderId, ending), { force: true });
  removeScratch(join(home, 'folders'), folderId);
}

function removeScratch(directory: string, folderId: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${folderId}.scan-`)) continue;
    try {
      unlinkSync(join(directory, name));
    } catch {
      // Windows: open in another process, which removes it itself.
    }
  }
}

class SqliteFolderState implements FolderState {
  #device: DeviceId;
  readonly #database: Database;
  readonly #directory: string;
  readonly #folderId: string;
  readonly #vectors = new Map<string, VersionVector>();
  #scratch: string | null = null;
  #isScanning = false;
  #nextCounter = 1;
  #lastCounter = 0;

  constructor(database: Database, directory: string, folderId: string) {
    this.#database = database;
    this.#directory = directory;
    this.#folderId = folderId;
    const known = database.get('SELECT id FROM device');
    if (known === null) database.run('INSERT INTO device VALUES (1, ?, 0) ON CONFLICT (one) DO NOTHING', randomBytes(6).toString('hex'));
    this.#device = String((known ?? database.get('SELECT id FROM device'))?.['id']) as DeviceId;
  }

  get device(): DeviceId {
    return this.#device;
  }

  renewDevice(): void {
    this.#database.transaction(() => {
      this.#database.run('UPDATE device SET id = ?, counter = 0', randomBytes(6).toString('hex'));
      this.#database.exec("DELETE FROM own_change; DELETE FROM sqlite_sequence WHERE name = 'own_change'");
      this.#device = String(this.#database.get('SELECT id FROM device')?.['id']) as DeviceId;
    });
    this.#nextCounter = 1;
    this.#lastCounter = 0;
  }

  takeCounters(count: number): number {
    if (!Number.isSafeInteger(count) || count < 1) throw new SyncError('invariant', { detail: 'counters are taken one or more at a time' });
    if (this.#lastCounter - this.#nextCounter + 1 < count) {
      const block = Math.max(count, COUNTER_BLOCK);
      const row = this.#database.get('UPDATE device SET counter = counter + ? RETURNING counter', block);
      this.#lastCounter = Number(row?.['counter']);
      this.#nextCounter = this.#lastCounter - block + 1;
    }
    const first = this.#nextCounter;
    this.#nextCounter += count;
    return first;
  }

  // ------------------------------------------------------------------ base

  baseAt(path: SyncPath): BaseEntry | null {
    return this.#one(`${SELECT_BASE} WHERE path = ?`, path);
  }
  baseByKey(objectKey: ObjectKey): BaseEntry | null {
    return this.#one(`${SELECT_BASE} WHERE object_key = ?`, objectKey);
  }
  *stampsInDirectory(directory: SyncPath | ''): Iterable<readonly [SyncPath, string]> {
    let after = '';
    for (;;) {
      // All of it stands in the index.
      const page = this.#database.allArrays(`SELECT path, stamp FROM base WHERE parent = ? AND path > ? ORDER BY path LIMIT ${PAGE_ROWS}`, directory, after);
      yield* page as readonly (readonly [SyncPath, string])[];
      if (page.length < PAGE_ROWS) return;
      after = String(page.at(-1)?.[0]);
    }
  }

  baseSubdirectories(directory: SyncPath | ''): readonly SyncPath[] {
    // Jumps from one subdirectory to the next in the index of parents, so that neither the files here nor those below are read.
    const found: SyncPath[] = [];
    const end = endOf(directory);
    let after: string | Uint8Array = directory;
    for (;;) {
      const row = this.#database.get('SELECT parent FROM base WHERE parent > ? AND parent < ? ORDER BY parent LIMIT 1', after, end);
      if (row === null) return found;
      const parent = String(row['parent']);
      const child = parent.slice(0, parent.indexOf('/', directory.length) + 1) as SyncPath;
      found.push(child);
      after = endOf(child);
      // `after` itself may be a directory of its own only where it ends in `/`, which it does not: nothing is jumped over.
    }
  }

  *baseBelow(directory: SyncPath): Iterable<BaseEntry> {
    const end = endOf(directory);
    let after: string = directory;
    for (;;) {
      const page = this.#database.allArrays(`${SELECT_BASE} WHERE path > ? AND path < ? ORDER BY path LIMIT ${PAGE_ROWS}`, after, end);
      for (const row of page) yield this.#entry(row);
      if (page.length < PAGE_ROWS) return;
      after = String(page.at(-1)?.[0]);
    }
  }

  *baseByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<BaseEntry> {
    for (const cells of this.#byKeyRange(SELECT_BASE, COLUMNS.indexOf('object_key'), after, until)) yield this.#entry(cells);
  }

  *listedByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<ListedBase> {
    for (const [objectKey, path, etag, epoch, listedMs] of this.#byKeyRange('SELECT object_key, path, etag, epoch, listed_ms FROM base', 0, after, until)) {
      yield { objectKey: objectKey as ObjectKey, path: path as SyncPath, etag: etag as string, epoch: epoch as number, ...(listedMs === null ? {} : { listedMs: listedMs as number }) };
    }
  }

  *#byKeyRange(select: string, keyColumn: number, after: ObjectKey | '', until: ObjectKey | null): Iterable<Cells> {
    let from: string = after;
    const sql = `${select} WHERE object_key > ? ${until === null ? '' : 'AND object_key <= ?'} ORDER BY object_key LIMIT ${PAGE_ROWS}`;
    for (;;) {
      const page = until === null ? this.#database.allArrays(sql, from) : this.#database.allArrays(sql, from, until);
      yield* page;
      if (page.length < PAGE_ROWS) return;
      from = String(page.at(-1)?.[keyColumn]);
    }
  }

  baseTotals(): { readonly files: number; readonly bytes: number } {
    const row = this.#database.get('SELECT files, bytes FROM totals');
    return { files: Number(row?.['files']), bytes: Number(row?.['bytes']) };
  }

  countBefore(epoch: number): { readonly total: number; readonly before: number } {
    const row = this.#database.get('SELECT COUNT(*) AS total, COALESCE(SUM(epoch < ?), 0) AS before FROM base', epoch);
    return { total: Number(row?.['total']), before: Number(row?.['before']) };
  }

  // ------------------------------------------------------------------ own changes

  ownChanges(limit: number): readonly NumberedChange[] {
    const rows = this.#database.all('SELECT seq, change FROM own_change ORDER BY seq DESC LIMIT ?', limit);
    return rows.map((row) => ({ ...(JSON.parse(String(row['change'])) as Change), seq: Number(row['seq']) })).toReversed();
  }

  lastChange(): number {
    return Number(this.#database.get("SELECT seq FROM sqlite_sequence WHERE name = 'own_change'")?.['seq'] ?? 0);
  }

  forgetChanges(keep: number, sinceMs: number): boolean {
    const last = this.lastChange();
    const first = this.#database.get('SELECT seq FROM own_change ORDER BY seq LIMIT 1')?.['seq'];
    if (first === undefined) return false;
    // Without a gap: whatever is older than the first one to be kept goes.
    const firstNew = this.#database.get('SELECT seq FROM own_change WHERE at_ms >= ? ORDER BY seq LIMIT 1', Math.round(sinceMs))?.['seq'] ?? last + 1;
    const kept = Math.max(Math.min(last - keep + 1, Number(firstNew)), last - MAX_FEED_ENTRIES + 1);
    const until = Math.min(kept, Number(first) + FORGOTTEN_AT_ONCE);
    if (until > Number(first)) this.#database.run('DELETE FROM own_change WHERE seq < ?', until);
    return until < kept;
  }

  // ------------------------------------------------------------------ differences

  beginScan(keepsRemoteSkipped = false): void {
    this.#openScratch();
    this.#isScanning = true;
    this.#database.guard(() => {
      for (const table of ['local_difference', 'remote_difference', 'unknown_directory', 'seen_skipped', 'in_line']) this.#database.exec(`DELETE FROM scan.${table}`);
      if (keepsRemoteSkipped) this.#database.exec("INSERT INTO scan.seen_skipped SELECT side, path FROM skipped WHERE side = 'remote'");
    });
  }

  putLocalDifferences(rows: readonly LocalDifference[]): void {
    this.#putDifferences('local_difference', rows);
  }
  putRemoteDifferences(rows: readonly RemoteDifference[]): void {
    this.#putDifferences('remote_difference', rows);
  }
  putUnknownDirectory(side: 'local' | 'remote', directory: SyncPath | '', reason: SkipReason): void {
    this.#openScratch();
    this.#database.run('INSERT OR REPLACE INTO scan.unknown_directory VALUES (?, ?, ?)', side, directory, reason);
  }

  *differences(after?: SyncPath): Iterable<PathStates> {
    this.#openScratch();
    const stateOf = this.#joiner();
    let from: string = after ?? '';
    for (;;) {
      const page = this.#database.allArrays(
        `SELECT ${STATES} FROM (SELECT path FROM scan.local_difference WHERE path > ?1 UNION SELECT path FROM scan.remote_difference WHERE path > ?1 ORDER BY path LIMIT ${PAGE_ROWS}) p
         ${JOIN_STATES} ORDER BY p.path`,
        from,
      );
      for (const row of page) yield stateOf(row);
      if (page.length < PAGE_ROWS) return;
      from = String(page.at(-1)?.[0]);
    }
  }

  putInLine(rows: readonly InLine[]): void {
    this.#openScratch();
    this.#database.transaction(() => {
      for (const { path, sizeClass, mtimeMs } of rows) this.#database.run('INSERT OR REPLACE INTO scan.in_line VALUES (?, ?, ?)', sizeClass, -mtimeMs, path);
    });
  }

  *inLine(): Iterable<PathStates> {
    this.#openScratch();
    const stateOf = this.#joiner();
    let from: Cells = [Number.MIN_SAFE_INTEGER, 0, ''];
    for (;;) {
      const page = this.#database.allArrays(
        `SELECT p.size_class, p.age, ${STATES} FROM (SELECT * FROM scan.in_line WHERE (size_class, age, path) > (?1, ?2, ?3) ORDER BY size_class, age, path LIMIT ${PAGE_ROWS}) p
         ${JOIN_STATES} ORDER BY p.size_class, p.age, p.path`,
        ...(from as readonly (number | string)[]),
      );
      for (const [, , ...row] of page) yield stateOf(row);
      if (page.length < PAGE_ROWS) return;
      from = page.at(-1)?.slice(0, 3) ?? from;
    }
  }

  /** Rows of {@link STATES} -> what they say, with the directories that are unknown now. */
  #joiner(): (row: Cells) => PathStates {
    const isUnknown = { local: this.#unknownDirectories('local'), remote: this.#unknownDirectories('remote') };
    return ([path, local, remote, ...cells]) => {
      const at = path as SyncPath;
      const base = cells[0] === null ? null : this.#entry(cells);
      return {
        path: at,
        base,
        local: local === null ? (unknownAt(isUnknown.local, at) ?? localStateOf(base)) : (JSON.parse(local as string) as LocalState),
        remote: remote === null ? (unknownAt(isUnknown.remote, at) ?? remoteStateOf(base)) : (JSON.parse(remote as string) as RemoteState),
      };
    };
  }

  skipped(): readonly Skipped[] {
    if (this.#isScanning) {
      this.#database.run(
        'DELETE FROM skipped WHERE NOT EXISTS (SELECT 1 FROM scan.seen_skipped s WHERE s.side = skipped.side AND s.path = skipped.path)',
      );
    }
    return this.#database.all('SELECT path, side, reason, detail FROM skipped ORDER BY path, side').map((row) => ({
      path: String(row['path']),
      side: row['side'] as Skipped['side'],
      reason: row['reason'] as SkipReason,
      detail: row['detail'] as string | null,
    }));
  }

  putSkipped(rows: readonly Skipped[]): void {
    if (rows.length === 0) return;
    this.#openScratch();
    // Rows that say what they said before are not written, so that an idle folder writes nothing.
    this.#database.transaction(() => {
      for (const row of rows) {
        this.#database.run(
          `INSERT INTO skipped VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET reason = excluded.reason, detail = excluded.detail
           WHERE reason <> excluded.reason OR detail IS NOT excluded.detail`,
          row.side, row.path, row.reason, row.detail,
        );
        this.#database.run('INSERT OR IGNORE INTO scan.seen_skipped VALUES (?, ?)', row.side, row.path);
      }
    });
  }

  // ------------------------------------------------------------------ uploads that were begun

  savedUpload(path: SyncPath): SavedUpload | null {
    const row = this.#database.get('SELECT upload FROM saved_upload WHERE path = ?', path);
    return row === null ? null : this.#savedUpload(path, String(row['upload']));
  }

  savedUploads(): readonly SavedUpload[] {
    return this.#database.all('SELECT path, upload FROM saved_upload').map((row) => this.#savedUpload(row['path'] as SyncPath, String(row['upload'])));
  }

  #savedUpload(path: SyncPath, text: string): SavedUpload {
    const parts = this.#database.all('SELECT part_number, sha256 FROM saved_part WHERE path = ?', path);
    return { ...(JSON.parse(text) as SavedUpload), parts: Object.fromEntries(parts.map((part) => [Number(part['part_number']), String(part['sha256'])])) };
  }

  saveUpload({ parts, ...upload }: SavedUpload): void {
    this.#database.transaction(() => {
      this.dropUpload(upload.path);
      this.#database.run('INSERT INTO saved_upload VALUES (?, ?)', upload.path, JSON.stringify(upload));
      for (const [partNumber, sha256] of Object.entries(parts)) this.savePart(upload.path, Number(partNumber), sha256);
    });
  }

  savePart(path: SyncPath, partNumber: number, sha256: string): void {
    this.#database.run('INSERT INTO saved_part VALUES (?, ?, ?)', path, partNumber, sha256);
  }

  dropUpload(path: SyncPath): void {
    this.#database.run('DELETE FROM saved_upload WHERE path = ?', path);
  }

  // ------------------------------------------------------------------ intents, commits

  beginIntents(intents: readonly Intent[]): void {
    if (intents.length === 0) return;
    this.#database.transaction(() => {
      for (const intent of intents) {
        this.#database.run(
          'INSERT INTO intent (operation_id, kind, path, object_key, etag, from_path, local, vector, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
          intent.operationId, intent.kind, intent.path, intent.objectKey, intent.etag, intent.fromPath,
          intent.local === null ? null : JSON.stringify(intent.local), JSON.stringify(intent.vector), Math.round(intent.createdAtMs),
        );
      }
    });
  }

  openIntents(): readonly Intent[] {
    return this.#database.all('SELECT * FROM intent ORDER BY number').map((row) => ({
      operationId: row['operation_id'] as OperationId,
      kind: row['kind'] as Intent['kind'],
      path: row['path'] as SyncPath,
      objectKey: row['object_key'] as ObjectKey,
      etag: row['etag'] as string | null,
      fromPath: row['from_path'] as SyncPath | null,
      local: row['local'] === null ? null : (JSON.parse(row['local'] as string) as Intent['local']),
      vector: JSON.parse(row['vector'] as string) as VersionVector,
      createdAtMs: Number(row['created_at_ms']),
    }));
  }

  commit(batch: Commit): void {
    this.#database.transaction(() => {
      // Drops first: a batch may hand an object key or a place in the tree from one path to another.
      for (const path of batch.drop ?? []) this.#database.run('DELETE FROM base WHERE path = ?', path);
      for (const entry of batch.put ?? []) this.#put(entry);
      for (const { path, listedMs } of batch.listed ?? []) this.#database.run('UPDATE base SET listed_ms = ? WHERE path = ?', listedMs, path);
      for (const operationId of batch.finish ?? []) this.#database.run('DELETE FROM intent WHERE operation_id = ?', operationId);
      for (const { atMs, ...change } of batch.changes ?? []) this.#database.run('INSERT INTO own_change (at_ms, change) VALUES (?, ?)', Math.round(atMs), JSON.stringify(change));
      if (batch.activity !== undefined && batch.activity.length > 0) this.#record(batch.activity);
    });
  }

  recentActivity(limit: number): readonly ActivityEvent[] {
    return this.#database.all('SELECT at_ms, kind, path, bytes, detail FROM activity ORDER BY number DESC LIMIT ?', limit).map((row) => ({
      atMs: Number(row['at_ms']),
      kind: row['kind'] as ActivityEvent['kind'],
      path: String(row['path']),
      bytes: Number(row['bytes']),
      detail: row['detail'] as string | null,
    }));
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the port's shape
  fact<T>(name: string): T | null {
    const row = this.#database.get('SELECT value FROM fact WHERE name = ?', name);
    return row === null ? null : (JSON.parse(String(row['value'])) as T);
  }
  /** `undefined` and `null` both remove it. */
  putFact(name: string, value: unknown): void {
    if (value === undefined || value === null) this.#database.run('DELETE FROM fact WHERE name = ?', name);
    else {
      this.#database.run(
        'INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value',
        name, JSON.stringify(value),
      );
    }
  }

  close(): void {
    this.#database.close();
    if (this.#scratch !== null) rmSync(this.#scratch, { force: true });
    this.#scratch = null;
  }

  // ------------------------------------------------------------------ rows

  #one(sql: string, value: string): BaseEntry | null {
    const [row] = this.#database.allArrays(sql, value);
    return row === undefined ? null : this.#entry(row);
  }

  #entry(cells: Cells): BaseEntry {
    return {
      path: cells[0] as SyncPath,
      kind: cells[1] as BaseEntry['kind'],
      objectKey: cells[2] as ObjectKey,
      etag: cells[3] as string,
      versionId: cells[4] as string | null,
      operationId: cells[5] as OperationId,
      vector: this.#vector(cells[6] as string),
      sizeBytes: cells[7] as number,
      mtimeMs: cells[8] as number,
      modeBits: cells[9] as number,
      sha256: cells[10] as string,
      inode: cells[11] as string,
      stamp: cells[12] as string,
      epoch: cells[13] as number,
      keyId: cells[14] as BaseEntry['keyId'],
      ...(cells[15] === null ? {} : { objectBytes: cells[15] as number }),
      ...(cells[16] === null ? {} : { listedMs: cells[16] as number }),
    };
  }

  /** Few devices make few different vectors: most rows share one. */
  #vector(text: string): VersionVector {
    let vector = this.#vectors.get(text);
    if (vector === undefined) {
      if (this.#vectors.size > 4096) this.#vectors.clear();
      vector = Object.freeze(JSON.parse(text) as Record<string, number>);
      this.#vectors.set(text, vector);
    }
    return vector;
  }

  #put(entry: BaseEntry): void {
    this.#database.run(
      PUT_BASE,
      entry.path, entry.kind, entry.objectKey, entry.etag, entry.versionId, entry.operationId, JSON.stringify(entry.vector), entry.sizeBytes, entry.mtimeMs,
      entry.modeBits, entry.sha256, entry.inode, entry.stamp, entry.epoch, entry.keyId, entry.objectBytes ?? null,
      entry.listedMs ?? null, parentOf(entry.path),
    );
  }

  #record(events: readonly ActivityEvent[]): void {
    for (const event of events) {
      this.#database.run(
        'INSERT INTO activity (at_ms, kind, path, bytes, detail) VALUES (?, ?, ?, ?, ?)',
        Math.round(event.atMs), event.kind, event.path, event.bytes, event.detail,
      );
    }
    this.#database.run(`DELETE FROM activity WHERE number <= (SELECT max(number) FROM activity) - ${KEPT_ACTIVITY}`);
  }

  #putDifferences(table: string, rows: readonly (LocalDifference | RemoteDifference)[]): void {
    if (rows.length === 0) return;
    this.#openScratch();
    this.#database.transaction(() => {
      for (const row of rows) this.#database.run(`INSERT OR REPLACE INTO scan.${table} VALUES (?, ?)`, row.path, JSON.stringify(row.state));
    });
  }

  #unknownDirectories(side: 'local' | 'remote'): ReadonlyMap<string, SkipReason> {
    const rows = this.#database.all('SELECT path, reason FROM scan.unknown_directory WHERE side = ?', side);
    return new Map(rows.map((row) => [String(row['path']), row['reason'] as SkipReason]));
  }

  /**
   * The differences live in a file of their own: losing it costs nothing, so it is never fsynced, and it is beside the records
   * because the system's own place for temporary files may be memory.
   */
  #openScratch(): void {
    if (this.#scratch !== null) return;
    removeScratch(this.#directory, this.#folderId);
    const scratch = join(this.#directory, `${this.#folderId}.scan-${process.pid}-${randomBytes(4).toString('hex')}`);
    writeFileSync(scratch, '', { flag: 'wx', mode: 0o600 });
    this.#database.guard(() => {
      this.#database.statement('ATTACH ? AS scan').run(scratch);
      this.#database.exec(`PRAGMA scan.journal_mode = MEMORY; PRAGMA scan.synchronous = OFF; PRAGMA scan.locking_mode = EXCLUSIVE; ${SCAN_SCHEMA}`);
    });
    this.#scratch = scratch;
    // Open files need no name: so it goes away however this process ends.
    if (process.platform !== 'win32') unlinkSync(scratch);
  }
}

/** The least value behind every path below a directory, which ends in `/` or is `''`. In SQLite every blob is behind every text. */
function endOf(directory: SyncPath | ''): string | Uint8Array {
  return directory === '' ? new Uint8Array(1) : `${directory.slice(0, -1)}0`;
}

function unknownAt(directories: ReadonlyMap<string, SkipReason>, path: SyncPath): { readonly type: 'unknown'; readonly reason: SkipReason } | null {
  if (directories.size === 0) return null;
  for (let end = 0; ; end = path.indexOf('/', end) + 1) {
    const reason = directories.get(path.slice(0, end));
    if (reason !== undefined) return { type: 'unknown', reason };
    if (path.indexOf('/', end) < 0) return null;
  }
}
