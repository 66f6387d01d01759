/** How one object, or one file of a folder, is encrypted, and who could read it with what. */
import type { Explanation, LocalKey } from '../bucket/explain.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Folders, Target } from './api.ts';
import type { Wiring } from './open-folder.ts';

export type Explained = Explanation & { readonly bucket: string; readonly objectKey: string; readonly sizeBytes: number };
type Named = { readonly connection: string; readonly bucket: string; readonly objectKey: string; readonly key: string | null };

/** The object that holds a file of a folder; names may be encrypted, so this opens the folder's keys. */
async function objectOf(target: Target, folders: Folders, wiring: Wiring): Promise<Named> {
  if (target.type === 'object') return target;
  const { pathOf } = await import('./files.ts');
  const [{ openRemoteSide }, { openFolderState }] = await Promise.all([import('./open-folder.ts'), import('../state/folder-state.ts')]);
  const folder = folders.find(target.folder);
  const state = openFolderState(wiring.home, folder.id);
  try {
    const side = await openRemoteSide(folder, state, wiring);
    try {
      return { connection: folder.connectionId, bucket: folder.bucket, objectKey: side.remote.objectKeyOf(pathOf(target.path)), key: 'keyId' in folder.mode ? folder.mode.keyId : null };
    } finally {
      await side.close();
    }
  } finally {
    state.close();
  }
}

/** @throws SyncError no-such-path, bad-usage, access-denied, offline, … */
export async function explainTarget(target: Target, folders: Folders, wiring: Wiring, signal: AbortSignal): Promise<Explained> {
  const { connection: wanted, bucket, objectKey, key } = await objectOf(target, folders, wiring);
  if (objectKey === '') throw new SyncError('bad-usage', { detail: 'explain needs one object' });
  const connection = wiring.connections.find(wanted);
  const [{ openBucket }, { lookAt }, { explainObject }, { regionOf }, { customerKeysOf, readEnvelope }] = await Promise.all([
    import('../bucket/open-bucket.ts'), import('../bucket/object-encryption.ts'), import('../bucket/explain.ts'), import('../bucket/kms-key.ts'), import('./bucket-scan.ts'),
  ]);
  const open = openBucket(await wiring.connections.accessOf(connection), bucket, 2);
  try {
    let facts = await lookAt(open, objectKey, null, [], readEnvelope, signal);
    if (facts === null) throw new SyncError('no-such-path', { objectKey });
    if (facts.protection === 'unknown') throw new SyncError('access-denied', { objectKey, detail: 'needs s3:GetObject' });
    const held = wiring.keys.list();
    let localKey: LocalKey | null = null;
    if (facts.protection === 'SSE-C') {
      const names = key === null ? held.filter(({ type }) => type === 'sse-c').map(({ name }) => name) : [key];
      const { look } = await customerKeysOf(names, wiring.keys, open.access).catch((error: unknown) => {
        // Without secrets, or over plain http, it is told without them.
        if (isSyncError(error)) return { look: [] };
        throw error;
      });
      facts = (await lookAt(open, objectKey, null, look, readEnvelope, signal)) ?? facts;
      const { customerKeyMd5 } = facts;
      const at = look.findIndex(({ md5 }) => md5 === customerKeyMd5);
      const name = at === -1 ? undefined : names[at];
      localKey = name === undefined ? null : { name: wiring.keys.find(name).name, type: 'sse-c' };
    } else if (facts.envelope !== null) {
      const named = facts.envelope.keyId ?? (key === null ? null : wiring.keys.find(key).keyId);
      const found = held.find(({ keyId }) => keyId === named);
      localKey = found === undefined ? null : { name: found.name, type: found.type };
    }
    const region = (await regionOf(open, signal).catch(() => null)) ?? (open.access.region === '' ? 'us-east-1' : open.access.region);
    return { bucket, objectKey, sizeBytes: facts.sizeBytes, ...explainObject({ bucket, objectKey, versionId: null, endpoint: open.access.endpoint, region }, facts, localKey, connection.name) };
  } finally {
    await open.close();
  }
}
