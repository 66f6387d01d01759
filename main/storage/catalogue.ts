/**
 * What the storage holds, in one SQLite database: buckets, objects, multipart uploads, and the bodies small enough to live beside their records.
 *
 * Every change is a function that runs inside a transaction shared with all changes that wait at that moment, and is answered when that
 * transaction is on the disk: durable at one flush per batch instead of one per object. Nothing else writes, so what a change reads is
 * what it changes: conditions are decided here and nowhere else.
 *
 * SQLite itself flushes its log only around checkpoints (`synchronous = NORMAL`: the database never breaks, the last commits may be lost). Each
 * commit's flush is made here, on another thread, so that requests are served meanwhile; the next batch waits for it, and so does every
 * answer that tells what was read (`flushed`).
 */
import { DatabaseSync } from '@photostructure/sqlite';
import { closeSync, existsSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { FlushFailed, S3Error, ServiceError, isDiskFull } from './errors.ts';
import type { Reserve } from './reserve.ts';
import { MIGRATIONS } from './schema.ts';
import type { BodyRef, Bucket, BucketSettings, EncryptionRecord, ListedRow, ListedVersion, ObjectRecord, PartRecord, Upload, Version } from './records.ts';

export const DATABASE_FILE = 'storage.db';

type Row = Record<string, unknown>;
type Statement = ReturnType<InstanceType<typeof DatabaseSync>['prepare']>;

/** A key as bytes, so that order and prefixes are S3's: by UTF-8 bytes. */
export const keyBytes = (objectKey: string): Buffer => Buffer.from(objectKey, 'utf8');
const keyText = (value: unknown): string => Buffer.from(value as Uint8Array).toString('utf8');

function bucketOf(row: Row): Bucket {
  return { id: row['id'] as number, name: row['name'] as string, createdMs: row['created_ms'] as number, region: row['region'] as string, settings: JSON.parse(row['settings'] as string) as BucketSettings };
}

function versionOf(row: Row): Version {
  return { ...(JSON.parse(row['record'] as string) as Omit<Version, 'etag' | 'size' | 'modifiedMs' | 'versionId' | 'isMarker'>),
    versionId: row['version'] as string, etag: row['etag'] as string, size: row['size'] as number, modifiedMs: row['modified_ms'] as number, isMarker: row['marker'] === 1 };
}

function uploadOf(row: Row): Upload {
  return { ...(JSON.parse(row['record'] as string) as Omit<Upload, 'id' | 'bucketId' | 'objectKey' | 'createdMs'>),
    id: row['id'] as string, bucketId: row['bucket'] as number, objectKey: keyText(row['key']), createdMs: row['created_ms'] as number };
}

function partOf(row: Row): PartRecord {
  return { number: row['number'] as number, etag: row['etag'] as string, modifiedMs: row['modified_ms'] as number,
    body: JSON.parse(row['body'] as string) as BodyRef, checksum: row['checksum'] as string | null };
}

const VERSION_COLUMNS = 'version, marker, etag, size, modified_ms, checksum, record';

function listedVersionOf(row: Row, isLatest: boolean): ListedVersion {
  return { key: row['key'] as Uint8Array, etag: row['etag'] as string, size: row['size'] as number, modifiedMs: row['modified_ms'] as number, checksum: row['checksum'] as string | null,
    versionId: row['version'] as string, isMarker: row['marker'] === 1, isLatest };
}

/** The tables whose records say how a data key is kept, and the columns that name a row. */
const IDENTITY = { uploads: ['id'], objects: ['bucket', 'key'], old_versions: ['bucket', 'key', 'no'] } as const satisfies Record<string, readonly string[]>;
export type RecordTable = keyof typeof IDENTITY;
export type RecordPosition = readonly unknown[];

type Waiting = { readonly work: () => unknown; readonly isDeletion: boolean; readonly resolve: (value: never) => void; readonly reject: (error: unknown) => void };
type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

export class Catalogue {
  readonly #db: InstanceType<typeof DatabaseSync>;
  readonly #statements = new Map<string, Statement>();
  readonly #onGarbage: () => void;
  readonly #reserve: Reserve;
  /** Looked at by every request; what a transaction changes and takes back is forgotten. */
  readonly #buckets = new Map<string, Bucket>();
  #waiting: Waiting[] = [];
  #isScheduled = false;
  #wrote = false;
  #hasBatchWritten = false;
  /** SQLite's log, for flushing it; null before the first flush, and where SQLite could not use a log and flushes itself. */
  #log: number | null = null;
  readonly #logFile: string;
  #hasLog = false;
  #flushing: Promise<void> | null = null;
  /** A flush that failed: what the disk holds is not known until the next start. */
  #isBroken = false;
  #freed = false;

  /** @param onGarbage - called after a commit that left body files behind which nothing names any more. */
  constructor(directory: string, reserve: Reserve, onGarbage: () => void) {
    this.#onGarbage = onGarbage;
    this.#reserve = reserve;
    this.#db = new DatabaseSync(join(directory, DATABASE_FILE));
    this.#logFile = join(directory, `${DATABASE_FILE}-wal`);
    this.#db.exec('PRAGMA page_size = 8192; PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -32768; PRAGMA foreign_keys = ON');
    this.#hasLog = this.#db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'] === 'wal';
    this.#db.exec(`PRAGMA synchronous = ${this.#hasLog ? 'NORMAL' : 'FULL'}`);
    this.#migrate();
    if (this.#hasLog && existsSync(this.#logFile)) this.#secureLog();
  }

  /**
   * A process that was killed, or whose flush failed, left commits that may not be on the disk, and that are read and acted on from now on. Flushing the log
   * is not enough: after a flush that failed the system takes its pages for written. So they are written anew, into the database, and the log begins anew too.
   */
  #secureLog(): void {
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      fdatasyncSync(this.#openLog());
    }
  }

  async close(): Promise<void> {
    while (this.#flushing !== null || this.#waiting.length > 0) {
      await this.#flushing?.catch(() => undefined);
      this.#flush();
    }
    this.#db.close();
    if (this.#log !== null) closeSync(this.#log);
  }

  /**
   * Runs `work` inside the next transaction and answers with its result once that is durable. `work` throws before it changes anything,
   * or not at all; what it throws is the answer.
   *
   * @param kind - a deletion may use the room that is kept back for when the disk is full.
   * @throws S3Error InsufficientStorage
   */
  commit<T>(work: () => T, kind: 'change' | 'deletion' = 'change'): Promise<T> {
    const isDeletion = kind === 'deletion';
    return new Promise<T>((resolve, reject) => {
      if (this.#isBroken) throw new FlushFailed();
      if (!isDeletion) this.#reserve.require();
      this.#waiting.push({ work, isDeletion, resolve, reject });
      if (this.#isScheduled || this.#flushing !== null) return;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  /**
   * Done when all that can be read now is on the disk: nothing is to be answered from what a power cut may take back.
   *
   * @throws what the flush failed with
   */
  flushed(): Promise<void> | undefined {
    return this.#isBroken ? Promise.reject(new FlushFailed()) : (this.#flushing ?? undefined);
  }

  // ---- buckets

  bucket(name: string): Bucket | null {
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    const row = this.#get('SELECT * FROM buckets WHERE name = ?', name);
    if (row === undefined) return null;
    const bucket = bucketOf(row);
    this.#buckets.set(name, bucket);
    return bucket;
  }
  buckets(): Bucket[] {
    return this.#all('SELECT * FROM buckets ORDER BY name').map(bucketOf);
  }
  addBucket(bucket: Omit<Bucket, 'id' | 'settings'>): void {
    this.#run('INSERT INTO buckets (name, created_ms, region, settings) VALUES (?, ?, ?, \'{}\')', bucket.name, bucket.createdMs, bucket.region);
  }
  /** @param changes - what is `undefined` is taken back to its default. */
  changeSettings(bucket: Bucket, changes: { readonly [Name in keyof BucketSettings]?: BucketSettings[Name] | undefined }): void {
    this.#run('UPDATE buckets SET settings = ? WHERE id = ?', JSON.stringify({ ...bucket.settings, ...changes }), bucket.id);
    this.#buckets.delete(bucket.name);
  }
  /** Versions and delete markers count too. */
  hasObjects(bucketId: number): boolean {
    return this.#get('SELECT 1 FROM objects WHERE bucket = ? LIMIT 1', bucketId) !== undefined;
  }
  removeBucket(bucketId: number): void {
    for (const row of this.#all('SELECT id FROM uploads WHERE bucket = ?', bucketId)) this.removeUpload(row['id'] as string, true);
    this.#run('DELETE FROM buckets WHERE id = ?', bucketId);
    this.#buckets.clear();
  }

  // ---- objects

  /** The current version; null where there is none, or where it is a delete marker. */
  object(bucketId: number, objectKey: string): ObjectRecord | null {
    const latest = this.latest(bucketId, objectKey);
    return latest === null || latest.isMarker ? null : latest;
  }
  latest(bucketId: number, objectKey: string): Version | null {
    const row = this.#get(`SELECT ${VERSION_COLUMNS} FROM objects WHERE bucket = ? AND key = ?`, bucketId, keyBytes(objectKey));
    return row === undefined ? null : versionOf(row);
  }
  version(bucketId: number, objectKey: string, versionId: string): Version | null {
    const latest = this.latest(bucketId, objectKey);
    if (latest === null || latest.versionId === versionId) return latest;
    const row = this.#get(`SELECT ${VERSION_COLUMNS} FROM old_versions WHERE bucket = ? AND key = ? AND version = ?`, bucketId, keyBytes(objectKey), versionId);
    return row === undefined ? null : versionOf(row);
  }
  /** Makes this the current version. One of the same id is replaced, and its bodies are freed; all others are kept. */
  putVersion(bucketId: number, objectKey: string, version: Version): void {
    const key = keyBytes(objectKey);
    const current = this.#get('SELECT version FROM objects WHERE bucket = ? AND key = ?', bucketId, key)?.['version'];
    if (current !== undefined) {
      this.#dropVersion(bucketId, key, version.versionId);
      if (current !== version.versionId) {
        this.#run(`INSERT INTO old_versions (bucket, key, no, ${VERSION_COLUMNS})
          SELECT bucket, key, 1 + coalesce((SELECT max(no) FROM old_versions v WHERE v.bucket = o.bucket AND v.key = o.key), 0), ${VERSION_COLUMNS} FROM objects o WHERE bucket = ? AND key = ?`, bucketId, key);
        this.#run('DELETE FROM objects WHERE bucket = ? AND key = ?', bucketId, key);
      }
    }
    const { versionId, etag, size, modifiedMs, isMarker, ...record } = version;
    this.#run(`INSERT INTO objects (bucket, key, ${VERSION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      bucketId, key, versionId, isMarker ? 1 : 0, etag, size, modifiedMs, version.checksum === null ? null : `${version.checksum.algorithm} ${version.checksum.type}`, JSON.stringify(record));
  }
  /** Removes one version for good; where it was the current one, the newest that is left takes its place. */
  removeVersion(bucketId: number, objectKey: string, versionId: string): boolean {
    const key = keyBytes(objectKey);
    if (!this.#dropVersion(bucketId, key, versionId)) return false;
    if (this.#get('SELECT 1 FROM objects WHERE bucket = ? AND key = ?', bucketId, key) !== undefined) return true;
    const next = this.#get('SELECT max(no) AS no FROM old_versions WHERE bucket = ? AND key = ?', bucketId, key)?.['no'];
    if (typeof next !== 'number') return true;
    this.#run(`INSERT INTO objects (bucket, key, ${VERSION_COLUMNS}) SELECT bucket, key, ${VERSION_COLUMNS} FROM old_versions WHERE bucket = ? AND key = ? AND no = ?`, bucketId, key, next);
    this.#run('DELETE FROM old_versions WHERE bucket = ? AND key = ? AND no = ?', bucketId, key, next);
    return true;
  }
  /** Changes the record of a version where it stands: its tags, or how its data key is kept. */
  changeVersion(bucketId: number, objectKey: string, version: Version): void {
    const { versionId, etag: _etag, size: _size, modifiedMs: _modifiedMs, isMarker: _isMarker, ...record } = version;
    for (const table of ['objects', 'old_versions']) {
      this.#run(`UPDATE ${table} SET record = ? WHERE bucket = ? AND key = ? AND version = ?`, JSON.stringify(record), bucketId, keyBytes(objectKey), versionId);
    }
  }
  #dropVersion(bucketId: number, key: Uint8Array, versionId: string): boolean {
    for (const table of ['objects', 'old_versions']) {
      const row = this.#get(`SELECT record FROM ${table} WHERE bucket = ? AND key = ? AND version = ?`, bucketId, key, versionId);
      if (row === undefined) continue;
      this.#run(`DELETE FROM ${table} WHERE bucket = ? AND key = ? AND version = ?`, bucketId, key, versionId);
      for (const body of (JSON.parse(row['record'] as string) as ObjectRecord).bodies) this.removeBody(body);
      return true;
    }
    return false;
  }
  /** All versions of all keys as `scanObjects`, each key's newest first. */
  *scanVersions(bucketId: number, from: Uint8Array, isInclusive: boolean, until: Uint8Array): Generator<ListedVersion> {
    const where = `bucket = ? AND key ${isInclusive ? '>=' : '>'} ? AND key < ?`;
    const columns = 'key, version, marker, etag, size, modified_ms, checksum';
    const latest = this.#db.prepare(`SELECT ${columns} FROM objects WHERE ${where} ORDER BY key`);
    const older = this.#db.prepare(`SELECT ${columns} FROM old_versions WHERE bucket = ? AND key = ? ORDER BY no DESC`);
    for (const row of latest.iterate(bucketId, from, until) as Iterable<Row>) {
      yield listedVersionOf(row, true);
      for (const old of older.all(bucketId, row['key']) as Row[]) yield listedVersionOf(old, false);
    }
  }
  /** Rows in byte order of keys, from `from` (`isInclusive`: itself too) up to but without `until`. Read lazily: the caller may stop at any row. */
  *scanObjects(bucketId: number, from: Uint8Array, isInclusive: boolean, until: Uint8Array): Generator<ListedRow> {
    // A statement of its own: two listings may be half read at the same time.
    const statement = this.#db.prepare(`SELECT key, etag, size, modified_ms, checksum FROM objects WHERE bucket = ? AND key ${isInclusive ? '>=' : '>'} ? AND key < ? AND marker = 0 ORDER BY key`);
    for (const row of statement.iterate(bucketId, from, until) as Iterable<Row>) {
      yield { key: row['key'] as Uint8Array, etag: row['etag'] as string, size: row['size'] as number, modifiedMs: row['modified_ms'] as number, checksum: row['checksum'] as string | null };
    }
  }

  // ---- bodies

  /** Names a body: with its sealed content, or null where that is in a file named by its salt. */
  addBody(salt: string, size: number, content: Uint8Array | null): BodyRef {
    const { lastInsertRowid } = this.#run('INSERT INTO bodies (file, content) VALUES (?, ?)', content === null ? salt : null, content);
    return { no: Number(lastInsertRowid), salt, size };
  }
  /** Null: the content is in a file. Undefined: there is no such body. */
  bodyContent(no: number): Uint8Array | null | undefined {
    return this.#get('SELECT content FROM bodies WHERE no = ?', no)?.['content'] as Uint8Array | null | undefined;
  }
  removeBody(body: BodyRef): void {
    const row = this.#get('DELETE FROM bodies WHERE no = ? RETURNING file', body.no);
    if (typeof row?.['file'] !== 'string') return;
    this.#run('INSERT OR IGNORE INTO garbage (file) VALUES (?)', row['file']);
    this.#freed = true;
  }
  *bodyFiles(): Generator<string> {
    for (const row of this.#db.prepare('SELECT file FROM bodies WHERE file IS NOT NULL').iterate() as Iterable<Row>) yield row['file'] as string;
  }
  garbage(limit: number): string[] {
    return this.#all('SELECT file FROM garbage LIMIT ?', limit).map((row) => row['file'] as string);
  }
  removeGarbage(file: string): void {
    this.#run('DELETE FROM garbage WHERE file = ?', file);
  }
  /** Objects whose record names one of these body files; reads every record, so only where something is known to be wrong. */
  *objectsWithFiles(files: ReadonlySet<string>): Generator<{ readonly bucket: string; readonly objectKey: string }> {
    const all = '(SELECT bucket, key, record FROM objects UNION ALL SELECT bucket, key, record FROM old_versions)';
    const statement = this.#db.prepare(`SELECT b.name AS bucket, o.key AS key, o.record AS record FROM ${all} o JOIN buckets b ON b.id = o.bucket`);
    for (const row of statement.iterate() as Iterable<Row>) {
      const { bodies } = JSON.parse(row['record'] as string) as ObjectRecord;
      if (bodies.some((body) => files.has(body.salt))) yield { bucket: row['bucket'] as string, objectKey: keyText(row['key']) };
    }
  }

  // ---- documents: KMS keys, aliases, secrets

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who asks for a kind knows its type
  document<T>(kind: string, id: string): T | null {
    const row = this.#get('SELECT record FROM documents WHERE kind = ? AND id = ?', kind, id);
    return row === undefined ? null : JSON.parse(row['record'] as string) as T;
  }
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
  documents<T>(kind: string): { readonly id: string; readonly record: T }[] {
    return this.#all('SELECT id, record FROM documents WHERE kind = ? ORDER BY id', kind).map((row) => ({ id: row['id'] as string, record: JSON.parse(row['record'] as string) as T }));
  }
  putDocument(kind: string, id: string, record: unknown): void {
    this.#run('INSERT OR REPLACE INTO documents (kind, id, record) VALUES (?, ?, ?)', kind, id, JSON.stringify(record));
  }
  removeDocument(kind: string, id: string): void {
    this.#run('DELETE FROM documents WHERE kind = ? AND id = ?', kind, id);
  }
  /** Whether nothing is kept that a master key was needed for. */
  isEmpty(): boolean {
    return this.#get('SELECT 1 FROM buckets UNION ALL SELECT 1 FROM documents LIMIT 1') === undefined;
  }

  /**
   * Goes through at most `limit` records of a table, behind `after`, inside a commit, and changes how their data keys are kept.
   *
   * @param encryptionOf - the new encryption record, or null to leave it.
   * @returns where to go on; null at the end.
   */
  rewriteRecords(table: RecordTable, after: RecordPosition | null, limit: number, encryptionOf: (encryption: EncryptionRecord) => EncryptionRecord | null): { readonly next: RecordPosition | null; readonly changed: number } {
    const names = IDENTITY[table];
    const [list, marks] = [names.join(', '), names.map(() => '?').join(', ')];
    const rows = this.#all(`SELECT ${list}, record FROM ${table} ${after === null ? '' : `WHERE (${list}) > (${marks})`} ORDER BY ${list} LIMIT ?`, ...(after ?? []), limit);
    let changed = 0;
    for (const row of rows) {
      const record = JSON.parse(row['record'] as string) as { readonly encryption: EncryptionRecord };
      const encryption = encryptionOf(record.encryption);
      if (encryption === null) continue;
      this.#run(`UPDATE ${table} SET record = ? WHERE (${list}) = (${marks})`, JSON.stringify({ ...record, encryption }), ...names.map((name) => row[name]));
      changed += 1;
    }
    const last = rows.at(-1);
    return { next: last === undefined || rows.length < limit ? null : names.map((name) => last[name]), changed };
  }

  // ---- multipart uploads

  countUploads(): number {
    return this.#get('SELECT count(*) AS n FROM uploads')?.['n'] as number;
  }
  /** Uploads that were begun before `beforeMs` and got no part since, at most `limit`. */
  idleUploads(beforeMs: number, limit: number): { readonly id: string; readonly bucketId: number; readonly objectKey: string }[] {
    return this.#all('SELECT * FROM uploads u WHERE created_ms < ? AND NOT EXISTS (SELECT 1 FROM upload_parts WHERE upload = u.id AND modified_ms >= ?) LIMIT ?', beforeMs, beforeMs, limit).map(uploadOf);
  }

  addUpload(upload: Upload): void {
    const { id, bucketId, objectKey, createdMs, ...record } = upload;
    this.#run('INSERT INTO uploads (id, bucket, key, created_ms, record) VALUES (?, ?, ?, ?, ?)', id, bucketId, keyBytes(objectKey), createdMs, JSON.stringify(record));
  }
  upload(id: string, bucketId: number, objectKey: string): Upload | null {
    const row = this.#get('SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?', id, bucketId, keyBytes(objectKey));
    return row === undefined ? null : uploadOf(row);
  }
  /** In order of key, then id. */
  *scanUploads(bucketId: number, from: Uint8Array): Generator<Upload> {
    const statement = this.#db.prepare('SELECT * FROM uploads WHERE bucket = ? AND key >= ? ORDER BY key, id');
    for (const row of statement.iterate(bucketId, from) as Iterable<Row>) yield uploadOf(row);
  }
  putPart(uploadId: string, part: PartRecord): void {
    const replaced = this.#get('DELETE FROM upload_parts WHERE upload = ? AND number = ? RETURNING body', uploadId, part.number);
    if (replaced !== undefined) this.removeBody(JSON.parse(replaced['body'] as string) as BodyRef);
    this.#run('INSERT INTO upload_parts (upload, number, etag, modified_ms, checksum, body) VALUES (?, ?, ?, ?, ?, ?)',
      uploadId, part.number, part.etag, part.modifiedMs, part.checksum, JSON.stringify(part.body));
  }
  parts(uploadId: string, afterNumber = 0, limit = 10_001): PartRecord[] {
    return this.#all('SELECT * FROM upload_parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?', uploadId, afterNumber, limit).map(partOf);
  }
  /** @param freesBodies - false where an object has taken the bodies over; those it did not take are freed by the caller. */
  removeUpload(id: string, freesBodies: boolean): void {
    if (freesBodies) for (const part of this.parts(id)) this.removeBody(part.body);
    this.#run('DELETE FROM upload_parts WHERE upload = ?', id);
    this.#run('DELETE FROM uploads WHERE id = ?', id);
  }

  // ---- how it is done

  #migrate(): void {
    const version = this.#get('PRAGMA user_version')?.['user_version'] as number;
    if (version > MIGRATIONS.length) throw new SyncError('newer-version', { detail: 'the storage folder was written by a newer Enfold' });
    for (let next = version; next < MIGRATIONS.length; next += 1) {
      this.#db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[next] ?? ''}; PRAGMA user_version = ${next + 1}; COMMIT`);
    }
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
  #get(sql: string, ...values: readonly unknown[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }
  #all(sql: string, ...values: readonly unknown[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }
  #run(sql: string, ...values: readonly unknown[]): { lastInsertRowid: number | bigint } {
    this.#wrote = true;
    this.#hasBatchWritten = true;
    return this.#statement(sql).run(...values);
  }

  #flush(): void {
    this.#isScheduled = false;
    const batch = this.#waiting;
    if (batch.length === 0 || this.#flushing !== null) return;
    this.#waiting = [];
    this.#hasBatchWritten = false;
    // One change broke the whole batch, or the disk did: each on its own, so that only what is broken fails.
    const outcomes = this.#transact(batch) ?? batch.map((waiting) => this.#transactAlone(waiting));
    if (!this.#hasBatchWritten || !this.#hasLog) {
      this.#settle(batch, outcomes);
      return;
    }
    this.#flushing = this.#flushLog().then(
      () => this.#settle(batch, outcomes),
      (error: unknown) => {
        this.#isBroken = true;
        const failed = new FlushFailed(error);
        for (const { reject } of batch) reject(failed);
        throw failed;
      },
    ).finally(() => {
      this.#flushing = null;
      this.#flush();
    });
    // Each of the batch was told; nobody may be waiting for it besides.
    this.#flushing.catch(() => undefined);
  }

  #openLog(): number {
    return (this.#log ??= openSync(this.#logFile, 'r+'));
  }

  #flushLog(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#openLog(), (error) => (error === null ? resolve() : reject(error)));
    });
  }

  #settle(batch: readonly Waiting[], outcomes: readonly (Outcome | undefined)[]): void {
    batch.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome?.ok === true) resolve(outcome.value as never);
      else reject(outcome?.error ?? new S3Error('InternalError'));
    });
    if (!this.#freed) return;
    this.#freed = false;
    this.#onGarbage();
  }

  #transactAlone(waiting: Waiting): Outcome | undefined {
    const outcome = this.#transact([waiting], true)?.[0];
    const needsRoom = waiting.isDeletion && outcome?.ok === false && isDiskFull(outcome.error);
    return needsRoom && this.#reserve.release() ? this.#transact([waiting], true)?.[0] : outcome;
  }

  /** Null: nothing of it was done. With `isAlone`, an error of the one change is its outcome. */
  #transact(batch: readonly Waiting[], isAlone = false): Outcome[] | null {
    const outcomes: Outcome[] = [];
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const { work } of batch) {
        this.#wrote = false;
        try {
          outcomes.push({ ok: true, value: work() });
        } catch (error) {
          if (this.#wrote || !(error instanceof S3Error || error instanceof ServiceError)) throw error;
          outcomes.push({ ok: false, error });
        }
      }
      this.#db.exec('COMMIT');
      return outcomes;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#buckets.clear();
      return isAlone ? [{ ok: false, error }] : null;
    }
  }
}
