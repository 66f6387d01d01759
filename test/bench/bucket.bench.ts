/**
 * A compliance scan of a bucket of mixed modes on built-in storage, mending it, and looking again: time, CPU and memory of each whole command,
 * and the requests that the storage counted. Options: --objects N (100,000).
 */
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { fillBucket } from '../bucket/mixed-bucket.ts';
import { createTarget } from '../storage/target.ts';
import { measure } from './measure.ts';

const { values } = parseArgs({ options: { objects: { type: 'string', default: '100000' } } });
const objects = Number(values.objects);
const scratch = mkdtempSync(join(tmpdir(), 'enfold-bench-bucket-'));
const cli = existsSync('out/main/cli.js') ? resolve('out/main/cli.js') : resolve('main/cli.ts');
const home = join(scratch, 'home');
const audit = join(scratch, 'storage', 'audit.jsonl');
const env = { ...process.env, ENFOLD_HOME: home, ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'bench' };
const out = join(scratch, 'out.txt');

const must = (args: readonly string[], input?: string): void => {
  const run = spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8', input });
  if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr}${run.stdout}`);
};
/** What the storage was asked for since `start`, by action. */
async function requestsSince(start: number): Promise<string> {
  const counts = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(audit, { start }) })) {
    const { action = 'other' } = JSON.parse(line) as { action?: string };
    counts.set(action, (counts.get(action) ?? 0) + 1);
  }
  return [...counts].map(([action, count]) => `${action} ${count}`).join(', ');
}

const server = spawn(process.execPath, [cli, 'storage', 'serve', '--dir', join(scratch, 'storage'), '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
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
  for (const [what, more] of [['scan', []], ['mend', ['--resume', '--fix', '--yes']], ['scan again', []]] as const) {
    const start = statSync(audit).size;
    const cost = measure([...told, ...wish, ...more], env, out);
    const answer = JSON.parse(readFileSync(out, 'utf8').trim().split('\n').at(-1) ?? '{}') as { wrong: number; unknown: number; fix: unknown };
    console.log(`${what}: ${cost.wallSeconds.toFixed(1)} s, CPU ${cost.cpuSeconds.toFixed(1)} s, ${cost.peakMiB.toFixed(0)} MiB; wrong ${answer.wrong}, unknown ${answer.unknown}, mended ${JSON.stringify(answer.fix)}`);
    console.log(`  requests: ${await requestsSince(start)}`);
  }
} finally {
  server.kill('SIGTERM');
  await new Promise((done) => server.once('exit', done));
  rmSync(scratch, { recursive: true, force: true });
}
