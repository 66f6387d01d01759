/** Guarded writes over a store in memory that loses answers and ignores what it is told. */
import { describe, expect, test } from 'vitest';
import { SyncError } from '../../main/model/errors.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { Capabilities } from '../../main/remote/capabilities.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import type { ObjectHead, ObjectStore, Written } from '../../main/remote/object-store.ts';
import { putGuarded } from '../../main/remote/writes.ts';
import { codeOf } from './store.contract.ts';

const signal = new AbortController().signal;
const objectKey = 'k' as ObjectKey;
const full: Capabilities = { level: 'full', createIfAbsent: true, ifMatchQuoting: 'quoted', conditionalComplete: true, conditionalCopy: true, conditionalDelete: true, isVersioned: false, keepsMetadata: true, clockSkewMs: 0, probedAtMs: 0 };
const none: Capabilities = { ...full, level: 'none', createIfAbsent: false, ifMatchQuoting: null };
const sse = requestsOf({ id: 'sse-s3' }, [], null);

/** One object; `algorithm` is what the server claims to have done. */
function memoryStore(algorithm: string | null, enforces: boolean) {
  let current: ObjectHead | null = null;
  let count = 0;
  const puts: string[] = [];
  const faults: ('lose' | 'refuse')[] = [];
  const encryption = { algorithm, kmsKeyId: null, customerKeyMd5: null };
  const unused = (): never => {
    throw new Error('not used here');
  };
  const store: ObjectStore = {
    // oxlint-disable-next-line typescript/require-await -- as the interface says
    put: async (_key, body, { metadata, condition }): Promise<Written> => {
      puts.push(metadata['enfold-attrs'] ?? '');
      if (enforces && condition?.type === 'absent' && current !== null) throw new SyncError('version-changed');
      if (enforces && condition?.type === 'version' && current?.etag !== condition.etag) throw new SyncError('version-changed');
      const fault = faults.shift();
      if (fault === 'refuse') throw new SyncError('server-error');
      current = { etag: `e${(count += 1)}`, versionId: null, objectBytes: body.length, lastModifiedMs: 1, metadata, encryption };
      if (fault === 'lose') throw new SyncError('offline');
      return { etag: current.etag, versionId: null, encryption, atMs: 1 };
    },
    // oxlint-disable-next-line typescript/require-await -- as the interface says
    head: async () => current,
    // oxlint-disable-next-line typescript/require-await -- as the interface says
    delete: async () => {
      current = null;
    },
    get: unused, listPage: unused, copy: unused, startMultipart: unused, putPart: unused, completeMultipart: unused, abortMultipart: unused, listMultipart: unused, listParts: unused, isVersioned: unused, close: unused,
  };
  return { store, puts, faults, current: () => current, set: (head: ObjectHead | null) => (current = head), encryption };
}
const write = (attributes: string, ifMatch: string | null = null) => ({ objectKey, metadata: { 'enfold-attrs': attributes }, ifMatch });
const foreign = (etag: string): ObjectHead => ({ etag, versionId: null, objectBytes: 1, lastModifiedMs: 1, metadata: { 'enfold-attrs': 'theirs' }, encryption: { algorithm: 'AES256', kmsKeyId: null, customerKeyMd5: null } });

describe('a guarded write', () => {
  test('is settled by a look where the answer was lost, and not sent twice', async () => {
    const memory = memoryStore('AES256', true);
    memory.faults.push('lose');
    expect(await putGuarded(memory.store, sse, full, write('mine'), Buffer.from('x'), signal)).toMatchObject({ etag: 'e1' });
    expect(memory.puts).toEqual(['mine']);
  });

  test('is sent again where it did not happen', async () => {
    const memory = memoryStore('AES256', true);
    memory.faults.push('refuse');
    await putGuarded(memory.store, sse, full, write('mine'), Buffer.from('x'), signal);
    expect(memory.puts).toEqual(['mine', 'mine']);
  });

  test('loses to whoever came first', async () => {
    const memory = memoryStore('AES256', true);
    memory.set(foreign('f'));
    expect(await codeOf(putGuarded(memory.store, sse, full, write('mine'), Buffer.from('x'), signal))).toBe('version-changed');
    expect(await codeOf(putGuarded(memory.store, sse, full, write('mine', 'another'), Buffer.from('x'), signal))).toBe('version-changed');
    expect(memory.current()?.metadata['enfold-attrs']).toBe('theirs');
  });

  test('looks first where the server ignores conditions', async () => {
    const memory = memoryStore('AES256', false);
    memory.set(foreign('f'));
    expect(await codeOf(putGuarded(memory.store, sse, none, write('mine'), Buffer.from('x'), signal))).toBe('version-changed');
    expect(memory.puts).toEqual([]);
    expect(await putGuarded(memory.store, sse, none, write('mine', 'f'), Buffer.from('x'), signal)).toMatchObject({ etag: 'e1' });
    memory.set(null);
    expect(await codeOf(putGuarded(memory.store, sse, none, write('mine', 'f'), Buffer.from('x'), signal))).toBe('object-not-found');
  });

  test('is removed again where the server did not encrypt as asked', async () => {
    const memory = memoryStore(null, true);
    expect(await codeOf(putGuarded(memory.store, sse, full, write('mine'), Buffer.from('x'), signal))).toBe('mode-not-honoured');
    expect(memory.current()).toBeNull();
  });

  test('is removed as the version that it is where the bucket keeps versions, so that the one before stands again', async () => {
    const memory = memoryStore(null, true);
    memory.set({ ...foreign('f'), versionId: 'v0' });
    const put = memory.store.put.bind(memory.store);
    memory.store.put = async (...given) => {
      const written = await put(...given);
      const stored = memory.current();
      if (stored !== null) memory.set({ ...stored, versionId: 'v1' });
      return { ...written, versionId: 'v1' };
    };
    const removed: string[] = [];
    memory.store.deleteVersion = async (_, versionId) => {
      removed.push(versionId);
      memory.set({ ...foreign('f'), versionId: 'v0' });
    };
    await expect(putGuarded(memory.store, sse, full, write('mine', 'f'), Buffer.from('x'), signal)).rejects.toMatchObject({ code: 'mode-not-honoured', about: { detail: expect.stringContaining('was removed again') as string } });
    expect(removed).toEqual(['v1']);
    expect(memory.current()?.metadata['enfold-attrs']).toBe('theirs');
  });

  test('stays where it may be the only copy, and says so', async () => {
    const memory = memoryStore(null, true);
    await expect(putGuarded(memory.store, sse, full, { ...write('mine'), keepsUnhonoured: true }, Buffer.from('x'), signal)).rejects.toMatchObject({ code: 'mode-not-honoured', about: { detail: expect.stringContaining('stays there') as string } });
    expect(memory.current()?.metadata['enfold-attrs']).toBe('mine');
  });

  test('is said to stand there still where it could not be removed', async () => {
    const memory = memoryStore(null, true);
    memory.store.delete = async () => {
      throw new SyncError('access-denied');
    };
    await expect(putGuarded(memory.store, sse, full, write('mine'), Buffer.from('x'), signal)).rejects.toMatchObject({ code: 'mode-not-honoured', about: { detail: expect.stringContaining('could not be removed') as string } });
    expect(memory.current()?.metadata['enfold-attrs']).toBe('mine');
  });

  test('never removes somebody else\'s version while doing so', async () => {
    const memory = memoryStore(null, true);
    const head = memory.store.head.bind(memory.store);
    memory.store.head = async (...given) => {
      memory.set({ ...foreign('f'), encryption: memory.encryption });
      return head(...given);
    };
    expect(await codeOf(putGuarded(memory.store, sse, full, write('mine'), Buffer.from('x'), signal))).toBe('version-changed');
    expect(memory.current()?.metadata['enfold-attrs']).toBe('theirs');
  });
});
