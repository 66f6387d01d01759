/**
 * The main job beside what a user would pick instead: rclone with its crypt remote, and `aws s3 sync` (which encrypts nothing).
 *
 * Each figure is the whole client process, from start to exit, on the same server in the same run; rounds alternate between
 * the programs and each has its turn to be first, and medians are shown. Options: --server radosgw|built-in, --rounds N, --scale F (share of the full sizes),
 * --only CASE (1GiB, 5000x16KiB, 20000, 100000, latency, requests, resident; more of them with commas), --files N,N,... (of `resident`: 1000,10000,100000).
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { FolderStatus } from '../../preload/contract.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { startRadosgw } from '../helpers/radosgw.ts';
import { type Cost, measure, median, medianCost } from './measure.ts';
import { type EngineCost, startResident } from './resident.ts';

const { values: options } = parseArgs({ options: { only: { type: 'string', default: '' }, server: { type: 'string', default: 'radosgw' }, rounds: { type: 'string', default: '3' }, scale: { type: 'string', default: '1' }, files: { type: 'string', default: '1000,10000,100000' } } });
const rounds = Number(options.rounds);
const scale = Number(options.scale);
const chosen = new Set(options.only.split(',').filter((name) => name !== ''));
const isChosen = (...names: readonly string[]): boolean => chosen.size === 0 || names.some((name) => chosen.has(name));
const scratch = mkdtempSync(join(tmpdir(), 'enfold-bench-'));
const cli = resolve('out/main/cli.js');
const log = join(scratch, 'out.txt');

type Server = { endpoint: string; accessKeyId: string; secretAccessKey: string; stop(): Promise<void> };

async function startBuiltIn(): Promise<Server> {
  const child = spawn(process.execPath, [cli, 'storage', 'serve', '--dir', join(scratch, 'storage'), '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolveLine, reject) => {
    createInterface({ input: child.stdout }).once('line', resolveLine);
    child.once('exit', (code) => reject(new Error(`the storage ended with ${code}`)));
  });
  const told = JSON.parse(line) as Omit<Server, 'stop'>;
  return { ...told, stop: async () => new Promise((done) => { child.once('exit', () => done()); child.kill('SIGTERM'); }) };
}

const server = options.server === 'built-in' ? await startBuiltIn() : await startRadosgw();
const aws = ['/usr/bin/aws', '--endpoint-url', server.endpoint];
const { AWS_CA_BUNDLE: _unwanted, ...inherited } = process.env; // rclone 1.60 refuses to start where it is set
const env: NodeJS.ProcessEnv = {
  ...inherited, AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey, AWS_DEFAULT_REGION: 'us-east-1',
  ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'bench',
  RCLONE_CONFIG: '/dev/null', RCLONE_CONFIG_S_TYPE: 's3', RCLONE_CONFIG_S_PROVIDER: 'Ceph', RCLONE_CONFIG_S_ENV_AUTH: 'true', RCLONE_CONFIG_S_ENDPOINT: server.endpoint,
  RCLONE_CONFIG_C_TYPE: 'crypt', RCLONE_CONFIG_C_PASSWORD: spawnSync('rclone', ['obscure', 'bench'], { encoding: 'utf8' }).stdout.trim(),
};

function must(command: readonly string[], extra: NodeJS.ProcessEnv = {}, input?: string): string {
  const [program = '', ...args] = command;
  const run = spawnSync(program, args, { env: { ...env, ...extra }, encoding: 'utf8', input });
  if (run.status !== 0) throw new Error(`${command.join(' ')}: ${run.stderr}${run.stdout}`);
  return run.stdout;
}
const enfold = (home: string, ...args: string[]) => ({ command: [process.execPath, cli, ...args], env: { ...env, ENFOLD_HOME: home } });
const inHome = (home: string, ...args: string[]) => must(enfold(home, ...args).command, { ENFOLD_HOME: home });

function randomFile(file: string, bytes: number): void {
  const handle = openSync(file, 'w');
  const piece = Buffer.alloc(Math.min(bytes, 8 << 20));
  for (let done = 0; done < bytes; done += piece.length) writeSync(handle, randomFillSync(piece), 0, Math.min(piece.length, bytes - done));
  closeSync(handle);
}

function makeFolder(name: string, files: number, bytes: number, directories = 50): string {
  const folder = join(scratch, name);
  for (let i = 0; i < files; i += 1) {
    const directory = join(folder, `d${String(i % directories).padStart(2, '0')}`);
    if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
    randomFile(join(directory, `file-${String(i).padStart(6, '0')}.bin`), bytes);
  }
  return folder;
}

/**
 * The same start for every program: the sources in the page cache, and memory that was in use just now. A virtual machine gets memory that
 * it has not touched for a while from its host again, which costs more than writing a whole file to the cache: the first program would pay for all.
 */
function warm(folder: string, bytes: number): void {
  must(['sh', '-c', 'find "$1" -type f -exec cat {} + > /dev/null', 'sh', folder]);
  const file = join(scratch, 'warm.bin');
  randomFile(file, bytes);
  rmSync(file);
}

/** A key shared by all homes of this run, and a home that has it. */
const keyFile = join(scratch, 'key.bin');
writeFileSync(keyFile, randomFillSync(Buffer.alloc(32)));
let homes = 0;
function newHome(): string {
  const home = join(scratch, `home-${(homes += 1)}`);
  must(enfold(home, 'connection', 'add', 'bench', '--endpoint', server.endpoint, '--access-key', server.accessKeyId).command, { ENFOLD_HOME: home }, `${server.secretAccessKey}\n`);
  inHome(home, 'key', 'import', 'bench', '--from', keyFile);
  return home;
}
const addFolder = (home: string, folder: string, bucket: string): void => {
  inHome(home, 'folder', 'add', folder, '--remote', `s3://${bucket}/enfold`, '--connection', 'bench', '--mode', 'cse-c', '--key', 'bench');
};

type Program = { readonly name: string; readonly run: (what: Step) => { command: string[]; env: NodeJS.ProcessEnv } };
type Step = { readonly direction: 'up' | 'down' | 'unchanged'; readonly folder: string; readonly bucket: string; readonly home: string };
const rclone = (name: string, ...flags: string[]): Program => ({
  name,
  run: ({ direction, folder, bucket }) => {
    const remote = `c:${name.replaceAll(' ', '-')}`;
    const pair = direction === 'down' ? [remote, folder] : [folder, remote];
    return { command: ['rclone', direction === 'unchanged' ? 'sync' : 'copy', ...pair, ...flags], env: { ...env, RCLONE_CONFIG_C_REMOTE: `s:${bucket}/rclone` } };
  },
});
const programs: readonly Program[] = [
  { name: 'enfold', run: ({ home }) => enfold(home, 'sync') },
  rclone('rclone crypt'),
  rclone('rclone crypt tuned', '--transfers', '32', '--checkers', '32', '--fast-list'),
  { name: 'aws s3 sync', run: ({ direction, folder, bucket }) => ({ command: [...aws, 's3', 'sync', '--only-show-errors', ...(direction === 'down' ? [`s3://${bucket}/aws`, folder] : [folder, `s3://${bucket}/aws`])], env }) },
];

const table = new Map<string, Map<string, Cost[]>>();
function note(caseName: string, program: string, cost: Cost): void {
  const row = table.get(caseName) ?? new Map<string, Cost[]>();
  table.set(caseName, row.set(program, [...(row.get(program) ?? []), cost]));
  process.stderr.write(`${caseName.padEnd(22)} ${program.padEnd(20)} ${cost.wallSeconds.toFixed(2)} s  ${cost.cpuSeconds.toFixed(2)} CPU s  ${cost.peakMiB.toFixed(0)} MiB\n`);
}

/** Uploads, checks a second run that finds nothing to do, downloads elsewhere and compares. */
function benchSet(name: string, files: number, bytes: number, cases: readonly Step['direction'][]): void {
  if (!isChosen(name)) return;
  const folder = makeFolder(name, files, bytes);
  for (let round = 0; round < rounds; round += 1) {
    for (const program of [...programs.slice(round % programs.length), ...programs.slice(0, round % programs.length)]) {
      const bucket = `bench-${name}-${round}-${programs.indexOf(program)}`.toLowerCase();
      must([...aws, 's3api', 'create-bucket', '--bucket', bucket]);
      const isEnfold = program.name === 'enfold';
      const home = isEnfold ? newHome() : '';
      if (isEnfold) addFolder(home, folder, bucket);
      const step = (direction: Step['direction'], at: string, from: string): void => {
        const { command, env: environment } = program.run({ direction, folder: at, bucket, home: from });
        warm(folder, Math.min(1 << 30, Math.max(64 << 20, files * bytes)));
        const cost = measure(command, environment, log);
        if (cases.includes(direction)) note(`${name} ${direction}`, program.name, cost);
      };
      step('up', folder, home);
      if (cases.includes('unchanged')) step('unchanged', folder, home);
      if (cases.includes('down')) {
        const target = join(scratch, 'restored');
        mkdirSync(target);
        const second = isEnfold ? newHome() : '';
        if (isEnfold) addFolder(second, target, bucket);
        step('down', target, second);
        must(['diff', '-r', '--exclude=.enfold', folder, target]);
        rmSync(target, { recursive: true });
      }
      if (isEnfold) rmSync(join(folder, '.enfold'), { recursive: true, force: true });
      // The server keeps everything in memory; small files may stay until it ends, since removing them takes longer than the case.
      if (files * bytes > 256 << 20) must([...aws, 's3', 'rb', '--force', `s3://${bucket}`]);
    }
  }
  rmSync(folder, { recursive: true });
}

/** A folder of very many small files in which nothing changed, and then one file: with rclone's own two-way sync beside the others. */
function benchMany(name: string, files: number): void {
  if (!isChosen(name)) return;
  const folder = makeFolder('many', files, 256);
  const remote = 'c:bisync';
  const bisync: Program = { name: 'rclone bisync', run: ({ direction, folder: at, bucket }) => ({ command: ['rclone', 'bisync', at, remote, '--workdir', join(scratch, 'bisync'), '--transfers', '32', '--checkers', '32', '--fast-list', ...(direction === 'up' ? ['--resync'] : [])], env: { ...env, RCLONE_CONFIG_C_REMOTE: `s:${bucket}/bisync` } }) };
  for (const program of [...programs.filter((one) => one.name !== 'rclone crypt'), bisync]) {
    const bucket = `bench-many-${program.name.replaceAll(' ', '-')}`;
    must([...aws, 's3api', 'create-bucket', '--bucket', bucket]);
    const isEnfold = program.name === 'enfold';
    const home = isEnfold ? newHome() : '';
    if (isEnfold) addFolder(home, folder, bucket);
    const step = (direction: Step['direction'], noted: string | null): void => {
      const { command, env: environment } = program.run({ direction, folder, bucket, home });
      const cost = measure(command, environment, log);
      if (noted !== null) note(`${files} ${noted}`, program.name, cost);
    };
    step('up', null);
    step('unchanged', null);
    for (let round = 0; round < rounds; round += 1) {
      step('unchanged', 'unchanged');
      randomFile(join(folder, 'd00', 'file-000000.bin'), 256);
      step('unchanged', 'one changed');
    }
    if (isEnfold) rmSync(join(folder, '.enfold'), { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true });
}

/** A home with a folder whose requests go through a proxy in this process, which must not wait for a command standing still. */
async function proxiedHome(endpoint: string, folder: string, bucket: string): Promise<string> {
  const home = newHome();
  must(enfold(home, 'connection', 'add', 'proxied', '--endpoint', endpoint, '--access-key', server.accessKeyId).command, { ENFOLD_HOME: home }, `${server.secretAccessKey}\n`);
  const { command: [program = '', ...args], env: environment } = enfold(home, 'folder', 'add', folder, '--remote', `s3://${bucket}/enfold`, '--connection', 'proxied', '--mode', 'cse-c', '--key', 'bench');
  const code = await new Promise((done) => spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] }).once('exit', done));
  if (code !== 0) throw new Error('the folder was not added');
  return home;
}

/** From a small file that is written to the object that holds it, while Enfold watches the folder; and what each kind of change costs in requests. */
async function benchResident(): Promise<void> {
  if (!isChosen('latency', 'requests')) return;
  const proxy = await startFaultProxy(server.endpoint);
  const bucket = 'bench-resident';
  must([...aws, 's3api', 'create-bucket', '--bucket', bucket]);
  const folder = makeFolder('resident', 100, 256);
  const home = await proxiedHome(proxy.endpoint, folder, bucket);
  const { command: [program = '', ...args], env: environment } = enfold(home, 'sync', '--watch', '--json');
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const told = async (): Promise<void> => new Promise((done) => { lines.once('line', () => done()); });
  await told();
  const latencies: number[] = [];
  const requestsOf = new Map<string, string>();
  const operations: readonly (readonly [string, (i: number) => void])[] = [
    ['a new small file', (i) => writeFileSync(join(folder, `new-${i}.txt`), `new ${i}`)], ['an edit', (i) => writeFileSync(join(folder, `new-${i}.txt`), `edited ${i} and longer`)],
    ['a rename', (i) => renameSync(join(folder, `new-${i}.txt`), join(folder, `renamed-${i}.txt`))], ['a deletion', (i) => rmSync(join(folder, `renamed-${i}.txt`))],
  ];
  for (let i = 0; i < 3 * rounds; i += 1) {
    for (const [name, change] of operations) {
      const from = proxy.requests.length;
      const fromMs = performance.now();
      change(i);
      await told();
      // What it says comes after the server's answer and its own records: an upper bound of the time to durable.
      if (name === 'a new small file') latencies.push(performance.now() - fromMs);
      const counts = new Map<string, number>();
      for (const line of proxy.requests.slice(from)) counts.set(line.slice(0, line.indexOf(' ')), (counts.get(line.slice(0, line.indexOf(' '))) ?? 0) + 1);
      requestsOf.set(name, [...counts].map(([method, count]) => `${count} ${method}`).join(', '));
    }
  }
  child.kill('SIGTERM');
  await new Promise((done) => child.once('exit', done));
  await proxy.stop();
  const sorted = latencies.toSorted((a, b) => a - b);
  console.log(`\nFrom writing a small file to Enfold's word that it is stored, watching: median ${Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0)} ms, longest ${Math.round(sorted.at(-1) ?? 0)} ms of ${sorted.length}.`);
  console.log('\n| change | requests, polls between included |\n| --- | --- |');
  for (const [name, requests] of requestsOf) console.log(`| ${name} | ${requests} |`);
}

const IDLE_MS = 30_000;

/** The app's engine over folders of more and more files: its first sync, then nothing to do, everything looked at anew, one file changed. */
async function benchMemory(files: number): Promise<readonly string[]> {
  let onFeed = (): void => undefined;
  const proxy = await startFaultProxy(server.endpoint, (line) => {
    if (/^PUT \S+\/\.enfold\/feed\//.test(line)) onFeed();
  });
  const bucket = `bench-resident-${files}`;
  must([...aws, 's3api', 'create-bucket', '--bucket', bucket]);
  const folder = makeFolder(bucket, files, 100, Math.max(50, files / 100));
  const home = await proxiedHome(proxy.endpoint, folder, bucket);
  const engine = await startResident(home, env, scratch);
  const rows: string[] = [];
  const row = (name: string, wallSeconds: number | null, cost: EngineCost, requests: number | null): void => {
    rows.push(`| ${files} | ${name} | ${wallSeconds?.toFixed(2) ?? ''} | ${cost.cpuSeconds.toFixed(2)} | ${cost.peakMiB.toFixed(0)} | ${cost.nowMiB.toFixed(0)} | ${cost.longestStallMs.toFixed(0)} | ${cost.longestComputingMs.toFixed(0)} | ${requests ?? ''} |`);
    process.stderr.write(`${rows.at(-1)}\n`);
  };
  try {
    let fromMs = performance.now();
    const inStep = (status: FolderStatus): boolean => status.phase === 'idle' && status.files === files && status.lastSuccessMs !== null;
    await engine.until(inStep);
    row('first sync', (performance.now() - fromMs) / 1000, engine.cost(), proxy.requests.length);
    await engine.untilQuiet();
    const wholes: number[] = [];
    engine.mark();
    for (let round = 0; round < rounds; round += 1) wholes.push(await engine.syncWhole());
    row(`both sides whole, ${rounds} times, the median`, median(wholes), engine.cost(), null);
    await engine.untilQuiet();
    engine.mark();
    let from = proxy.requests.length;
    await sleep(IDLE_MS);
    row(`nothing to do for ${IDLE_MS / 1000} s`, null, engine.cost(), proxy.requests.length - from);
    const latencies: number[] = [];
    engine.mark();
    from = proxy.requests.length;
    for (let i = 0; i < 3 * rounds; i += 1) {
      fromMs = performance.now();
      // The other devices are told after the server's answer and this device's own record: an upper bound of the time to durable.
      const told = new Promise<void>((done) => { onFeed = done; });
      randomFile(join(folder, 'd00', 'file-000000.bin'), 101 + i);
      await told;
      latencies.push(performance.now() - fromMs);
      await sleep(1_000);
    }
    row(`one file changed, ${3 * rounds} times, the median until it is stored, recorded and told`, median(latencies) / 1000, engine.cost(), (proxy.requests.length - from) / (3 * rounds));
  } finally {
    await engine.stop();
    await proxy.stop();
    rmSync(folder, { recursive: true });
  }
  return rows;
}

async function benchResidents(): Promise<void> {
  if (!isChosen('resident')) return;
  const rows: string[] = [];
  for (const files of options.files.split(',').map(Number)) rows.push(...await benchMemory(files));
  console.log(`\nThe engine of the app over a folder of small files.\n\n| files | | wall s | CPU s | peak MiB | MiB then | longest stall ms | of that computing | requests |\n| --- |${' --- |'.repeat(8)}\n${rows.join('\n')}`);
}

function report(): void {
  console.log(`\nServer: ${options.server}; medians of ${rounds} rounds; wall s / CPU s / peak MiB of the client; ratio = Enfold's wall time / the other's.\n`);
  console.log(`| case | ${programs.map((program) => program.name).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(programs.length)}`);
  for (const [caseName, row] of table) {
    if (!row.has('enfold')) continue;
    const own = medianCost(row.get('enfold') ?? []);
    const cells = programs.map(({ name }) => {
      if (!row.has(name)) return 'not measured';
      const cost = medianCost(row.get(name) ?? []);
      const figures = `${cost.wallSeconds.toFixed(2)} / ${cost.cpuSeconds.toFixed(2)} / ${cost.peakMiB.toFixed(0)}`;
      return name === 'enfold' ? figures : `${figures} (${(own.wallSeconds / cost.wallSeconds).toFixed(2)})`;
    });
    console.log(`| ${caseName} | ${cells.join(' | ')} |`);
    const other = row.get('rclone bisync');
    if (other === undefined) continue;
    const { wallSeconds, cpuSeconds, peakMiB } = medianCost(other);
    console.log(`\nrclone bisync, ${caseName}: ${wallSeconds.toFixed(2)} / ${cpuSeconds.toFixed(2)} / ${peakMiB.toFixed(0)} (${(own.wallSeconds / wallSeconds).toFixed(2)})\n`);
  }
}

try {
  benchSet('1GiB', 1, Math.round((1 << 30) * scale), ['up', 'down']);
  benchSet('5000x16KiB', Math.round(5000 * scale), 16 << 10, ['up', 'down']);
  benchSet('20000', Math.round(20_000 * scale), 256, ['unchanged']);
  benchMany('100000', Math.round(100_000 * scale));
  await benchResident();
  await benchResidents();
  report();
} finally {
  await server.stop();
  rmSync(scratch, { recursive: true, force: true });
}
