/**
 * What the storage holds, in one SQLite database: buckets, objects, multipart uploads, and the bodies small enough to live beside their records.
 *
 * Every change is a function that runs inside a transaction shared with all changes that wait at that moment, and is answered when that
 * transaction is on the disk: durable at one flush per batch instead of one per object. Nothing else writes, so what a change reads is
 * what it changes: conditions are decided here and nowhere else.
 */
import { DatabaseSync } from '@photostructure/sqlite';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { S3Error } from './errors.ts';
import { MIGRATIONS } from './schema.ts';
import type { BodyRef, Bucket, ListedRow, ObjectRecord, PartRecord, Upload } from './records.ts';

export const DATABASE_FILE = 'storage.db';

type Row = Record<string, unknown>;
type Statement = ReturnType<InstanceType<typeof DatabaseSync>['prepare']>;

/** A key as bytes, so that order and prefixes are S3's: by UTF-8 bytes. */
export const keyBytes = (objectKey: string): Buffer => Buffer.from(objectKey, 'utf8');
const keyText = (value: unknown): string => Buffer.from(value as Uint8Array).toString('utf8');

function bucketOf(row: Row): Bucket {
  return { id: row['id'] as number, name: row['name'] as string, createdMs: row['created_ms'] as number, region: row['region'] as string };
}

function objectOf(row: Row): ObjectRecord {
  return { ...(JSON.parse(row['record'] as string) as Omit<ObjectRecord, 'etag' | 'size' | 'modifiedMs' | 'versionId'>),
    versionId: row['version'] as string, etag: row['etag'] as string, size: row['size'] as number, modifiedMs: row['modified_ms'] as number };
}

function uploadOf(row: Row): Upload {
  return { ...(JSON.parse(row['record'] as string) as Omit<Upload, 'id' | 'bucketId' | 'objectKey' | 'createdMs'>),
    id: row['id'] as string, bucketId: row['bucket'] as number, objectKey: keyText(row['key']), createdMs: row['created_ms'] as number };
}

function partOf(row: Row): PartRecord {
  return { number: row['number'] as number, etag: row['etag'] as string, modifiedMs: row['modified_ms'] as number,
    body: JSON.parse(row['body'] as string) as BodyRef, checksum: row['checksum'] as string | null };
}

type Waiting = { readonly work: () => unknown; readonly resolve: (value: never) => void; readonly reject: (error: unknown) => void };
type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

export class Catalogue {
  readonly #db: InstanceType<typeof DatabaseSync>;
  readonly #statements = new Map<string, Statement>();
  readonly #onGarbage: () => void;
  /** Looked at by every request; what a transaction changes and takes back is forgotten. */
  readonly #buckets = new Map<string, Bucket>();
  #waiting: Waiting[] = [];
  #isScheduled = false;
  #wrote = false;
  #freed = false;

  /** @param onGarbage - called after a commit that left body files behind which nothing names any more. */
  constructor(directory: string, onGarbage: () => void) {
    this.#onGarbage = onGarbage;
    this.#db = new DatabaseSync(join(directory, DATABASE_FILE));
    this.#db.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -32768; PRAGMA foreign_keys = ON');
    this.#migrate();
  }

  close(): void {
    this.#flush();
    this.#db.close();
  }

  /**
   * Runs `work` inside the next transaction and answers with its result once that is durable. `work` throws before it changes anything,
   * or not at all; what it throws is the answer.
   */
  commit<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    });
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
  addBucket(bucket: Omit<Bucket, 'id'>): void {
    this.#run('INSERT INTO buckets (name, created_ms, region, settings) VALUES (?, ?, ?, \'{}\')', bucket.name, bucket.createdMs, bucket.region);
  }
  hasObjects(bucketId: number): boolean {
    return this.#get('SELECT 1 FROM objects WHERE bucket = ? LIMIT 1', bucketId) !== undefined;
  }
  removeBucket(bucketId: number): void {
    for (const row of this.#all('SELECT id FROM uploads WHERE bucket = ?', bucketId)) this.removeUpload(row['id'] as string, true);
    this.#run('DELETE FROM buckets WHERE id = ?', bucketId);
    this.#buckets.clear();
  }

  // ---- objects

  object(bucketId: number, objectKey: string): ObjectRecord | null {
    const row = this.#get('SELECT version, etag, size, modified_ms, record FROM objects WHERE bucket = ? AND key = ?', bucketId, keyBytes(objectKey));
    return row === undefined ? null : objectOf(row);
  }
  /** Puts the record in the place of any that was there, whose bodies are freed. */
  putObject(bucketId: number, objectKey: string, object: ObjectRecord): void {
    this.removeObject(bucketId, objectKey);
    const { versionId, etag, size, modifiedMs, ...record } = object;
    this.#run('INSERT INTO objects (bucket, key, version, marker, etag, size, modified_ms, checksum, record) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)',
      bucketId, keyBytes(objectKey), versionId, etag, size, modifiedMs, object.checksum === null ? null : `${object.checksum.algorithm} ${object.checksum.type}`, JSON.stringify(record));
  }
  removeObject(bucketId: number, objectKey: string): boolean {
    const key = keyBytes(objectKey);
    const row = this.#get('SELECT record FROM objects WHERE bucket = ? AND key = ?', bucketId, key);
    if (row === undefined) return false;
    this.#run('DELETE FROM objects WHERE bucket = ? AND key = ?', bucketId, key);
    for (const body of (JSON.parse(row['record'] as string) as ObjectRecord).bodies) this.removeBody(body);
    return true;
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
    const statement = this.#db.prepare('SELECT b.name AS bucket, o.key AS key, o.record AS record FROM objects o JOIN buckets b ON b.id = o.bucket');
    for (const row of statement.iterate() as Iterable<Row>) {
      const { bodies } = JSON.parse(row['record'] as string) as ObjectRecord;
      if (bodies.some((body) => files.has(body.salt))) yield { bucket: row['bucket'] as string, objectKey: keyText(row['key']) };
    }
  }

  // ---- multipart uploads

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
    return this.#statement(sql).run(...values);
  }

  #flush(): void {
    this.#isScheduled = false;
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    const outcomes = this.#transact(batch);
    if (outcomes !== null) {
      batch.forEach((waiting, index) => this.#settle(waiting, outcomes[index]));
    } else {
      // One change broke the whole batch, or the disk did: each on its own, so that only what is broken fails.
      for (const waiting of batch) this.#settle(waiting, this.#transact([waiting], true)?.[0]);
    }
    if (!this.#freed) return;
    this.#freed = false;
    this.#onGarbage();
  }

  #settle(waiting: Waiting, outcome: Outcome | undefined): void {
    if (outcome?.ok === true) waiting.resolve(outcome.value as never);
    else waiting.reject(outcome?.error ?? new S3Error('InternalError'));
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
          if (this.#wrote || !(error instanceof S3Error)) throw error;
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
