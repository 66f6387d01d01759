/** A remote folder and a transfer pool over a real server, with local files to send. */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authKeyOf, createFolderKey, namesKeyOf } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import { entryOf } from '../../main/local/stamp.ts';
import type { EncryptionMode, NamesSetting } from '../../main/model/mode.ts';
import { syncPath } from '../../main/model/path.ts';
import type { LocalPath, ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import type { LocalEntry, OperationId } from '../../main/model/snapshot.ts';
import type { RemoteFolderConfig } from '../../main/remote/folder-config.ts';
import { openRemoteFolder } from '../../main/remote/folder.ts';
import type { OpenRemoteFolder } from '../../main/remote/folder.ts';
import { createTransferPool } from '../../main/transfer/pool.ts';
import type { TransferPool, TransferPoolOptions } from '../../main/transfer/pool.ts';
import type { DownloadResult, UploadJob, UploadResult } from '../../main/sync/ports.ts';

export type TestMode = 'cse-c' | 'cse-c-v2' | 'sse-s3';

export const newOperationId = (): OperationId => randomBytes(16).toString('hex') as OperationId;
export const never = new AbortController().signal;
export const noProgress = (): void => {};

export function makeConfig(access: S3Access, bucket: string, testMode: TestMode, names?: NamesSetting): RemoteFolderConfig {
  const place = { access, bucket, prefix: `${randomBytes(6).toString('hex')}/`, folderId: randomBytes(16).toString('hex') };
  if (testMode === 'sse-s3') return { ...place, names: 'readable', namesKey: null, epochs: [{ n: 1, mode: { id: 'sse-s3' }, authKey: null }], keys: [] };
  const bytes = randomBytes(32);
  const keyId = keyIdOf('aes', bytes);
  const folderKey = createFolderKey();
  const mode: EncryptionMode = { id: 'cse-c', keyId, keyType: 'aes', format: testMode === 'cse-c' ? 'v3' : 'v2' };
  const isEncrypted = (names ?? 'encrypted') === 'encrypted';
  return {
    ...place, names: isEncrypted ? 'encrypted' : 'readable', namesKey: isEncrypted ? namesKeyOf(folderKey) : null,
    epochs: [{ n: 1, mode, authKey: authKeyOf(folderKey, 1) }], keys: [{ keyId, type: 'aes', bytes }], folderKey,
  };
}

export type FolderFixture = {
  readonly config: RemoteFolderConfig;
  readonly folder: OpenRemoteFolder;
  readonly pool: TransferPool;
  readonly directory: string;
  /** Writes a local file and says what the engine would know of it. */
  writeLocal(path: string, content: Uint8Array): { readonly path: SyncPath; readonly local: LocalEntry; readonly source: LocalPath };
  jobFor(file: { readonly path: SyncPath; readonly local: LocalEntry; readonly source: LocalPath }, ifMatch?: string | null): UploadJob;
  upload(path: string, content: Uint8Array, ifMatch?: string | null): Promise<UploadResult>;
  download(path: SyncPath, version: UploadResult['version']): Promise<{ readonly result: DownloadResult; readonly content: Buffer; readonly staged: LocalPath }>;
  newStaged(): LocalPath;
  listKeys(): Promise<readonly ObjectKey[]>;
  close(): Promise<void>;
};

export function openFixture(config: RemoteFolderConfig, options: TransferPoolOptions = { size: 0 }): FolderFixture {
  const directory = mkdtempSync(join(tmpdir(), 'enfold-transfer-'));
  const folder = openRemoteFolder(config);
  const pool = createTransferPool(config, options);
  let count = 0;
  const fixture: FolderFixture = {
    config, folder, pool, directory,
    writeLocal(text, content) {
      const path = syncPath(text);
      const source = join(directory, `source-${(count += 1)}`) as LocalPath;
      writeFileSync(source, content);
      chmodSync(source, 0o640);
      return { path, source, local: entryOf(path, lstatSync(source, { bigint: true })) };
    },
    jobFor({ path, local, source }, ifMatch = null) {
      return {
        path, source, local, ifMatch, objectKey: folder.objectKeyOf(path),
        attributes: { operationId: newOperationId(), vector: { aaaaaaaaaaaa: 1 }, mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: local.kind },
      };
    },
    upload: async (path, content, ifMatch = null) => pool.upload(fixture.jobFor(fixture.writeLocal(path, content), ifMatch), noProgress, never),
    async download(path, version) {
      const staged = fixture.newStaged();
      const { objectKey, etag, objectBytes } = version;
      const result = await pool.download({ path, objectKey, etag, objectBytes, staged }, noProgress, never);
      return { result, content: readFileSync(staged), staged };
    },
    newStaged: () => join(directory, `staged-${(count += 1)}`) as LocalPath,
    async listKeys() {
      const keys: ObjectKey[] = [];
      for await (const page of folder.list(never)) keys.push(...page.map(({ objectKey }) => objectKey));
      return keys;
    },
    async close() {
      await pool.close();
      await folder.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return fixture;
}
