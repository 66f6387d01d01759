/** Compliance scans: exact counts, reports, versions, inventories, and what cannot be mended. */
import { CreateBucketCommand, GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, ListObjectVersionsCommand, PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixEncryption } from '../../main/bucket/fix-encryption.ts';
import { inventoryObjects, openInventory } from '../../main/bucket/inventory.ts';
import type { ScanWish } from '../../main/bucket/object-encryption.ts';
import { listedObjects, listedVersions, type ObjectSource } from '../../main/bucket/object-source.ts';
import { openBucket, type OpenBucket } from '../../main/bucket/open-bucket.ts';
import { openRecords, type FixOutcome, type Row } from '../../main/bucket/scan-records.ts';
import { scan } from '../../main/bucket/scan.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { answerOf, answerTo } from '../helpers/answer.ts';
import { createComputer } from '../helpers/cli.ts';
import { createTarget, type Target } from '../storage/target.ts';
import { testMixedScan } from './scan.contract.ts';

// A hundred thousand: `scan.soak.ts`.
testMixedScan(200, 50, 20);

const signal = new AbortController().signal;
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe('a scan', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-scans-'));
  let storage: RunningStorage;
  let target: Target;
  let kmsKey: string;
  let proxy: Server;
  let numbers = 0;
  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    target = createTarget(storage);
    kmsKey = (await new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage }).send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    // What this storage has not: archives and locks, told by the headers that S3 tells them by.
    proxy = createServer((incoming, outgoing) => {
      // And a server that says yes to a copy and does nothing.
      if (incoming.method === 'PUT' && /pretended/.test(incoming.url ?? '')) {
        incoming.resume();
        const isCopy = incoming.headers['x-amz-copy-source'] !== undefined;
        outgoing.writeHead(isCopy ? 200 : 501, { 'content-type': 'application/xml' }).end(isCopy ? '<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>' : '<Error><Code>NotImplemented</Code></Error>');
        return;
      }
      const onward = httpRequest(storage.endpoint, { method: incoming.method ?? 'GET', path: incoming.url, headers: incoming.headers }, (answer) => {
        const more = /archived/.test(incoming.url ?? '') ? { 'x-amz-storage-class': 'DEEP_ARCHIVE' } : /held/.test(incoming.url ?? '') ? { 'x-amz-object-lock-legal-hold': 'ON' } : /retained/.test(incoming.url ?? '') ? { 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': '2999-01-01T00:00:00Z' } : {};
        outgoing.writeHead(answer.statusCode ?? 500, { ...answer.headers, ...more });
        answer.pipe(outgoing);
      });
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => {
      proxy.close(resolve);
      proxy.closeAllConnections();
    });
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });

  const wishFor = (kms = kmsKey): ScanWish => ({ mode: { id: 'sse-kms', kmsKey: kms, dsse: false }, managedKmsKey: null, customerKeyMd5s: [] });
  const openAt = (bucket: string, endpoint = storage.endpoint): OpenBucket => openBucket({ endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey } }, bucket);
  const run = async (open: OpenBucket, source: ObjectSource, wish: ScanWish, more: { copyLimitBytes?: number; copyPartBytes?: number } = {}): Promise<{ rows: Row[]; outcomes: FixOutcome[] }> => {
    const records = openRecords(join(scratch, `records-${(numbers += 1)}`), 'test', false);
    const common = { prefix: '', wish, keys: [], readEnvelope: () => null, atOnce: 4, signal };
    try {
      await scan(open, source, records, common);
      await fixEncryption(open, records, { ...common, writeHeaders: null, bucketKey: true, only: null, ...more });
      return { rows: await collect(records.rows()), outcomes: await collect(records.outcomes()) };
    } finally {
      records.close();
      await open.close();
    }
  };

  test('mends old versions in their place, where S3 can, and says so where it cannot', async () => {
    await target.client.send(new CreateBucketCommand({ Bucket: 'versions' }));
    await target.client.send(new PutBucketVersioningCommand({ Bucket: 'versions', VersioningConfiguration: { Status: 'Enabled' } }));
    for (const body of ['one', 'two', 'three']) await target.client.send(new PutObjectCommand({ Bucket: 'versions', Key: 'a', Body: body }));
    await target.client.send(new PutObjectCommand({ Bucket: 'versions', Key: 'double', Body: 'one', ServerSideEncryption: 'aws:kms:dsse' }));
    await target.client.send(new PutObjectCommand({ Bucket: 'versions', Key: 'double', Body: 'two', ServerSideEncryption: 'aws:kms' , SSEKMSKeyId: kmsKey }));
    const open = openAt('versions');
    const { rows, outcomes } = await run(open, listedVersions(open, ''), wishFor());
    expect(rows).toHaveLength(5);
    expect(outcomes.filter(({ outcome }) => outcome === 'fixed')).toHaveLength(3);
    expect(outcomes.find(({ objectKey }) => objectKey === 'double')).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('old version') });
    const { Versions = [] } = await target.client.send(new ListObjectVersionsCommand({ Bucket: 'versions', Prefix: 'a' }));
    expect(Versions).toHaveLength(3);
    for (const { VersionId } of Versions) expect((await target.client.send(new HeadObjectCommand({ Bucket: 'versions', Key: 'a', VersionId }))).SSEKMSKeyId).toBe(kmsKey);
  });

  test('leaves archived and locked objects alone, by name, and believes no server that only says yes', async () => {
    await target.client.send(new CreateBucketCommand({ Bucket: 'obstacles' }));
    for (const Key of ['archived', 'held', 'retained', 'free', 'pretended']) await target.client.send(new PutObjectCommand({ Bucket: 'obstacles', Key, Body: Key }));
    const open = openAt('obstacles', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const { outcomes } = await run(open, listedObjects(open, ''), wishFor());
    expect(Object.fromEntries(outcomes.map(({ objectKey, outcome, reason }) => [objectKey, `${outcome} ${reason ?? ''}`]))).toEqual({
      archived: 'skipped is archived: restore it first', held: 'skipped is locked by retention or legal hold', retained: 'skipped is locked by retention or legal hold', free: 'fixed ',
      pretended: 'failed the server said yes and did not do it: it is SSE-S3',
    });
    for (const Key of ['archived', 'held', 'retained']) expect((await target.client.send(new HeadObjectCommand({ Bucket: 'obstacles', Key }))).ServerSideEncryption).toBe('AES256');
  });

  test('copies what is too large for one copy in parts, with everything it had', async () => {
    await target.client.send(new CreateBucketCommand({ Bucket: 'large' }));
    const body = randomBytes(11 * 1024 * 1024 + 7);
    await target.client.send(new PutObjectCommand({ Bucket: 'large', Key: 'a b/größe', Body: body, ContentType: 'video/x-large', ContentDisposition: 'inline', Metadata: { colour: 'red' }, Tagging: 'size=large&a%20b=c', ServerSideEncryption: 'aws:kms:dsse' }));
    const open = openAt('large');
    const { outcomes } = await run(open, listedObjects(open, ''), wishFor(), { copyLimitBytes: 6 * 1024 * 1024, copyPartBytes: 5 * 1024 * 1024 });
    expect(outcomes).toMatchObject([{ outcome: 'fixed' }]);
    const got = await target.client.send(new GetObjectCommand({ Bucket: 'large', Key: 'a b/größe' }));
    expect(got).toMatchObject({ ContentType: 'video/x-large', ContentDisposition: 'inline', Metadata: { colour: 'red' }, SSEKMSKeyId: kmsKey, ETag: expect.stringMatching(/-3"$/) });
    expect(createHash('sha256').update(await got.Body?.transformToByteArray() ?? '').digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
    expect((await target.client.send(new GetObjectTaggingCommand({ Bucket: 'large', Key: 'a b/größe' }))).TagSet).toEqual(expect.arrayContaining([{ Key: 'size', Value: 'large' }, { Key: 'a b', Value: 'c' }]));
  });

  test('takes its objects from an inventory, compressed, with odd names, and goes on in the middle', async () => {
    await target.client.send(new CreateBucketCommand({ Bucket: 'listed' }));
    const keys = ['plain', 'with space', 'qu"ote,comma', 'ü/日本', 'plus+sign'];
    for (const Key of keys) await target.client.send(new PutObjectCommand({ Bucket: 'listed', Key, Body: Key }));
    const lines = [...keys, 'is gone'].map((key) => `"listed","${encodeURIComponent(key).replaceAll('%20', '+')}","","true","false","5"`);
    mkdirSync(join(scratch, 'data'), { recursive: true });
    writeFileSync(join(scratch, 'data', 'part.csv.gz'), gzipSync(`${lines.join('\n')}\n"listed","deleted","","true","true",""\n`));
    const manifest = { sourceBucket: 'listed', fileFormat: 'CSV', fileSchema: 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size', files: [{ key: 'inventory/listed/data/part.csv.gz', size: 1 }] };
    writeFileSync(join(scratch, 'manifest.json'), JSON.stringify(manifest));
    const open = openAt('listed');
    const { rows } = await run(open, inventoryObjects(openInventory(join(scratch, 'manifest.json'), 'listed', null), 'listed', '', false), wishFor());
    expect(rows.map(({ objectKey }) => objectKey)).toEqual(keys);
    const rest = await collect(inventoryObjects(openInventory(join(scratch, 'manifest.json'), 'listed', null), 'listed', '', false)(3, signal));
    expect(rest.flatMap(({ items }) => items.map(({ objectKey }) => objectKey))).toEqual([...keys.slice(3), 'is gone']);
    const open2 = (change: object): string => {
      const file = join(scratch, 'other.json');
      writeFileSync(file, JSON.stringify({ ...manifest, ...change }));
      return answerOf(() => openInventory(file, 'listed', null));
    };
    expect([open2({ sourceBucket: 'another' }), open2({ fileFormat: 'Parquet' }), open2({ files: [{ key: 'missing.csv' }] }), open2({ files: [] }), open2({ fileSchema: 'Bucket, Size' }), answerOf(() => openInventory(join(scratch, 'none.json'), 'listed', null)), answerOf(() => openInventory(join(scratch, 'data', 'part.csv.gz'), 'listed', null))])
      .toEqual(Array.from({ length: 7 }, () => 'inventory-invalid'));
    writeFileSync(join(scratch, 'torn.csv'), '"listed","a"\n"listed"\n');
    expect(await answerTo(collect(inventoryObjects(openInventory(join(scratch, 'torn.csv'), 'listed', 'Bucket, Key'), 'listed', '', false)(null, signal)))).toBe('inventory-invalid');
  });

  test('on the command line writes reports, shows what mending takes, mends only with --yes, and keeps to its exit codes', async () => {
    const computer = createComputer(scratch, 'computer');
    await computer.connect(storage);
    await target.client.send(new CreateBucketCommand({ Bucket: 'told' }));
    for (const Key of ['a "quoted", name', '<b>', 'c']) await target.client.send(new PutObjectCommand({ Bucket: 'told', Key, Body: Key, ...(Key === 'c' && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey }) }));
    const reports = ['csv', 'json', 'html'].map((kind) => join(scratch, `report.${kind}`));
    const wish = ['--connection', 's3', '--mode', 'sse-kms', '--kms-key-id', kmsKey];
    const first = await computer.run(['bucket', 'scan', 's3://told', ...wish, '--fix', '--json', '--report', ...reports]);
    expect(first.code).toBe(2);
    expect(JSON.parse(first.stdout)).toMatchObject({ wrong: 2, unknown: 0, fix: null, estimate: { objects: 2 } });
    const [csv = '', json = '', html = ''] = reports.map((file) => readFileSync(file, 'utf8'));
    expect(csv.trim().split('\r\n')).toHaveLength(4);
    expect(csv).toContain('"a ""quoted"", name"');
    expect((JSON.parse(json) as { objects: unknown[] }).objects).toHaveLength(3);
    expect(html).toContain('&#60;b&#62;');
    expect(html).toContain('1 right, 2 wrong, 0 unknown');
    expect((await computer.error(['bucket', 'scan', 's3://told', ...wish, '--report', reports[0] ?? ''])).code).toBe('target-exists');
    expect((await computer.error(['bucket', 'scan', 's3://told', '--connection', 's3', '--yes'])).code).toBe('bad-usage');
    const fixed = await computer.json(['bucket', 'scan', 's3://told', ...wish, '--resume', '--fix', '--yes']);
    expect(fixed).toMatchObject({ fix: { fixed: 2, skipped: 0, failed: 0, already: 0 } });
    expect(await computer.json(['bucket', 'scan', 's3://told', ...wish])).toMatchObject({ wrong: 0, unknown: 0 });
  });
});
