/**
 * One SQLite file: opened durably, migrated, checked, its errors translated, its statements kept.
 *
 * WAL with synchronous=FULL, so that what a call reported as committed survives a power cut. Statements are prepared once.
 * Foreign errors become SyncErrors here and nowhere else.
 */
import { chmodSync, statSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import { SyncError, type ErrorCode } from '../model/errors.ts';

type Connection = InstanceType<typeof DatabaseSync>;
export type Statement = ReturnType<Connection['prepare']>;
export type Row = Record<string, unknown>;

/** Below this size the whole file is checked at each open; above, once a day, since that reads all of it. */
const ALWAYS_CHECK_BYTES = 16 * 2 ** 20;
const CHECK_EVERY_MS = 24 * 3600_000;

const CODES: Readonly<Record<number, ErrorCode>> = {
  3: 'permission-denied', // SQLITE_PERM
  5: 'folder-busy', // SQLITE_BUSY
  6: 'folder-busy', // SQLITE_LOCKED
  8: 'read-only', // SQLITE_READONLY
  10: 'io-error', // SQLITE_IOERR
  11: 'state-corrupt', // SQLITE_CORRUPT
  13: 'disk-full', // SQLITE_FULL
  14: 'permission-denied', // SQLITE_CANTOPEN
  23: 'permission-denied', // SQLITE_AUTH
  26: 'state-corrupt', // SQLITE_NOTADB
};

/** SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow; SQLite says so, and not SQLITE_FULL, where the disk is full. */
const NO_ROOM_FOR_INDEX = 4874;

/** Any error of the library as a SyncError: what the disk did, or `invariant` where a constraint refused a bad row. */
export function translateDatabaseError(error: unknown, path?: string): unknown {
  if (error instanceof SyncError || !(error instanceof Error)) return error;
  const extended = (error as { errcode?: unknown }).errcode;
  if (typeof extended !== 'number') return error;
  // The message of a constraint names columns, never values; others may name files.
  const code = extended === NO_ROOM_FOR_INDEX ? 'disk-full' : (CODES[extended & 0xff] ?? 'invariant');
  return new SyncError(code, { path, detail: code === 'invariant' ? `records: ${error.message}` : undefined }, { cause: error });
}

export function constraintOf(error: unknown): string | null {
  return error instanceof Error && typeof (error as { errcode?: unknown }).errcode === 'number' && ((error as unknown as { errcode: number }).errcode & 0xff) === 19
    ? error.message
    : null;
}

export class Database {
  readonly path: string;
  readonly #connection: Connection;
  readonly #statements = new Map<string, Statement>();

  /**
   * @param migrations - SQL scripts; the n-th brings a file from user_version n to n + 1.
   * @throws SyncError state-corrupt, state-newer-version, disk-full, read-only, permission-denied
   */
  constructor(path: string, migrations: readonly string[], nowMs: number = Date.now()) {
    this.path = path;
    let connection: Connection | undefined;
    try {
      connection = new DatabaseSync(path);
      this.#connection = connection;
      // Names of files are in here; the directory is private already, this covers a home that was copied about.
      if (process.platform !== 'win32') chmodSync(path, 0o600);
      this.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384');
      this.#migrate(migrations);
      this.#check(nowMs);
    } catch (error) {
      try {
        connection?.close();
      } catch {
        // The first error is the one to report.
      }
      throw translateDatabaseError(error, path);
    }
  }

  #migrate(migrations: readonly string[]): void {
    const versionOf = (): number => Number((this.#connection.prepare('PRAGMA user_version').get() as Row)['user_version']);
    if (versionOf() === migrations.length) return;
    this.exec('BEGIN IMMEDIATE');
    try {
      const version = versionOf(); // again: another process may have just migrated
      if (version > migrations.length) throw new SyncError('state-newer-version', { path: this.path });
      for (const script of migrations.slice(version)) this.exec(script);
      this.exec(`PRAGMA user_version = ${migrations.length}`);
      this.exec('COMMIT');
    } catch (error) {
      if (this.#connection.isTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  #check(nowMs: number): void {
    this.exec('CREATE TABLE IF NOT EXISTS checked (one INTEGER PRIMARY KEY CHECK (one = 1), at_ms INTEGER NOT NULL)');
    const isLarge = statSync(this.path).size > ALWAYS_CHECK_BYTES;
    if (isLarge) {
      const last = this.#connection.prepare('SELECT at_ms FROM checked').get() as Row | undefined;
      if (last !== undefined && Math.abs(nowMs - Number(last['at_ms'])) < CHECK_EVERY_MS) return;
    }
    const answer = this.#connection.prepare('PRAGMA quick_check(1)').get() as Row;
    const says = String(Object.values(answer)[0]);
    if (says !== 'ok') throw new SyncError('state-corrupt', { path: this.path, detail: 'integrity check' }, { cause: new Error(says) });
    if (isLarge) this.#connection.prepare('INSERT INTO checked VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET at_ms = excluded.at_ms').run(nowMs);
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  statement(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `body` with translated errors. */
  guard<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw translateDatabaseError(error, this.path);
    }
  }

  /** One transaction: all of `body` or nothing of it. Inside another one it simply takes part. */
  transaction<T>(body: () => T): T {
    if (this.#connection.isTransaction) return body();
    return this.guard(() => {
      this.exec('BEGIN IMMEDIATE');
      try {
        const result = body();
        this.exec('COMMIT');
        return result;
      } catch (error) {
        // SQLite rolls back by itself after some errors (disk full, corruption).
        if (this.#connection.isTransaction) this.exec('ROLLBACK');
        throw error;
      }
    });
  }

  run(sql: string, ...values: readonly unknown[]): void {
    this.guard(() => this.statement(sql).run(...values));
  }
  get(sql: string, ...values: readonly unknown[]): Row | null {
    return this.guard(() => (this.statement(sql).get(...values) as Row | undefined) ?? null);
  }
  all(sql: string, ...values: readonly unknown[]): readonly Row[] {
    return this.guard(() => this.statement(sql).all(...values) as Row[]);
  }
  /** As `all`, each row as an array in the order of the columns: about twice as fast for wide rows. */
  allArrays(sql: string, ...values: readonly unknown[]): readonly (readonly unknown[])[] {
    return this.guard(() => {
      const statement = this.statement(`${sql} `);
      statement.setReturnArrays(true);
      return statement.all(...values) as unknown[][];
    });
  }

  close(): void {
    if (!this.#connection.isOpen) return;
    this.#statements.clear();
    this.guard(() => this.#connection.close());
  }
}
