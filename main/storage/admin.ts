/**
 * What the owner of a data folder does with it besides S3: access keys and server master keys. `openAdmin` does it on the server that serves
 * the folder, by calls that the root access key signs, or, where nobody serves it, by opening the folder itself for that long.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError, isErrorCode, isSyncError } from '../model/errors.ts';
import { sha256Hex } from '../sigv4/signature.ts';
import { createSigner } from '../sigv4/sign.ts';
import { openAccessKeys, type ListedKey, type UserKey } from './access-keys.ts';
import { CERTIFICATE_FILE } from './certificate.ts';
import type { ListedMasterKey, RootKeys } from './key-ring.ts';
import { ADMIN_PREFIX, ADMIN_SERVICE } from './operations/admin.ts';
import type { RewrapReport } from './rewrap.ts';
import { readSecretFile } from './secret-file.ts';
import { readEndpoint, startStorage } from './server.ts';

export type StorageStatus = {
  /** Null: nobody serves the folder now. */
  readonly endpoint: string | null;
  readonly masterKeys: readonly ListedMasterKey[];
  readonly rootKeyId: string | null;
  readonly rewrap: RewrapReport | null;
  readonly unfinishedUploads: number;
};

export type Admin = {
  /** @throws SyncError bad-usage where the name is taken or none */
  addAccessKey(name: string, hasFullAccess: boolean): Promise<UserKey>;
  listAccessKeys(): Promise<readonly ListedKey[]>;
  /** @throws SyncError no-such-access-key, bad-usage for the root key */
  removeAccessKey(name: string): Promise<ListedKey>;
  /** Makes a new server master key; what older ones wrap is wrapped anew in the background. */
  rotateMasterKey(): Promise<StorageStatus>;
  status(): Promise<StorageStatus>;
};

type Answer = { readonly status: number; readonly body: string };

function post(endpoint: string, ca: string | undefined, headers: Record<string, string>, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port, protocol } = new URL(endpoint);
    const options = { hostname, port, method: 'POST', path: '/', headers, agent: false as const, timeout: 30_000 };
    const outgoing = protocol === 'https:' ? httpsRequest({ ...options, ca }) : httpRequest(options);
    outgoing.on('response', (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('the storage does not answer')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The calls, to a server that runs. */
function remoteAdmin(dir: string, endpoint: string): Admin {
  // Answers are what `operations/admin.ts` gives for the call.
  const call = async <T>(name: keyof Admin, input: Record<string, unknown> = {}): Promise<T> => {
    const { root } = await openAccessKeys(dir);
    const body = JSON.stringify(input);
    const headers = { host: new URL(endpoint).host, 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${ADMIN_PREFIX}${name}` };
    const signed = createSigner(root, 'us-east-1', ADMIN_SERVICE).signHeaders({ method: 'POST', path: '/', headers, payloadHash: sha256Hex(body) }, Date.now());
    const ca = endpoint.startsWith('https:') ? ((await readSecretFile(join(dir, CERTIFICATE_FILE))) ?? undefined) : undefined;
    let answer: Answer;
    try {
      answer = await post(endpoint, ca, { ...headers, ...signed, 'content-length': String(Buffer.byteLength(body)) }, body);
    } catch (cause) {
      throw new SyncError('offline', { detail: `the storage at ${endpoint} does not answer` }, { cause });
    }
    const members = JSON.parse(answer.body) as { result: T; __type?: string; message?: string };
    if (answer.status === 200) return members.result;
    const code = members.__type ?? '';
    throw new SyncError(isErrorCode(code) ? code : 'rejected', { detail: members.message ?? code });
  };
  return {
    addAccessKey: (name, hasFullAccess) => call('addAccessKey', { name, hasFullAccess }),
    listAccessKeys: () => call('listAccessKeys'),
    removeAccessKey: (name) => call('removeAccessKey', { name }),
    rotateMasterKey: () => call('rotateMasterKey'),
    status: () => call('status'),
  };
}

/**
 * Opens the administration of a data folder, on the server that serves it or in its place.
 *
 * @throws SyncError not-a-storage-folder; offline where a server holds the folder and does not answer; storage-key-missing
 */
export async function openAdmin(dir: string, rootKeys: RootKeys | undefined, log: (line: string) => void): Promise<Admin & { close(): Promise<void> }> {
  await access(join(dir, 'storage.db')).catch((cause: unknown) => {
    throw new SyncError('not-a-storage-folder', { path: dir }, { cause });
  });
  try {
    const running = await startStorage({ dir, rootKeys, log, isSecure: (await readEndpoint(dir))?.startsWith('https:') === true });
    const { admin } = running;
    const withoutEndpoint = async (status: Promise<StorageStatus>): Promise<StorageStatus> => ({ ...(await status), endpoint: null });
    return { ...admin, rotateMasterKey: () => withoutEndpoint(admin.rotateMasterKey().then(async () => {
      // Nobody else will wrap anew until the storage runs again: it is done now.
      await running.rewrapped();
      return admin.status();
    })), status: () => withoutEndpoint(admin.status()), close: () => running.stop() };
  } catch (error) {
    if (!isSyncError(error, 'storage-busy')) throw error;
    const endpoint = await readEndpoint(dir);
    if (endpoint === null) throw error;
    return { ...remoteAdmin(dir, endpoint), close: async () => undefined };
  }
}
