/** A computer that joins with the same files already there, where a HEAD tells their hash and where, with KMS, it does not: then they are fetched to compare. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Enfold, NewFolder, SyncReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { seededBytes, treeOf, writeAt } from '../helpers/tree.ts';

const { signal } = new AbortController();
const scratch = mkdtempSync(join(tmpdir(), 'enfold-joining-'));
let storage: RunningStorage;
let computers: readonly [Enfold, Enfold];

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch, 'storage') });
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  const opened: Enfold[] = [];
  const keys = { aes: randomBytes(32), 'sse-c': randomBytes(32) } as const;
  for (const name of ['one', 'two']) {
    const enfold = await openEnfold({ home: join(scratch, `home-${name}`), hostName: name, env: IN_ANY_STORE });
    await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
    for (const [type, content] of Object.entries(keys)) {
      writeFileSync(join(scratch, type), content);
      await enfold.keys.importFrom({ name: type, file: join(scratch, type), passphrase: null, type: type as 'aes' });
    }
    opened.push(enfold);
  }
  computers = opened as [Enfold, Enfold];
  await computers[0].connections.createBucket('s3', 'joining');
});
afterAll(async () => {
  for (const enfold of computers) await enfold.close();
  await storage.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function syncOf(enfold: Enfold, id: string): Promise<SyncReport> {
  const folder = await enfold.folders.open(id);
  try {
    return await folder.sync({ acceptHeld: false, signal });
  } finally {
    await folder.close();
  }
}

test.each<readonly [string, Partial<NewFolder>]>([
  ['sse-kms', { mode: 'sse-kms' }],
  ['sse-c', { mode: 'sse-c', key: 'sse-c' }],
  ['cse-c', { mode: 'cse-c', key: 'aes' }],
])('%s: equal files make no conflict copies, other ones do', async (what, options) => {
  const prefix = `${what.replaceAll(/\W+/g, '-')}/`;
  const roots = ['a', 'b'].map((name) => join(scratch, `${name}-${prefix.slice(0, -1)}`)) as [string, string];
  for (const root of roots) {
    mkdirSync(root);
    for (let index = 0; index < 5; index += 1) writeAt(root, `small ${index}.txt`, `content ${index}`);
    writeAt(root, 'large.bin', seededBytes('large', 9 * 1024 * 1024));
    writeAt(root, 'empty.txt', '');
    writeAt(root, 'differs.txt', `on ${root.includes('/a-') ? 'a' : 'b'}`);
  }
  const base = { connection: 's3', bucket: 'joining', prefix, key: null, names: 'readable', direction: 'two-way', createBucket: false } as const;
  const { folder } = await computers[0].folders.add({ ...base, mode: null, localPath: roots[0], ...options });
  await syncOf(computers[0], folder.id);
  await computers[1].folders.add({ ...base, mode: null, localPath: roots[1] });
  const joined = await syncOf(computers[1], folder.id);
  expect(joined.conflictCopies).toHaveLength(1);
  expect(joined).toMatchObject({ inStep: true, failed: [], quarantined: [] });
  expect(Object.keys(treeOf(roots[1])).filter((path) => path.includes('conflict'))).toEqual([expect.stringContaining('differs (conflict')]);
  // And that is all: neither computer has anything left to do but to exchange the copy.
  expect((await syncOf(computers[0], folder.id)).conflictCopies).toEqual([]);
  expect((await syncOf(computers[1], folder.id)).counts).toMatchObject({ upload: 0, download: 0, 'keep-both': 0 });
  expect(treeOf(roots[1])).toEqual(treeOf(roots[0]));
});
