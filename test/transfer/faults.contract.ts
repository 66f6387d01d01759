/** Transfers over a line that breaks at the worst moments. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syncPath } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import type { FaultProxy } from '../helpers/fault-proxy.ts';
import { codeOf } from '../remote/store.contract.ts';
import { makeConfig, never, noProgress, openFixture } from './folder-fixture.ts';
import type { FolderFixture, TestMode } from './folder-fixture.ts';

const MIB = 1024 * 1024;

export function describeFaults(name: string, mode: TestMode, place: () => { readonly access: S3Access; readonly bucket: string }): void {
  describe(`transfers to ${name} in ${mode} over a bad line`, () => {
    let proxy: FaultProxy;
    let fixture: FolderFixture;
    /** Past the proxy. */
    let store: ObjectStore;
    beforeAll(async () => {
      const { access, bucket } = place();
      proxy = await startFaultProxy(access.endpoint ?? '');
      fixture = openFixture(makeConfig({ ...access, endpoint: proxy.endpoint }, bucket, mode));
      store = createS3Store(access, bucket);
      await fixture.folder.capabilities(never);
    });
    afterAll(async () => {
      await fixture.close();
      await store.close();
      await proxy.stop();
    });
    const requestsTo = (objectKey: string, method: string): string[] => proxy.requests.filter((line) => line.startsWith(`${method} `) && line.includes(objectKey.split('/').at(-1) ?? objectKey));

    test('take a creation whose answer was lost for done, and send it once', async () => {
      const file = fixture.writeLocal('lost-answer', randomBytes(500));
      const job = fixture.jobFor(file);
      proxy.inject(/^PUT .*/, { type: 'drop-answer' });
      const { version } = await fixture.pool.upload(job, noProgress, never);
      expect(requestsTo(job.objectKey, 'PUT')).toHaveLength(1);
      expect((await store.head(job.objectKey, {}, never))?.etag).toBe(version.etag);
    });

    test('take an update whose answer was lost for done', async () => {
      const { version } = await fixture.upload('lost-update', randomBytes(500));
      proxy.inject(/^PUT .*/, { type: 'drop-answer' });
      const second = await fixture.upload('lost-update', randomBytes(600), version.etag);
      expect((await store.head(version.objectKey, {}, never))?.etag).toBe(second.version.etag);
    });

    test('take a completion whose answer was lost for done', async () => {
      const content = randomBytes(9 * MIB);
      proxy.inject(/^POST .*uploadId=/, { type: 'drop-answer' });
      const { version } = await fixture.upload('lost-completion', content);
      expect((await fixture.download(syncPath('lost-completion'), version)).content.equals(content)).toBe(true);
      expect(await store.listMultipart(fixture.config.prefix, never)).toEqual([]);
    });

    test('see through an answer that was lost twice, with a look that failed too', async () => {
      const objectKey = fixture.folder.objectKeyOf(syncPath('lost-twice'));
      proxy.inject(/^PUT .*/, { type: 'drop-answer' });
      proxy.inject(/^HEAD .*/, { type: 'drop-answer' });
      const { version } = await fixture.upload('lost-twice', randomBytes(500));
      expect((await store.head(objectKey, {}, never))?.etag).toBe(version.etag);
    });

    test('do not take another writer\'s version for their own', async () => {
      const file = fixture.writeLocal('raced', randomBytes(500));
      const job = fixture.jobFor(file);
      proxy.inject(/^PUT .*/, { type: 'answer', status: 500 });
      const other = store.put(job.objectKey, Buffer.from('somebody else'), { metadata: { 'enfold-attrs': 'b3RoZXI=' }, modeHeaders: {}, condition: null }, never);
      await other;
      expect(await codeOf(fixture.pool.upload(job, noProgress, never))).toBe('version-changed');
      expect((await store.get(job.objectKey, {}, never)).body.toString()).toBe('somebody else');
    });

    test('send again what never arrived', async () => {
      proxy.inject(/^PUT .*/, { type: 'cut-request', afterBytes: 300 });
      const content = randomBytes(200_000);
      const { version } = await fixture.upload('cut-request', content);
      expect((await fixture.download(syncPath('cut-request'), version)).content.equals(content)).toBe(true);
    });

    test('send a lost part again, and only that', async () => {
      const content = randomBytes(17 * MIB);
      proxy.inject(/^PUT .*partNumber=2/, { type: 'cut-request', afterBytes: MIB });
      proxy.inject(/^PUT .*partNumber=3/, { type: 'drop-answer' });
      const before = proxy.requests.length;
      const { version } = await fixture.upload('cut-part', content);
      expect(proxy.requests.slice(before).filter((line) => line.includes('partNumber=1'))).toHaveLength(1);
      expect((await fixture.download(syncPath('cut-part'), version)).content.equals(content)).toBe(true);
    });

    test('slow down when asked to', async () => {
      proxy.inject(/^PUT .*/, { type: 'answer', status: 503, headers: { 'content-type': 'application/xml' }, body: '<Error><Code>SlowDown</Code></Error>' }, 2);
      const { version } = await fixture.upload('slowed', randomBytes(100));
      expect((await store.head(version.objectKey, {}, never))?.etag).toBe(version.etag);
    });

    test.each([200, 3000])('fetch again an answer that broke after %i bytes', async (afterBytes) => {
      const content = randomBytes(100_000);
      const { version } = await fixture.upload(`cut-answer-${afterBytes}`, content);
      proxy.inject(/^GET .*/, { type: 'cut-answer', afterBytes });
      expect((await fixture.download(syncPath(`cut-answer-${afterBytes}`), version)).content.equals(content)).toBe(true);
    });

    test('fetch again a range that broke', async () => {
      const content = randomBytes(20 * MIB);
      const { version } = await fixture.upload('cut-range', content);
      proxy.inject(/^GET .*/, { type: 'cut-answer', afterBytes: MIB }, 2);
      expect((await fixture.download(syncPath('cut-range'), version)).content.equals(content)).toBe(true);
    });

    test('take a web page for no object', async () => {
      const { version } = await fixture.upload('portal', randomBytes(100));
      const staged = fixture.newStaged();
      const page = '<html><body>Please sign in to the network</body></html>';
      proxy.inject(/^GET .*/, { type: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: page });
      const { objectKey, etag, objectBytes } = version;
      expect(await codeOf(fixture.pool.download({ path: syncPath('portal'), objectKey, etag, objectBytes, staged }, noProgress, never))).toBe('not-s3');
      expect(existsSync(staged)).toBe(false);
      proxy.inject(/^GET .*list-type/, { type: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: page });
      expect(await codeOf(fixture.listKeys())).toBe('not-s3');
    });

    test('take a listing that broke off for no listing', async () => {
      proxy.inject(/^GET .*list-type/, { type: 'answer', status: 200, headers: { 'content-type': 'application/xml' }, body: '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>' }, 5);
      expect(await codeOf(fixture.listKeys())).toBe('answer-invalid');
    });

    test('delete once where the answer was lost', async () => {
      const { version } = await fixture.upload('lost-delete', randomBytes(50));
      if (version.attributes === null) throw new Error('no attributes');
      proxy.inject(/^DELETE .*/, { type: 'drop-answer' });
      await fixture.folder.delete({ ...version, operationId: version.attributes.operationId }, syncPath('lost-delete'), never);
      expect(await store.head(version.objectKey, {}, never)).toBeNull();
    });
  });
}
