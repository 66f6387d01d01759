/**
 * Built-in storage: an S3 endpoint on loopback over a folder of the user's choice.
 *
 * It verifies every signature, encrypts every body at rest, decides every condition in the transaction that acts on it, and acknowledges a
 * write only when it is on the disk. A request passes `http` (connection), `request` (parse), `authenticate`, `router` (which operation),
 * `operations/*`, and back. What is kept: records and small bodies in one database (`catalogue`), larger bodies in files (`bodies`).
 * It is the server only: nothing of the engine is imported here.
 */
import { mkdir, writeFile, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { openAccessKeys, type AccessKey, type AccessKeys, type UserKey } from './access-keys.ts';
import type { Admin } from './admin.ts';
import { openAudit, type Audit } from './audit.ts';
import { createAuthenticator } from './authenticate.ts';
import { BodyStore, type StartupReport } from './bodies.ts';
import { Catalogue } from './catalogue.ts';
import { SyncError } from '../model/errors.ts';
import { openCertificate } from './certificate.ts';
import { isDiskFailure, isDiskFull } from './errors.ts';
import { createHttpServer } from './http.ts';
import { startHousekeeping, type Housekeeping } from './housekeeping.ts';
import { openKeyRing, type KeyRing, type RootKeys } from './key-ring.ts';
import { KmsKeys } from './kms-keys.ts';
import { lockDataFolder } from './lock.ts';
import { Reserve } from './reserve.ts';
import { rewrapReport } from './rewrap.ts';
import { syncDirectory } from './secret-file.ts';

export type StorageOptions = {
  readonly dir: string;
  /** 0: any free one. None: the one it had last, else any free one. */
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  /** HTTPS, with a certificate of the folder's own. */
  readonly isSecure?: boolean | undefined;
  /** Where the root key is kept, if not beside the data; none: only folders that need none can be served. */
  readonly rootKeys?: RootKeys | undefined;
  /** Takes the place of the stored root key, for this run. */
  readonly accessKey?: AccessKey | undefined;
  /** Milliseconds since 1970; tests give another clock. */
  readonly now?: (() => number) | undefined;
  /** One line per thing an operator should know; no content, no secrets. */
  readonly log?: ((line: string) => void) | undefined;
};

/** What the check at start found wrong: objects that are listed and whose content is gone, and files that nothing names. */
export type DamageReport = { readonly unreadable: readonly { readonly bucket: string; readonly objectKey: string }[]; readonly unknownFiles: readonly string[] };

export type RunningStorage = AccessKey & {
  /** `http://127.0.0.1:PORT`, or `https:` */
  readonly endpoint: string;
  /** Where it is HTTPS: what a client compares or trusts. */
  readonly certificate: { readonly pem: string; readonly fingerprint: string } | null;
  readonly dir: string;
  readonly damage: DamageReport;
  /** Of the root key that wraps the master keys; null: they lie in the folder as they are. */
  readonly rootKeyId: string | null;
  readonly admin: Admin;
  rotateMasterKey(): Promise<void>;
  /** Resolves when nothing is left that an older master key wraps, or the storage stops. */
  rewrapped(): Promise<void>;
  /** Resolves when what the storage does by itself at start, or is doing now, is done. */
  settled(): Promise<void>;
  /** A further access key, a user of the account; without full access it may do what policies allow it. */
  addAccessKey(name: string, hasFullAccess?: boolean): Promise<UserKey>;
  /** Answers what has begun, then closes. */
  stop(): Promise<void>;
};

const ENDPOINT_FILE = 'endpoint';
const STOP_GRACE_MS = 5_000;

/** Where a server that holds this folder says it is; null where it does not say. */
export async function readEndpoint(dir: string): Promise<string | null> {
  const text = await readFile(join(dir, ENDPOINT_FILE), 'utf8').catch(() => '');
  return /^https?:\/\/\S+$/.test(text.trim()) ? text.trim() : null;
}

/** Ports below are not for everybody, and no port is kept that the system would not have given. */
const LOWEST_KEPT_PORT = 1024;

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      listening();
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Listens where it was asked to; else where it was last, so that clients need not be told anew, or anywhere. */
async function listenAgain(server: Server, host: string, port: number | undefined, dir: string): Promise<number> {
  if (port !== undefined) return listen(server, host, port);
  const last = Number(new URL((await readEndpoint(dir)) ?? 'http://none').port);
  if (last < LOWEST_KEPT_PORT) return listen(server, host, 0);
  try {
    return await listen(server, host, last);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) return listen(server, host, 0);
    throw error;
  }
}

type AdminParts = { readonly accessKeys: AccessKeys; readonly catalogue: Catalogue; readonly keyRing: KeyRing; readonly endpoint: () => string | null; readonly rotate: () => Promise<void> };

function createAdmin({ accessKeys, catalogue, keyRing, endpoint, rotate }: AdminParts): Admin {
  const status: Admin['status'] = async () => ({
    endpoint: endpoint(), masterKeys: keyRing.listed(), rootKeyId: keyRing.rootKeyId, rewrap: rewrapReport(catalogue, keyRing), unfinishedUploads: catalogue.countUploads(),
  });
  return {
    addAccessKey: accessKeys.add, listAccessKeys: async () => accessKeys.list(), removeAccessKey: accessKeys.remove, status,
    rotateMasterKey: async () => {
      await rotate();
      return status();
    },
  };
}

function reportDamage(catalogue: Catalogue, report: StartupReport, log: (line: string) => void): DamageReport {
  const unreadable = report.missing.length === 0 ? [] : [...catalogue.objectsWithFiles(new Set(report.missing))];
  if (report.removedLeftovers > 0) log(`removed ${report.removedLeftovers} leftovers of unfinished writes`);
  if (report.missing.length > 0) log(`${report.missing.length} body files are missing; ${unreadable.length} objects cannot be read and are kept as they are`);
  if (report.unknown.length > 0) log(`${report.unknown.length} body files belong to no object; they are kept`);
  return { unreadable, unknownFiles: report.unknown };
}

/**
 * Starts the storage over a folder, which is created if it is not there.
 *
 * @throws SyncError storage-busy where another server holds the folder; state-corrupt; newer-version; disk-full; io-error
 */
export async function startStorage(options: StorageOptions): Promise<RunningStorage> {
  const dir = resolve(options.dir);
  const now = options.now ?? Date.now;
  const log = options.log ?? (() => undefined);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(dir);
  let catalogue: Catalogue | undefined;
  let audit: Audit | undefined;
  let housekeeping: Housekeeping | undefined;
  try {
    const reserve = new Reserve(dir);
    let collect = (): void => undefined;
    catalogue = new Catalogue(dir, reserve, () => collect());
    const bodies = new BodyStore(dir, catalogue, reserve);
    collect = () => bodies.collect();
    const keyRing: KeyRing = await openKeyRing(dir, catalogue.isEmpty(), now(), options.rootKeys);
    const accessKeys = await openAccessKeys(dir, options.accessKey);
    await syncDirectory(dir);
    const damage = reportDamage(catalogue, await bodies.check(), log);
    const tls = options.isSecure === true ? await openCertificate(dir, now()) : undefined;
    const opening = await openAudit(dir);
    audit = opening;
    let at: string | null = null;
    const rotateMasterKey = async (): Promise<void> => {
      await keyRing.rotate(now());
      void housekeeping?.rewrap().catch((error: unknown) => log(`wrapping anew failed: ${error instanceof Error ? error.message : 'unknown error'}`));
    };
    const admin = createAdmin({ accessKeys, catalogue, keyRing, endpoint: () => at, rotate: rotateMasterKey });
    const server = createHttpServer({
      storage: { catalogue, bodies, keyRing, kms: new KmsKeys(catalogue, keyRing, now), admin }, principalOf: accessKeys.principalOf, audit: opening, tls, authenticate: createAuthenticator(accessKeys.secretOf), now,
      onFault: (error, requestId) => log(`request ${requestId} failed: ${error instanceof Error ? error.message : 'unknown error'}`),
    });
    const host = options.host ?? '127.0.0.1';
    const port = await listenAgain(server, host, options.port, dir);
    const endpoint = `${tls === undefined ? 'http' : 'https'}://${host}:${port}`;
    at = endpoint;
    await writeFile(join(dir, ENDPOINT_FILE), endpoint, { mode: 0o600 });
    bodies.collect();
    const opened = catalogue;
    const keeping = startHousekeeping({ catalogue, keyRing, audit: opening, now, log });
    housekeeping = keeping;
    let stopping: Promise<void> | null = null;
    const stop = async (): Promise<void> => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
      await closed;
      clearTimeout(timer);
      await keeping.stop();
      await bodies.close();
      await opening.close();
      await opened.close();
      lock.release();
    };
    const certificate = tls === undefined ? null : { pem: tls.cert, fingerprint: tls.fingerprint };
    return { endpoint, certificate, ...accessKeys.root, dir, damage, rootKeyId: keyRing.rootKeyId, admin, rotateMasterKey, rewrapped: () => keeping.rewrap(), settled: () => keeping.settled(), addAccessKey: (name, hasFullAccess = true) => accessKeys.add(name, hasFullAccess), stop: () => (stopping ??= stop()) };
  } catch (error) {
    await housekeeping?.stop();
    await catalogue?.close();
    await audit?.close();
    lock.release();
    if (isDiskFull(error)) throw new SyncError('disk-full', {}, { cause: error });
    throw isDiskFailure(error) ? new SyncError('io-error', {}, { cause: error }) : error;
  }
}
