/**
 * The app as its user feels it: how soon its window is there, whether it keeps up with a sync and with a list of 100,000 rows, and what it takes of the memory.
 *
 * The built app is copied and its two Node processes are given a monitor of their event loops; nothing else differs from what is shipped.
 * Everything is one app with one sealed folder on built-in storage. Options: --sync N files that are synced while the loops are watched,
 * --rows N files in the folder that is then scrolled, --launches N, --mode cse-c|sse-s3, --in DIRECTORY that is kept, and used again without the sync.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium, type Browser, type Page } from 'playwright-core';
import { median } from './measure.ts';

const { values: options } = parseArgs({ options: { sync: { type: 'string', default: '20000' }, rows: { type: 'string', default: '100000' }, launches: { type: 'string', default: '5' }, in: { type: 'string' }, mode: { type: 'string', default: 'cse-c' } } });
const scratch = options.in ?? mkdtempSync(join(tmpdir(), 'enfold-window-'));
const isThere = existsSync(join(scratch, 'home'));
// The secret store of the tools' desktop is thrown away with it; what is kept needs a key file.
const keyFile = options.in === undefined ? {} : { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'a passphrase for measuring' };
const appDirectory = join(scratch, 'app');
const folder = join(scratch, 'Photos');
const electron = process.env.ELECTRON_EXEC_PATH ?? '';
if (electron === '' || process.platform !== 'linux') throw new Error('needs Linux, and Electron by scripts/with.mjs --electron --desktop');

/** The app with its loops watched. */
function makeApp(): void {
  rmSync(appDirectory, { recursive: true, force: true });
  cpSync('out', join(appDirectory, 'out'), { recursive: true });
  cpSync('package.json', join(appDirectory, 'package.json'));
  symlinkSync(resolve('node_modules'), join(appDirectory, 'node_modules'));
  const main = join(appDirectory, 'out/main');
  cpSync('test/bench/loop-monitor.mjs', join(main, 'loop-monitor.mjs'));
  for (const entry of ['index', 'engine-process']) {
    const file = join(main, `${entry}.js`);
    writeFileSync(file, `import './loop-monitor.mjs';\n${readFileSync(file, 'utf8')}`);
  }
}

type Running = { child: ChildProcess; browser: Browser; page: Page; startedMs: number };

/** Playwright must not come before there is a page: it would wait for a default context in vain. */
async function untilPage(port: string): Promise<void> {
  for (;;) {
    const pages = await fetch(`http://127.0.0.1:${port}/json/list`).then(async (answer) => (await answer.json()) as { type: string; url: string }[]).catch(() => []);
    if (pages.some((one) => one.type === 'page' && /^(app|file):/.test(one.url))) return;
    await sleep(200);
  }
}

async function launch(home: string, app = appDirectory): Promise<Running> {
  const startedMs = Date.now();
  const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--remote-debugging-port=0', app];
  const child = spawn(electron, args, { env: { ...process.env, ...keyFile, ENFOLD_HOME: join(scratch, home), ENFOLD_BENCH_LOOP: join(scratch, 'loop') }, stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface({ input: child.stderr });
  const url = await new Promise<string>((found, reject) => {
    lines.on('line', (line) => { const at = /DevTools listening on (ws:\S+)/.exec(line)?.[1]; if (at !== undefined) found(at); });
    child.once('exit', (code) => reject(new Error(`the app ended with ${code}`)));
  });
  await untilPage(new URL(url).port);
  const browser = await chromium.connectOverCDP(url);
  const context = browser.contexts()[0]!;
  const page = context.pages()[0] ?? (await context.waitForEvent('page'));
  await page.waitForFunction(() => performance.getEntriesByName('enfold-ready').length > 0 && performance.getEntriesByType('paint').length > 0);
  return { child, browser, page, startedMs };
}

async function close({ child, browser }: Running): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
  await browser.close().catch(() => undefined);
}

/** Milliseconds after the start of the program: the first picture in the window, and the first that holds what the user has. */
async function timesOf({ page, startedMs }: Running): Promise<{ painted: number; ready: number }> {
  const at = (name: string): Promise<number> => page.evaluate((entry) => performance.timeOrigin + (performance.getEntriesByName(entry)[0]?.startTime ?? NaN), name);
  return { painted: (await at('first-contentful-paint')) - startedMs, ready: (await at('enfold-ready')) - startedMs };
}

/** The process and all that it started. */
function familyOf(pid: number): number[] {
  const parents = new Map(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      return [[Number(name), Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'latin1'))?.[1])] as const];
    } catch {
      return []; // It has ended since.
    }
  }));
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

type Memory = { totalMiB: number; parts: Record<string, number> };
/** Proportional set size: memory that processes share is counted once, in shares. */
function memoryOf(pid: number): Memory {
  const parts: Record<string, number> = {};
  for (const member of familyOf(pid)) {
    try {
      const kib = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${member}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
      const command = readFileSync(`/proc/${member}/cmdline`, 'latin1').split('\0').join(' ');
      const name = existsSync(join(scratch, `loop.engine-process-${member}`)) ? 'engine' : /--utility-sub-type=node/.test(command) ? 'storage' : (/--utility-sub-type=(\w+)/.exec(command)?.[1] ?? /--type=(\S+)/.exec(command)?.[1] ?? 'main');
      parts[name] = (parts[name] ?? 0) + kib / 1024;
    } catch {
      // It has ended since.
    }
  }
  return { totalMiB: Object.values(parts).reduce((sum, one) => sum + one, 0), parts };
}

type Gap = { atMs: number; gapMs: number; ranMs: number; waitedMs: number };
function gapsSince(entry: 'main' | 'engine-process', sinceMs: number): Gap[] {
  const files = readdirSync(scratch).filter((name) => name.startsWith(`loop.${entry}-`));
  return files.flatMap((name) => readFileSync(join(scratch, name), 'utf8').trim().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Gap)).filter(({ atMs }) => atMs >= sinceMs);
}
function tellGaps(title: string, gaps: readonly Gap[]): void {
  const say = (values: number[]): string => `${Math.max(0, ...values).toFixed(0)} ms, ${values.filter((ms) => ms > 50).length} over 50`;
  const own = gaps.map(({ gapMs, waitedMs }) => gapMs - waitedMs);
  console.log(`  ${title}: longest stop ${say(own)}; of it computing ${say(gaps.map(({ ranMs }) => ranMs))}; with the time in which other programs had the cores ${say(gaps.map(({ gapMs }) => gapMs))}`);
}

const made = { files: 0 };
function makeFiles(upTo: number): void {
  mkdirSync(join(folder, '2024'), { recursive: true });
  for (; made.files < upTo; made.files += 1) writeFileSync(join(folder, '2024', `IMG_${String(made.files).padStart(6, '0')}.jpg`), `picture ${made.files}`);
}

type Request = (name: string, input: unknown) => Promise<unknown>;
const requester = (page: Page): Request => (name, input) => page.evaluate(async ([asked, given]) => {
  const answer = await (window as unknown as { enfold: { request: (n: unknown, i: unknown) => Promise<{ ok: boolean; value: unknown; error?: unknown }> } }).enfold.request(asked, given);
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  return answer.value;
}, [name, input]);

type Folder = { id: string; status: { state: string; files: number; problems: unknown[] } };
async function untilSynced(request: Request, files: number, onLook: () => void): Promise<void> {
  for (;;) {
    onLook();
    const [one] = (await request('folders.list', undefined)) as Folder[];
    if (one?.status.state === 'up-to-date' && one.status.files >= files) return;
    if ((one?.status.problems.length ?? 0) > 0) throw new Error(JSON.stringify(one));
    await sleep(1000);
  }
}

/** Scrolls by so much with each frame, for so long. */
async function scroll(page: Page, pixels: number, forMs: number): Promise<{ frames: number; framesPerSecond: number; slowestMs: number; over34: number; blank: number }> {
  return page.evaluate(async ([step, duration]) => {
    const list = document.querySelector('[role="grid"]')!;
    const intervals: number[] = [];
    let blank = 0;
    await new Promise<void>((done) => {
      let began: number | null = null;
      let last = 0;
      const frame = (at: number): void => {
        if (began === null) began = at;
        else intervals.push(at - last);
        last = at;
        if (at - began > duration!) return done();
        const rows = [...list.querySelectorAll('[role="row"]')];
        if (rows.some((row) => row.textContent.startsWith('…')) || rows.length === 0) blank += 1;
        list.scrollTop += step!;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    const total = intervals.reduce((sum, one) => sum + one, 0);
    return { frames: intervals.length, framesPerSecond: (1000 * intervals.length) / total, slowestMs: Math.max(...intervals), over34: intervals.filter((ms) => ms > 34).length, blank: blank / intervals.length };
  }, [pixels, forMs]);
}

/** What Electron itself takes on this machine, at this moment: an empty window with a word in it. */
function makeBareApp(): string {
  const directory = join(scratch, 'bare');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"name":"bare","main":"main.cjs"}');
  const page = "<p>ready<script>requestAnimationFrame(() => performance.mark('enfold-ready'))</script>";
  writeFileSync(join(directory, 'index.html'), page);
  writeFileSync(join(directory, 'main.cjs'), "const { app, BrowserWindow } = require('electron'); app.setPath('userData', __dirname + '/data'); app.whenReady().then(() => { const w = new BrowserWindow({ width: 1280, height: 800, show: false }); w.once('ready-to-show', () => w.show()); w.loadFile('index.html'); }); process.on('SIGTERM', () => app.exit(0));");
  return directory;
}

async function launches(home: string, title: string): Promise<void> {
  const bare = makeBareApp();
  const times: { own: { painted: number; ready: number }; bare: { painted: number } }[] = [];
  for (let round = 0; round < Number(options.launches); round += 1) {
    const empty = await launch('bare-home', bare);
    const bareTimes = await timesOf(empty);
    await close(empty);
    const running = await launch(home);
    times.push({ own: await timesOf(running), bare: bareTimes });
    await close(running);
  }
  const show = (values: number[]): string => `${median(values).toFixed(0)} (${values.map((one) => one.toFixed(0)).join(', ')})`;
  console.log(`window ready after launch, ${title}: ${show(times.map(({ own }) => own.ready))} ms, its first picture ${show(times.map(({ own }) => own.painted))} ms; an empty window of Electron's, in turn: ${show(times.map((one) => one.bare.painted))} ms`);
}

const tellMemory = (title: string, { totalMiB, parts }: Memory): void => console.log(`  ${title}: PSS ${totalMiB.toFixed(0)} MiB (${Object.entries(parts).map(([name, mib]) => `${name} ${mib.toFixed(0)}`).join(', ')})`);

async function setUp(request: Request): Promise<string> {
  const { id: connectionId } = (await request('connections.add', { kind: 'built-in', name: 'Disk', directory: join(scratch, 'storage') })) as { id: string };
  const isSealed = options.mode === 'cse-c';
  const keyId = isSealed ? ((await request('keys.create', { name: 'Photos key', type: 'aes' })) as { keyId: string }).keyId : null;
  const added = await request('folders.add', { localPath: folder, connectionId, bucket: 'enfold', prefix: 'photos/', mode: options.mode, keyId, names: isSealed ? 'encrypted' : 'readable', direction: 'two-way', createBucket: true });
  return (added as { id: string }).id;
}

async function sync(): Promise<void> {
  makeFiles(Number(options.sync));
  const running = await launch('home');
  const request = requester(running.page);
  const folderId = await setUp(request);
  await running.page.reload();
  await running.page.waitForFunction(() => performance.getEntriesByName('enfold-ready').length > 0);
  let peak = memoryOf(running.child.pid!);
  const look = (): void => { const memory = memoryOf(running.child.pid!); if (memory.totalMiB > peak.totalMiB) peak = memory; };
  const sinceMs = Date.now();
  await request('folders.start', { folderId });
  await untilSynced(request, Number(options.sync), look);
  console.log(`sync of ${options.sync} files, ${((Date.now() - sinceMs) / 1000).toFixed(1)} s:`);
  tellGaps('main process', gapsSince('main', sinceMs));
  tellGaps('engine', gapsSince('engine-process', sinceMs));
  tellMemory('peak', peak);
  makeFiles(Number(options.rows));
  await request('folders.syncNow', { folderId });
  await untilSynced(request, Number(options.rows), look);
  await close(running);
}

/** Milliseconds that the window's own thread computed so far. */
function windowRanMs(pid: number): number {
  const renderer = familyOf(pid).find((member) => readFileSync(`/proc/${member}/cmdline`, 'latin1').includes('--type=renderer'));
  return Number(readFileSync(`/proc/${renderer ?? 0}/task/${renderer ?? 0}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

async function browse(): Promise<void> {
  const running = await launch('home');
  const { page } = running;
  await untilSynced(requester(page), Number(options.rows), () => undefined);
  await page.getByRole('button', { name: 'Browse' }).first().click();
  await page.getByText('2024', { exact: true }).first().dblclick();
  await page.getByText('IMG_000000.jpg').waitFor({ timeout: 120_000 });
  await page.waitForFunction((rows) => Number(document.querySelector('[role="grid"]')?.getAttribute('aria-rowcount')) >= rows, Number(options.rows), { timeout: 300_000 });
  console.log(`browse of ${options.rows} rows:`);
  for (const [title, pixels] of [['a quick wheel, 120 px a frame', 120], ['thrown, 2,000 px a frame', 2000]] as const) {
    const before = windowRanMs(running.child.pid!);
    const told = await scroll(page, pixels, 6000);
    const perFrame = (windowRanMs(running.child.pid!) - before) / told.frames;
    console.log(`  ${title}: ${told.framesPerSecond.toFixed(1)} frames/s, ${perFrame.toFixed(1)} ms of computing in the window's thread per frame, slowest ${told.slowestMs.toFixed(0)} ms, ${told.over34} over 34 ms; ${(told.blank * 100).toFixed(1)} % of frames with rows not yet here`);
    tellMemory('then', memoryOf(running.child.pid!));
  }
  await sleep(10_000);
  tellMemory('10 s later', memoryOf(running.child.pid!));
  await close(running);
}

try {
  makeApp();
  if (Number(options.launches) > 0) await launches('empty', 'first run');
  if (!isThere) await sync();
  if (Number(options.launches) > 0) await launches('home', `folder of ${options.rows} files`);
  await browse();
} finally {
  if (options.in === undefined) rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
