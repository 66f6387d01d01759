/**
 * Built-in storage beside Ceph's radosgw (data in memory, nothing durable), each with two cheap client processes, in turns in one run.
 *
 * CPU is what the server's processes used, in user and kernel mode: the figure that other work on the machine disturbs least. Options:
 * --rounds N, --only small|large|list, --server both|built-in|radosgw, --small N, --list N, --large MiB, --profile DIR (built-in with --cpu-prof there).
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startRadosgw } from '../helpers/radosgw.ts';
import { createTarget, type Endpoint } from '../storage/target.ts';
import { median } from './measure.ts';
import type { Outcome, Task } from './storage-client.ts';

const { values: options } = parseArgs({ options: {
  rounds: { type: 'string', default: '3' }, only: { type: 'string', default: '' }, server: { type: 'string', default: 'both' },
  small: { type: 'string', default: '20000' }, large: { type: 'string', default: '1024' }, list: { type: 'string', default: '100000' }, profile: { type: 'string', default: '' },
} });
const SMALL_BYTES = 16 << 10;
const CLIENTS = 2;
const IN_FLIGHT = 64;
const LIST_BYTES = 1;
const smallCount = Number(options.small);
const largeBytes = Number(options.large) << 20;
const listCount = Number(options.list);
const scratch = mkdtempSync(join(tmpdir(), 'enfold-bench-'));

/** `pids`: all its processes. */
type Server = Endpoint & { readonly name: string; readonly pids: readonly number[]; stop(): Promise<void> };

async function startBuiltIn(): Promise<Server> {
  const flags = options.profile === '' ? [] : ['--cpu-prof', '--cpu-prof-dir', resolve(options.profile)];
  const child = spawn(process.execPath, [...flags, resolve('out/main/cli.js'), 'storage', 'serve', '--dir', join(scratch, 'storage'), '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolveLine, reject) => {
    createInterface({ input: child.stdout }).once('line', resolveLine);
    child.once('exit', (code) => reject(new Error(`the storage ended with ${code}`)));
  });
  const told = JSON.parse(line) as Endpoint;
  return { ...told, name: 'built-in', pids: [child.pid ?? 0], stop: async () => new Promise((done) => { child.once('exit', () => done()); child.kill('SIGTERM'); }) };
}

/** User and kernel time of processes so far; the kernel counts hundredths. */
function cpuSecondsOf(pids: readonly number[]): number {
  return pids.map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')).reduce((sum, fields) => sum + (Number(fields[11]) + Number(fields[12])) / 100, 0);
}

function memoryMiBOf(pids: readonly number[], field: 'VmHWM' | 'VmRSS'): number {
  return pids.reduce((sum, pid) => sum + Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024, 0);
}

type Figures = { readonly perSecond: number; readonly serverCpu: number; readonly clientCpu: number };

const ready = (child: ChildProcess): Promise<void> => new Promise((done, failed) => {
  child.once('message', () => done());
  child.once('exit', (code) => failed(new Error(`a client ended with ${code}`)));
});
const finished = (child: ChildProcess): Promise<Outcome> => new Promise((done, failed) => {
  child.once('message', (outcome) => done(outcome as Outcome));
  child.once('exit', (code) => failed(new Error(`a client ended with ${code}`)));
});

/** Runs requests over `clients` processes; `perSecond` counts requests, or bytes of bodies where `isLarge`. CPU is in seconds, all in all. */
async function load(server: Server, method: 'PUT' | 'GET', requests: Task['requests'], sizeBytes: number, inFlight: number, clients = CLIENTS): Promise<Figures> {
  const share = Math.ceil(requests.length / clients);
  const children = Array.from({ length: clients }, () => fork(resolve('test/bench/storage-client.ts'), { execArgv: [] }));
  await Promise.all(children.map(async (child, index) => {
    const task: Task = { endpoint: server.endpoint, accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey, method, sizeBytes, inFlight: Math.ceil(inFlight / clients), requests: requests.slice(index * share, (index + 1) * share) };
    const isReady = ready(child);
    child.send(task);
    await isReady;
  }));
  const cpuBefore = cpuSecondsOf(server.pids);
  const outcomes = await Promise.all(children.map((child) => {
    const isFinished = finished(child);
    child.send('go');
    return isFinished;
  }));
  const wallSeconds = Math.max(...outcomes.map((outcome) => outcome.wallSeconds));
  return { perSecond: requests.length / wallSeconds, serverCpu: cpuSecondsOf(server.pids) - cpuBefore, clientCpu: outcomes.reduce((sum, outcome) => sum + outcome.cpuSeconds, 0) };
}

type Row = { readonly unit: string; readonly cpuUnit: string; readonly values: Map<string, number[]>; readonly cpu: Map<string, number[]> };
const rows = new Map<string, Row>();
function note(name: string, server: Server, unit: string, value: number, cpuUnit: string, cpu: number, clientCpu: number): void {
  const row = rows.get(name) ?? { unit, cpuUnit, values: new Map(), cpu: new Map() };
  rows.set(name, row);
  row.values.set(server.name, [...(row.values.get(server.name) ?? []), value]);
  row.cpu.set(server.name, [...(row.cpu.get(server.name) ?? []), cpu]);
  process.stderr.write(`${name.padEnd(24)} ${server.name.padEnd(10)} ${value.toFixed(0)} ${unit}, server ${cpu.toFixed(cpu < 10 ? 2 : 0)} ${cpuUnit}, clients ${clientCpu.toFixed(2)} CPU s, ${memoryMiBOf(server.pids, 'VmRSS').toFixed(0)} MiB\n`);
}

async function benchSmall(server: Server, round: number): Promise<void> {
  const requests = Array.from({ length: smallCount }, (_, index) => ({ path: `/bench/small-${round}/${index % 50}/${index}.bin` }));
  for (const method of ['PUT', 'GET'] as const) {
    const { perSecond, serverCpu, clientCpu } = await load(server, method, requests, SMALL_BYTES, IN_FLIGHT);
    note(`small ${method}`, server, '/s', perSecond, 'us CPU each', (serverCpu / requests.length) * 1e6, clientCpu);
  }
}

async function benchLarge(server: Server, round: number): Promise<void> {
  const requests = [{ path: `/bench/large-${round}` }];
  for (const method of ['PUT', 'GET'] as const) {
    const { perSecond, serverCpu, clientCpu } = await load(server, method, requests, largeBytes, 1, 1);
    note(`large ${method}`, server, 'MB/s', (perSecond * largeBytes) / 1e6, 'CPU s per GB', serverCpu / (largeBytes / 1e9), clientCpu);
  }
  await createTarget(server).raw(`/bench/large-${round}`, { method: 'DELETE' });
}

async function benchList(server: Server): Promise<void> {
  const requests = Array.from({ length: listCount }, (_, index) => ({ path: `/list/${String(index % 100).padStart(2, '0')}/${index}` }));
  await load(server, 'PUT', requests, LIST_BYTES, IN_FLIGHT);
  const target = createTarget(server);
  for (let round = 0; round < Number(options.rounds); round += 1) {
    const cpuBefore = cpuSecondsOf(server.pids);
    const startedAt = performance.now();
    let listed = 0;
    for (let token: string | undefined = ''; token !== undefined;) {
      const query = [['list-type', '2'], ...(token === '' ? [] : [['continuation-token', token]])] as [string, string][];
      const xml = (await target.raw('/list', { query })).body.toString('utf8');
      listed += Number(/<KeyCount>(\d+)/.exec(xml)?.[1] ?? 0);
      token = /<NextContinuationToken>([^<]*)/.exec(xml)?.[1];
    }
    if (listed !== listCount) throw new Error(`${server.name} listed ${listed} of ${listCount}`);
    note(`list of ${listCount}`, server, 'keys/s', listed / ((performance.now() - startedAt) / 1000), 'us CPU each', ((cpuSecondsOf(server.pids) - cpuBefore) / listed) * 1e6, 0);
  }
}

/** What the disk gives without any server: writes of one group's size, each flushed; and one long write, flushed at its end. */
function measureDisk(): void {
  const group = Buffer.alloc(32 * SMALL_BYTES, 7);
  const file = openSync(join(scratch, 'raw'), 'w');
  let startedAt = performance.now();
  const groups = 100;
  for (let index = 0; index < groups; index += 1) {
    writeSync(file, group);
    fdatasyncSync(file);
  }
  process.stderr.write(`disk: ${((groups * 32) / ((performance.now() - startedAt) / 1000)).toFixed(0)} x 16 KiB/s, written and flushed by 32\n`);
  const piece = Buffer.alloc(1 << 20, 9);
  startedAt = performance.now();
  for (let index = 0; index < 1024; index += 1) writeSync(file, piece);
  fdatasyncSync(file);
  process.stderr.write(`disk: ${(1074 / ((performance.now() - startedAt) / 1000)).toFixed(0)} MB/s, 1 GiB written and flushed\n`);
  closeSync(file);
  rmSync(join(scratch, 'raw'));
}

function report(servers: readonly Server[]): void {
  console.log(`| | ${servers.map(({ name }) => `${name} | server CPU`).join(' | ')} | ratio |\n| --- | ${servers.map(() => '--- | ---').join(' | ')} | --- |`);
  for (const [name, { unit, cpuUnit, values, cpu }] of rows) {
    const medians = servers.map((server) => median(values.get(server.name) ?? []));
    const cells = servers.map((server, index) => {
      const used = median(cpu.get(server.name) ?? []);
      return `${(medians[index] ?? NaN).toFixed(0)} ${unit} | ${used.toFixed(used < 10 ? 2 : 0)} ${cpuUnit}`;
    });
    console.log(`| ${name} | ${cells.join(' | ')} | ${servers.length > 1 ? ((medians[0] ?? NaN) / (medians[1] ?? NaN)).toFixed(2) : ''} |`);
  }
  console.log(`| peak memory | ${servers.map(({ pids }) => `${memoryMiBOf(pids, 'VmHWM').toFixed(0)} MiB | `).join(' | ')} | |`);
}

mkdirSync(scratch, { recursive: true });
const servers: Server[] = [];
try {
  measureDisk();
  if (options.server !== 'radosgw') servers.push(await startBuiltIn());
  if (options.server !== 'built-in') servers.push({ ...(await startRadosgw()), name: 'radosgw' });
  for (const server of servers) for (const bucket of ['bench', 'list']) await createTarget(server).raw(`/${bucket}`, { method: 'PUT' });
  for (let round = 0; round < Number(options.rounds); round += 1) {
    const turn = round % 2 === 0 ? servers : servers.toReversed();
    if (['', 'small'].includes(options.only)) for (const server of turn) await benchSmall(server, round);
    if (['', 'large'].includes(options.only)) for (const server of turn) await benchLarge(server, round);
  }
  if (['', 'list'].includes(options.only)) for (const server of servers) await benchList(server);
  report(servers);
} finally {
  for (const server of servers) await server.stop();
  rmSync(scratch, { recursive: true, force: true });
}
