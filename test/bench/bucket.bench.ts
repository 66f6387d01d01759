/**
 * A compliance scan of a bucket of mixed modes on built-in storage, mending it, and looking again: time, CPU and memory of each whole command,
 * and the requests that the storage counted. Counts must be exact, and of every object nothing but the encryption may have changed.
 * Options: --objects N (100,000); --only-scan: look, and mend nothing.
 */
import { GetObjectTaggingCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { mapBounded } from '../../main/bucket/scan.ts';
import { countOf, fillBucket, keyAt } from '../bucket/mixed-bucket.ts';
import { createTarget, type Target } from '../storage/target.ts';
import { measure } from './measure.ts';

const { values } = parseArgs({ options: { objects: { type: 'string', default: '100000' }, 'only-scan': { type: 'boolean', default: false } } });
const objects = Number(values.objects);
const scratch = mkdtempSync(join(tmpdir(), 'enfold-bench-bucket-'));
const cli = existsSync('out/main/cli.js') ? resolve('out/main/cli.js') : resolve('main/cli.ts');
const home = join(scratch, 'home');
const storageDirectory = join(scratch, 'storage');
const env = { ...process.env, ENFOLD_HOME: home, ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'bench' };
const out = join(scratch, 'out.txt');

const must = (args: readonly string[], input?: string): void => {
  const run = spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8', input });
  if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr}${run.stdout}`);
};
/** What the storage was asked for since a moment, by action; it begins a new file now and then. */
async function requestsSince(startedAt: string): Promise<string> {
  const counts = new Map<string, number>();
  for (const name of readdirSync(storageDirectory).filter((one) => /^audit.*\.jsonl$/.test(one))) {
    for await (const line of createInterface({ input: createReadStream(join(storageDirectory, name)) })) {
      const { action = 'other', time } = JSON.parse(line) as { action?: string; time: string };
      if (time >= startedAt) counts.set(action, (counts.get(action) ?? 0) + 1);
    }
  }
  return [...counts].map(([action, count]) => `${action} ${count}`).join(', ');
}

type Told = { readonly wrong: number; readonly unknown: number; readonly totals: readonly { protection: string; verdict: string; objects: number }[]; readonly fix: Readonly<Record<string, unknown>> | null };
const expectSame = (what: string, found: unknown, expected: unknown): void => {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
};
/** Objects by encryption and verdict, in the order of the names. */
const sumsOf = (totals: Told['totals']): [string, number][] => {
  const sums = new Map<string, number>();
  for (const { protection, verdict, objects: found } of totals) sums.set(`${protection} ${verdict}`, (sums.get(`${protection} ${verdict}`) ?? 0) + found);
  return [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1));
};
const wrong = objects - countOf('SSE-KMS own', objects);
const MIXED_SUMS: [string, number][] = [['DSSE-KMS wrong', countOf('DSSE-KMS', objects)], ['SSE-C wrong', countOf('SSE-C', objects)], ['SSE-KMS right', countOf('SSE-KMS own', objects)], ['SSE-KMS wrong', countOf('SSE-KMS managed', objects)], ['SSE-S3 wrong', countOf('SSE-S3', objects)]];

/** Every object, not a sample. */
async function compareAll({ client }: Target, kmsKey: string): Promise<void> {
  await mapBounded(Array.from({ length: objects }, (_, index) => index), 24, async (index) => {
    const at = { Bucket: 'bench', Key: keyAt(index) };
    const head = await client.send(new HeadObjectCommand(at));
    const { TagSet = [] } = await client.send(new GetObjectTaggingCommand(at));
    const tags = TagSet.map(({ Key = '', Value = '' }) => `${Key}=${Value}`).toSorted();
    expectSame(at.Key, [head.ContentType, head.CacheControl, head.Metadata, head.SSEKMSKeyId, head.ContentLength, tags], ['text/x-mixed', 'no-store', { index: String(index) }, kmsKey, `content ${index}`.length, ['kind=mixed', `number=${index}`]]);
  });
}

const server = spawn(process.execPath, [cli, 'storage', 'serve', '--dir', storageDirectory, '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const line = await new Promise<string>((resolveLine) => createInterface({ input: server.stdout }).once('line', resolveLine));
  const storage = JSON.parse(line) as { endpoint: string; accessKeyId: string; secretAccessKey: string };
  const kmsKey = (await new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage }).send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  const customerKey = randomBytes(32);
  const filledAt = Date.now();
  await fillBucket(createTarget(storage), 'bench', objects, { kmsKey, customerKey });
  console.log(`${objects} objects, SSE-S3, SSE-KMS under two keys, DSSE-KMS and SSE-C in turn; made in ${((Date.now() - filledAt) / 1000).toFixed(0)} s`);
  writeFileSync(join(scratch, 'key'), customerKey);
  must(['connection', 'add', 's3', '--endpoint', storage.endpoint, '--access-key', storage.accessKeyId], `${storage.secretAccessKey}\n`);
  must(['key', 'import', 'customer', '--from', join(scratch, 'key'), '--type', 'sse-c']);
  const wish = ['--connection', 's3', '--mode', 'sse-kms', '--kms-key-id', kmsKey, '--key', 'customer', '--json'];
  // Exit code 2 says that something is wrong, as it should.
  const told = ['sh', '-c', '"$@"; test $? -le 2', 'sh', process.execPath, cli, 'bucket', 'scan', 's3://bench'];
  const run = async (what: string, more: readonly string[]): Promise<Told> => {
    const startedAt = new Date().toISOString();
    const cost = measure([...told, ...wish, ...more], env, out);
    const answer = JSON.parse(readFileSync(out, 'utf8').trim().split('\n').at(-1) ?? '{}') as Told;
    console.log(`${what}: ${cost.wallSeconds.toFixed(1)} s, CPU ${cost.cpuSeconds.toFixed(1)} s, ${cost.peakMiB.toFixed(0)} MiB; wrong ${answer.wrong}, unknown ${answer.unknown}, mended ${JSON.stringify(answer.fix)}`);
    console.log(`  requests: ${await requestsSince(startedAt)}`);
    return answer;
  };
  expectSame('counts', sumsOf((await run('scan', [])).totals), MIXED_SUMS);
  if (!values['only-scan']) {
    const { fix } = await run('mend', ['--resume', '--fix', '--yes']);
    expectSame('mended', fix, { fixed: wrong, already: 0, skipped: 0, failed: 0, notFixed: [] });
    expectSame('counts', sumsOf((await run('scan again', [])).totals), [['SSE-KMS right', objects]]);
    await compareAll(createTarget(storage), kmsKey);
    console.log(`metadata, headers, tags, size and key of all ${objects} objects are as they should be`);
  }
} finally {
  server.kill('SIGTERM');
  await new Promise((done) => server.once('exit', done));
  rmSync(scratch, { recursive: true, force: true });
}
