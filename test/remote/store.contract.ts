/** What any ObjectStore must do, whichever way it talks to S3 and whichever server answers. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import type { ErrorCode } from '../../main/model/errors.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { ListedKey, ObjectStore, WriteOptions } from '../../main/remote/object-store.ts';

export type StoreUnderTest = {
  readonly store: ObjectStore;
  /** If-Match must be written without quotes. */
  readonly isBareIfMatch: boolean;
  /** What the server is known to enforce; what it ignores is expected to be ignored, so that a change is noticed. */
  readonly enforces: { readonly complete: boolean; readonly delete: boolean; readonly copySource: boolean };
};

const signal = new AbortController().signal;
const key = (name: string): ObjectKey => name as ObjectKey;
const options = (changes: Partial<WriteOptions> = {}): WriteOptions => ({ metadata: { 'enfold-attrs': 'QUJD' }, modeHeaders: {}, condition: null, ...changes });

/** The code a promise is rejected with; null where it is fulfilled. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    if (isSyncError(error)) return error.code;
    throw error;
  }
}

export function describeObjectStore(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(`an object store: ${name}`, () => {
    let store: ObjectStore;
    let isBare = false;
    let enforces: StoreUnderTest['enforces'];
    beforeAll(async () => {
      ({ store, isBareIfMatch: isBare, enforces } = await start());
    });

    async function listAll(prefix: string): Promise<ListedKey[]> {
      const found: ListedKey[] = [];
      let continuation: string | undefined;
      do {
        const page = await store.listPage({ prefix, ...(continuation === undefined ? {} : { continuation }) }, signal);
        found.push(...page.objects);
        continuation = page.next ?? undefined;
      } while (continuation !== undefined);
      return found;
    }

    test.each([0, 1, 16, 70_000, 5 * 1024 * 1024 + 1])('gives back %i bytes with their metadata', async (size) => {
      const body = randomBytes(size);
      const written = await store.put(key(`sizes/${size}`), body, options(), signal);
      const { head, body: read } = await store.get(key(`sizes/${size}`), {}, signal);
      expect(read.equals(body)).toBe(true);
      expect(head).toMatchObject({ etag: written.etag, objectBytes: size, metadata: { 'enfold-attrs': 'QUJD' } });
      expect(await store.head(key(`sizes/${size}`), {}, signal)).toMatchObject({ etag: written.etag, objectBytes: size });
    });

    test.each(['a b/c', 'ü/ñ/日本語', '100%', 'a+b&c=d?e#f', "quo'te\"s", 'a//b', 'tilde~(1)!*', '🙂/🙂', 'trailing ', '.dot/..dots', 'new\nline', 'a&amp;b'])('keeps the key %j', async (name) => {
      const objectKey = key(`odd/${name}`);
      await store.put(objectKey, Buffer.from(name), options(), signal);
      expect((await store.get(objectKey, {}, signal)).body.toString()).toBe(name);
      expect((await listAll(`odd/${name}`)).map((object) => object.objectKey)).toContain(objectKey);
      await store.delete(objectKey, null, signal);
      expect(await store.head(objectKey, {}, signal)).toBeNull();
    });

    test('gives a range and says how long the whole is', async () => {
      await store.put(key('range'), Buffer.from('0123456789'), options(), signal);
      const { head, body } = await store.get(key('range'), { range: { start: 3, end: 6 } }, signal);
      expect(body.toString()).toBe('345');
      expect(head.objectBytes).toBe(10);
      expect((await store.get(key('range'), { range: { start: 8, end: 20 } }, signal)).body.toString()).toBe('89');
    });

    test('names what is not there', async () => {
      expect(await store.head(key('missing'), {}, signal)).toBeNull();
      expect(await codeOf(store.get(key('missing'), {}, signal))).toBe('object-not-found');
      expect(await codeOf(store.delete(key('missing'), null, signal))).toBeNull();
    });

    test('creates only where nothing is', async () => {
      await store.put(key('once'), Buffer.from('first'), options({ condition: { type: 'absent' } }), signal);
      expect(await codeOf(store.put(key('once'), Buffer.from('second'), options({ condition: { type: 'absent' } }), signal))).toBe('version-changed');
      expect((await store.get(key('once'), {}, signal)).body.toString()).toBe('first');
    });

    test('lets one of many creators win', async () => {
      const outcomes = await Promise.all(Array.from({ length: 16 }, async (_, index) => codeOf(store.put(key('race'), Buffer.from(`${index}`), options({ condition: { type: 'absent' } }), signal))));
      expect(outcomes.filter((code) => code === null)).toHaveLength(1);
    });

    test('replaces only the version that is named', async () => {
      const first = await store.put(key('replace'), Buffer.from('one'), options(), signal);
      const second = await store.put(key('replace'), Buffer.from('two'), options({ condition: { type: 'version', etag: first.etag, isBare } }), signal);
      expect(second.etag).not.toBe(first.etag);
      expect(await codeOf(store.put(key('replace'), Buffer.from('three'), options({ condition: { type: 'version', etag: first.etag, isBare } }), signal))).toBe('version-changed');
      expect((await store.get(key('replace'), {}, signal)).body.toString()).toBe('two');
    });

    test('refuses to read another version than the one that is named', async () => {
      const first = await store.put(key('reread'), Buffer.from('one'), options(), signal);
      expect((await store.get(key('reread'), { ifMatch: first.etag }, signal)).body.toString()).toBe('one');
      await store.put(key('reread'), Buffer.from('two'), options(), signal);
      expect(await codeOf(store.get(key('reread'), { ifMatch: first.etag }, signal))).toBe('version-changed');
    });

    test('deletes the version that is named', async () => {
      const written = await store.put(key('delete'), Buffer.from('x'), options(), signal);
      await store.delete(key('delete'), { type: 'version', etag: written.etag, isBare }, signal);
      expect(await store.head(key('delete'), {}, signal)).toBeNull();
      await store.put(key('delete'), Buffer.from('x'), options(), signal);
      expect(await codeOf(store.delete(key('delete'), { type: 'version', etag: '0'.repeat(32), isBare }, signal))).toBe(enforces.delete ? 'version-changed' : null);
      expect((await store.head(key('delete'), {}, signal)) !== null).toBe(enforces.delete);
    });

    test('joins parts, and gives them up when asked', async () => {
      const parts = [randomBytes(5 * 1024 * 1024), randomBytes(1000)];
      const { uploadId } = await store.startMultipart(key('parts'), { metadata: { 'enfold-attrs': 'cGFydHM=' }, modeHeaders: {} }, signal);
      const sent = await Promise.all(parts.map(async (part, index) => store.putPart(key('parts'), uploadId, index + 1, part, { modeHeaders: {} }, signal)));
      expect((await store.listMultipart('parts', signal)).map((upload) => upload.uploadId)).toEqual([uploadId]);
      expect(await store.listParts(key('parts'), uploadId, signal)).toEqual(sent.map((part, index) => ({ ...part, sizeBytes: parts[index]?.length })));
      await store.completeMultipart(key('parts'), uploadId, sent, { modeHeaders: {}, condition: { type: 'absent' } }, signal);
      const { head, body } = await store.get(key('parts'), {}, signal);
      expect(body.equals(Buffer.concat(parts))).toBe(true);
      expect(head.metadata).toMatchObject({ 'enfold-attrs': 'cGFydHM=' });

      const { uploadId: second } = await store.startMultipart(key('parts'), { metadata: {}, modeHeaders: {} }, signal);
      const part = await store.putPart(key('parts'), second, 1, Buffer.from('late'), { modeHeaders: {} }, signal);
      expect(part.etag).not.toBe('');
      await store.abortMultipart(key('parts'), second, signal);
      await store.abortMultipart(key('parts'), second, signal);
      expect(await codeOf(store.listParts(key('parts'), second, signal))).toBe('object-not-found');
      expect(await store.listMultipart('parts', signal)).toEqual([]);
      expect((await store.head(key('parts'), {}, signal))?.etag).toBe(head.etag);

      const { uploadId: third } = await store.startMultipart(key('parts'), { metadata: {}, modeHeaders: {} }, signal);
      const late = await store.putPart(key('parts'), third, 1, Buffer.from('late'), { modeHeaders: {} }, signal);
      expect(await codeOf(store.completeMultipart(key('parts'), third, [late], { modeHeaders: {}, condition: { type: 'absent' } }, signal))).toBe(enforces.complete ? 'version-changed' : null);
      await store.abortMultipart(key('parts'), third, signal);
    });

    test('copies with new metadata, to another key and onto itself', async () => {
      const written = await store.put(key('source ü'), Buffer.from('copied'), options(), signal);
      await store.copy({ objectKey: key('source ü'), etag: written.etag }, key('target'), options({ metadata: { 'enfold-attrs': 'bmV3' } }), signal);
      expect(await store.get(key('target'), {}, signal)).toMatchObject({ body: Buffer.from('copied'), head: { metadata: { 'enfold-attrs': 'bmV3' } } });
      await store.copy({ objectKey: key('target'), etag: null }, key('target'), options({ metadata: { 'enfold-attrs': 'bmV3ZXI=' } }), signal);
      expect((await store.head(key('target'), {}, signal))?.metadata).toMatchObject({ 'enfold-attrs': 'bmV3ZXI=' });
      expect(await codeOf(store.copy({ objectKey: key('source ü'), etag: '0'.repeat(32) }, key('target'), options(), signal))).toBe(enforces.copySource ? 'version-changed' : null);
    });

    test('lists every key once, in byte order, over several pages', async () => {
      const names = Array.from({ length: 25 }, (_, index) => `pages/${String(index).padStart(3, '0')}`);
      await Promise.all(names.map(async (name) => store.put(key(name), Buffer.from(name), options(), signal)));
      const seen: string[] = [];
      let continuation: string | undefined;
      do {
        const page = await store.listPage({ prefix: 'pages/', maxKeys: 10, ...(continuation === undefined ? {} : { continuation }) }, signal);
        expect(page.objects.length).toBeLessThanOrEqual(10);
        seen.push(...page.objects.map((object) => object.objectKey));
        continuation = page.next ?? undefined;
      } while (continuation !== undefined);
      expect(seen).toEqual(names);
      const after = await store.listPage({ prefix: 'pages/', startAfter: 'pages/020' }, signal);
      expect(after.objects.map((object) => object.objectKey)).toEqual(names.slice(21));
      expect(await store.listPage({ prefix: 'pages', delimiter: '/' }, signal)).toMatchObject({ objects: [], prefixes: ['pages/'] });
    });

    test('says of each listed object what a HEAD says', async () => {
      await store.put(key('listed'), Buffer.from('hello'), options(), signal);
      const head = await store.head(key('listed'), {}, signal);
      const [listed] = await listAll('listed');
      expect(listed).toMatchObject({ objectKey: 'listed', etag: head?.etag, objectBytes: 5 });
      expect(Math.abs((listed?.lastModifiedMs ?? 0) - (head?.lastModifiedMs ?? 0))).toBeLessThan(1001);
    });

    test('ends at once when it is told to', async () => {
      const stop = new AbortController();
      const reason = new Error('enough');
      const running = store.put(key('aborted'), randomBytes(1_000_000), options(), stop.signal);
      stop.abort(reason);
      await expect(running).rejects.toBe(reason);
    });
  });
}
