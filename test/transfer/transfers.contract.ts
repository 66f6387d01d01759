/** Files through the pool and back, whatever the server and the mode. */
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, lstatSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entryOf } from '../../main/local/stamp.ts';
import { syncPath } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { createMeter, setRates } from '../../main/remote/throttle.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { codeOf } from '../remote/store.contract.ts';
import { makeConfig, never, newOperationId, noProgress, openFixture } from './folder-fixture.ts';
import type { FolderFixture, TestMode } from './folder-fixture.ts';

const MIB = 1024 * 1024;
const PART_BYTES = 8 * MIB;
const SIZES = [0, 1, 15, 16, 17, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 20 * MIB];

export function describeTransfers(name: string, modes: readonly TestMode[], place: () => { readonly access: S3Access; readonly bucket: string }): void {
  describe.each(modes)(`transfers to ${name} in %s`, (mode) => {
    let fixture: FolderFixture;
    let store: ObjectStore;
    beforeAll(() => {
      const { access, bucket } = place();
      fixture = openFixture(makeConfig(access, bucket, mode));
      store = createS3Store(access, bucket);
    });
    afterAll(async () => {
      await store.close();
      await fixture.close();
    });
    const isClientSide = mode !== 'sse-s3';

    test.each(SIZES)('bring back a file of %i bytes as it was', async (size) => {
      const content = randomBytes(size);
      const { version, sha256 } = await fixture.upload(`sizes/file of ${size}`, content);
      expect(sha256).toBe(createHash('sha256').update(content).digest('hex'));
      expect(version.objectBytes).toBe(isClientSide ? size + 16 : size);
      const back = await fixture.download(syncPath(`sizes/file of ${size}`), version);
      expect(back.content.equals(content)).toBe(true);
      expect(back.result.attributes).toEqual(version.attributes);
      const head = await fixture.folder.head(version.objectKey, syncPath(`sizes/file of ${size}`), never);
      expect(head).toMatchObject({ etag: version.etag, objectBytes: version.objectBytes, attributes: { sizeBytes: size, modeBits: 0o640 } });
    });

    test('bring back an empty directory', async () => {
      const path = syncPath('a directory/');
      const local = entryOf(path, lstatSync(fixture.directory, { bigint: true }), true);
      const { version } = await fixture.pool.upload(fixture.jobFor({ path, local, source: fixture.directory as never }), noProgress, never);
      expect(version.attributes).toMatchObject({ kind: 'directory', sizeBytes: 0 });
      expect(await fixture.folder.head(version.objectKey, path, never)).toMatchObject({ attributes: { kind: 'directory' } });
    });

    test('never replace what is not the named version', async () => {
      const { version } = await fixture.upload('guarded', Buffer.from('one'));
      expect(await codeOf(fixture.upload('guarded', Buffer.from('two')))).toBe('version-changed');
      const second = await fixture.upload('guarded', Buffer.from('two'), version.etag);
      expect(await codeOf(fixture.upload('guarded', Buffer.from('three'), version.etag))).toBe('version-changed');
      const large = randomBytes(PART_BYTES + 5);
      expect(await codeOf(fixture.upload('guarded', large))).toBe('version-changed');
      expect(await codeOf(fixture.upload('guarded', large, version.etag))).toBe('version-changed');
      expect((await fixture.download(syncPath('guarded'), second.version)).content.toString()).toBe('two');
      expect(await codeOf(fixture.download(syncPath('guarded'), version))).toBe('version-changed');
      expect(await codeOf(fixture.upload('never was', Buffer.from('x'), version.etag))).toMatch(/version-changed|object-not-found/);
      expect(await store.listMultipart(fixture.config.prefix, never)).toEqual([]);
    });

    test('refuse a file that is not the one the plan saw', async () => {
      const file = fixture.writeLocal('changed', Buffer.from('as planned'));
      appendFileSync(file.source, '!');
      expect(await codeOf(fixture.pool.upload(fixture.jobFor(file), noProgress, never))).toBe('changed-while-reading');
      unlinkSync(file.source);
      expect(await codeOf(fixture.pool.upload(fixture.jobFor(file), noProgress, never))).toBe('file-vanished');
      symlinkSync('/etc/passwd', file.source);
      expect(await codeOf(fixture.pool.upload(fixture.jobFor(file), noProgress, never))).toBe('changed-while-reading');
      expect(await fixture.folder.head(fixture.folder.objectKeyOf(file.path), file.path, never)).toBeNull();
    });

    test('give up a large file that changes under way, and leave nothing behind', async () => {
      const file = fixture.writeLocal('changing', randomBytes(20 * MIB));
      const oneByOne = openFixture(fixture.config, { size: 0, partBytes: 5 * MIB, partsInFlight: 1 });
      let isChanged = false;
      const onProgress = (): void => {
        if (!isChanged) appendFileSync(file.source, '!');
        isChanged = true;
      };
      expect(await codeOf(oneByOne.pool.upload(fixture.jobFor(file), onProgress, never))).toBe('changed-while-reading');
      await oneByOne.close();
      expect(await store.head(fixture.folder.objectKeyOf(file.path), {}, never)).toBeNull();
      expect(await store.listMultipart(fixture.config.prefix, never)).toEqual([]);
    });

    test('stop when told to, and leave nothing behind', async () => {
      const file = fixture.writeLocal('stopped', randomBytes(3 * PART_BYTES));
      const stop = new AbortController();
      const reason = new Error('enough');
      await expect(fixture.pool.upload(fixture.jobFor(file), () => stop.abort(reason), stop.signal)).rejects.toBe(reason);
      expect(await store.listMultipart(fixture.config.prefix, never)).toEqual([]);
    });

    test('report progress up to the end', async () => {
      const file = fixture.writeLocal('progress', randomBytes(2 * PART_BYTES + 7));
      const seen: number[] = [];
      await fixture.pool.upload(fixture.jobFor(file), (doneBytes) => seen.push(doneBytes), never);
      expect(seen.at(-1)).toBe(2 * PART_BYTES + 7);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    });

    test('report progress while one request is on its way, both ways, over a slow line', async () => {
      const { access, bucket } = place();
      const meter = createMeter();
      const slow = openFixture(makeConfig(access, bucket, mode), { size: 0, meters: [meter] });
      try {
        await slow.upload('small, so that the endpoint is known', Buffer.from('x'));
        setRates(meter, { up: 6 * MIB, down: 6 * MIB });
        const up: number[] = [];
        const down: number[] = [];
        const job = slow.jobFor(slow.writeLocal('slow', randomBytes(3 * MIB)));
        const { version } = await slow.pool.upload(job, (bytes) => up.push(bytes), never);
        const { objectKey, etag, objectBytes } = version;
        await slow.pool.download({ path: job.path, objectKey, etag, objectBytes, staged: slow.newStaged() }, (bytes) => down.push(bytes), never);
        for (const told of [up, down]) {
          const underWay = told.filter((bytes) => bytes > 0 && bytes < 3 * MIB);
          expect(underWay.length).toBeGreaterThan(3);
          expect(underWay).toEqual(underWay.toSorted((a, b) => a - b));
          expect(told.at(-1)).toBe(3 * MIB);
        }
      } finally {
        await slow.close();
      }
    });

    test('never write over a staging file that is there', async () => {
      const { version } = await fixture.upload('staged', Buffer.from('content'));
      const staged = fixture.newStaged();
      writeFileSync(staged, 'mine');
      const { objectKey, etag, objectBytes } = version;
      expect(await codeOf(fixture.pool.download({ path: syncPath('staged'), objectKey, etag, objectBytes, staged }, noProgress, never))).toBe('target-exists');
      expect(lstatSync(staged).size).toBe(4);
    });

    test('rename by a copy that opens only at its new place', async () => {
      const content = randomBytes(1000);
      const { version } = await fixture.upload('old name', content);
      if (version.attributes === null) throw new Error('an upload without attributes');
      const attributes = { ...version.attributes, operationId: newOperationId() };
      const from = { objectKey: version.objectKey, etag: version.etag, path: syncPath('old name') };
      const copied = await fixture.folder.copy(from, syncPath('new/name'), attributes, never);
      expect((await fixture.download(syncPath('new/name'), copied)).content.equals(content)).toBe(true);
      expect(await codeOf(fixture.folder.copy(from, syncPath('new/name'), { ...attributes, operationId: newOperationId() }, never))).toBe('version-changed');
      const onto = await fixture.folder.copy({ ...from, objectKey: copied.objectKey, etag: copied.etag, path: syncPath('new/name') }, syncPath('new/name'), { ...attributes, operationId: newOperationId(), modeBits: 0o600 }, never);
      expect(onto.attributes?.modeBits).toBe(0o600);
    });

    test('delete only the version with the operation id', async () => {
      const { version } = await fixture.upload('to delete', Buffer.from('x'));
      const operationId = version.attributes?.operationId ?? newOperationId();
      const path = syncPath('to delete');
      expect(await codeOf(fixture.folder.delete({ ...version, operationId: newOperationId() }, path, never))).toBe('version-changed');
      expect(await codeOf(fixture.folder.delete({ ...version, etag: '0'.repeat(32), operationId }, path, never))).toBe('version-changed');
      const tombstone = { path, operationId, vector: { aaaaaaaaaaaa: 2 }, deletedAtMs: 1_700_000_000_000, device: 'here' };
      await fixture.folder.putTombstone(tombstone, never);
      await fixture.folder.delete({ ...version, operationId }, path, never);
      expect(await fixture.folder.head(version.objectKey, path, never)).toBeNull();
      expect(await fixture.folder.tombstonesOf(path, never)).toEqual([tombstone]);
      expect(await fixture.folder.tombstonesOf(syncPath('another'), never)).toEqual([]);
      expect(await codeOf(fixture.folder.delete({ ...version, operationId }, path, never))).toBe('object-not-found');
    });

    test('list files under their names and nothing of Enfold\'s own', async () => {
      const long = `deep/${'long name '.repeat(15)}end`;
      await fixture.upload(long, Buffer.from('long'));
      const keys = await fixture.listKeys();
      expect(keys.filter((objectKey) => objectKey.includes('.enfold'))).toEqual([]);
      const paths = (await fixture.folder.resolve(keys, never)).map((resolved) => (resolved.type === 'path' ? resolved.path : resolved.reason));
      expect(paths).toEqual(expect.arrayContaining([long, 'sizes/file of 0']));
      const again = openFixture(fixture.config);
      expect((await again.folder.resolve(keys, never)).map((resolved) => (resolved.type === 'path' ? resolved.path : resolved.reason))).toEqual(paths);
      await again.close();
    });

    const testEncryptingHere = (): void => {
      async function tamper(path: string, change: (body: Buffer, metadata: Record<string, string>) => { body: Buffer; metadata: Record<string, string> }, size = 1000): Promise<{ code: string | null; isStaged: boolean }> {
        const { version } = await fixture.upload(path, randomBytes(size));
        const { head, body } = await store.get(version.objectKey, {}, never);
        const changed = change(Buffer.from(body), { ...head.metadata });
        const { etag } = await store.put(version.objectKey, changed.body, { metadata: changed.metadata, modeHeaders: {}, condition: null }, never);
        const staged = fixture.newStaged();
        const code = await codeOf(fixture.pool.download({ path: syncPath(path), objectKey: version.objectKey, etag, objectBytes: changed.body.length, staged }, noProgress, never));
        return { code, isStaged: existsSync(staged) };
      }
      const flip = (bytes: Buffer, at: number): Buffer => {
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes;
      };

      test.each([
        ['first byte', 0, 1000], ['tag', 1010, 1000], ['first byte of a large one', 3, 2 * PART_BYTES], ['tag of a large one', 2 * PART_BYTES + 15, 2 * PART_BYTES],
      ] as const)('refuse a changed %s', async (what, at, size) => {
        expect(await tamper(`tampered ${what}`, (body, metadata) => ({ body: flip(body, at), metadata }), size)).toEqual({ code: 'not-authentic', isStaged: false });
      });

      test('refuse a body that is cut or longer', async () => {
        expect(await tamper('cut', (body, metadata) => ({ body: body.subarray(0, -1), metadata }))).toEqual({ code: 'truncated', isStaged: false });
        expect(await tamper('longer', (body, metadata) => ({ body: Buffer.concat([body, Buffer.from('x')]), metadata }))).toEqual({ code: 'truncated', isStaged: false });
      });

      test('refuse plain objects and objects without attributes', async () => {
        expect(await tamper('plain', () => ({ body: Buffer.from('plain'), metadata: {} }))).toEqual({ code: 'not-ours', isStaged: false });
        expect(await tamper('no attributes', (body, metadata) => {
          delete metadata['enfold-attrs'];
          return { body, metadata };
        })).toEqual({ code: 'not-ours', isStaged: false });
      });

      test('refuse objects that changed places', async () => {
        const [a, b] = [await fixture.upload('swap a', randomBytes(500)), await fixture.upload('swap b', randomBytes(500))];
        const [one, two] = [await store.get(a.version.objectKey, {}, never), await store.get(b.version.objectKey, {}, never)];
        const { etag } = await store.put(a.version.objectKey, two.body, { metadata: two.head.metadata, modeHeaders: {}, condition: null }, never);
        expect(await codeOf(fixture.download(syncPath('swap a'), { ...a.version, etag }))).toBe('not-authentic');
        expect(await codeOf(fixture.folder.head(a.version.objectKey, syncPath('swap a'), never))).toBe('not-authentic');
        const mixed = await store.put(b.version.objectKey, one.body, { metadata: two.head.metadata, modeHeaders: {}, condition: null }, never);
        expect(await codeOf(fixture.download(syncPath('swap b'), { ...b.version, etag: mixed.etag }))).toBe('not-authentic');
      });

      test('refuse with another master key', async () => {
        const { version } = await fixture.upload('locked', Buffer.from('secret'));
        const [held] = fixture.config.keys;
        if (held === undefined) throw new Error('no key');
        const other = openFixture({ ...fixture.config, keys: [{ ...held, bytes: randomBytes(32) }] });
        expect(await codeOf(other.download(syncPath('locked'), version))).toBe('key-unwrap-failed');
        expect(readdirSync(other.directory).filter((file) => file.startsWith('staged'))).toEqual([]);
        await other.close();
      });

      test('let the server see neither content nor names', async () => {
        await fixture.upload('confidential plans', Buffer.from('the content nobody may see'));
        for (const objectKey of await fixture.listKeys()) {
          expect(objectKey).not.toMatch(/confidential|plans/);
          const { body, head } = await store.get(objectKey, {}, never);
          expect(body.includes('nobody may see')).toBe(false);
          expect(JSON.stringify(head.metadata)).not.toContain(createHash('sha256').update('the content nobody may see').digest('hex'));
        }
      });
    };

    const testEncryptingThere = (): void => {
      test('take an object of another tool for a plain file', async () => {
        const objectKey = fixture.folder.objectKeyOf(syncPath('from elsewhere'));
        const written = await store.put(objectKey, Buffer.from('elsewhere'), { metadata: { mtime: '1700000000.5' }, modeHeaders: {}, condition: null }, never);
        const path = syncPath('from elsewhere');
        const head = await fixture.folder.head(objectKey, path, never);
        expect(head?.attributes).toMatchObject({ vector: {}, mtimeMs: 1_700_000_000_500, sizeBytes: 9, sha256: null, kind: 'file' });
        if (head === null) throw new Error('nothing there');
        const { content, result } = await fixture.download(path, head);
        expect(content.toString()).toBe('elsewhere');
        expect(result.attributes.sha256).toBe(createHash('sha256').update('elsewhere').digest('hex'));
        expect(result.attributes.operationId).toBe(head.attributes?.operationId);
        await fixture.folder.delete({ objectKey, etag: written.etag, operationId: result.attributes.operationId }, path, never);
      });
    };

    (isClientSide ? testEncryptingHere : testEncryptingThere)();
  });
}
