// npm run demo: the main job from the command line. A sample folder is encrypted into Enfold's own storage in every mode that
// exists, what the storage holds is shown, a second computer (a second Enfold home) gets everything back, and both are compared.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { ensureNodeModules, projectRoot, toolEnvironment } from './install.mjs';
import { CANARY, fingerprints, holdsText, makeSampleFolder } from './demo/sample.mjs';

// Each mode as `folder add` takes it; KMS_KEY stands for the id of a key in the storage's KMS.
const MODES = [
  { title: 'sse-s3', meaning: 'S3 holds the key', options: ['--mode', 'sse-s3'] },
  { title: 'sse-kms (managed)', meaning: 'KMS holds the key', options: ['--mode', 'sse-kms'] },
  { title: 'sse-kms (own)', meaning: 'KMS holds your key', options: ['--mode', 'sse-kms', '--kms-key-id', 'KMS_KEY'] },
  { title: 'sse-c', meaning: 'S3 uses your key and forgets it', options: ['--mode', 'sse-c', '--key', 'demo-customer-key'] },
  { title: 'cse-kms', meaning: 'sealed here, KMS holds your key', options: ['--mode', 'cse-kms', '--kms-key-id', 'KMS_KEY'] },
  { title: 'cse-c', meaning: 'sealed here, only you hold the key', options: ['--mode', 'cse-c', '--key', 'demo-key'] },
];
const KEYS = { 'demo-customer-key': 'sse-c', 'demo-key': 'aes' };
const LARGE_BYTES = Number(process.env.ENFOLD_DEMO_MIB || 100) << 20;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'enfold-demo-'));
const cli = path.join(projectRoot, 'out', 'main', 'cli.js');
let baseEnv;

const heading = (text) => console.log(`\n${text}\n${'-'.repeat(text.length)}`);
const shown = (arg) => (/^[\w./:@=-]+$/.test(arg) ? arg : `'${arg}'`).replaceAll(scratch, '~');
const home = (name) => ({ ...baseEnv, ENFOLD_HOME: path.join(scratch, name), ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: `demo passphrase of ${name}` });

/** Runs one enfold command, shown as a person would type it; answers its standard output. */
function enfold(env, args, { input, echo = true, encoding = 'utf8' } = {}) {
  if (echo) console.log(`$ enfold ${args.filter((arg) => arg !== '--json').map(shown).join(' ')}`);
  const result = spawnSync(process.execPath, [cli, ...args], { env, input, encoding, maxBuffer: 256 << 20, stdio: ['pipe', 'pipe', 'inherit'] });
  if (result.status !== 0) throw new Error(`enfold ${args[0]} ended with exit code ${result.status}`);
  return result.stdout;
}
const enfoldJson = (env, args, options) => JSON.parse(enfold(env, [...args, '--json'], options));

async function startStorage() {
  const dir = path.join(scratch, 'storage');
  console.log(`$ enfold storage serve --dir ${shown(dir)} --port 0`);
  const child = spawn(process.execPath, [cli, 'storage', 'serve', '--dir', dir, '--port', '0', '--json'], { env: home('storage-home'), stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await Promise.race([
    new Promise((resolve) => readline.createInterface({ input: child.stdout }).once('line', (text) => resolve([text]))),
    new Promise((_resolve, reject) => child.once('exit', (code) => reject(new Error(`the storage ended with exit code ${code}`)))),
  ]);
  return { ...JSON.parse(line), dir, stop: () => new Promise((resolve) => { child.once('exit', resolve); child.kill('SIGTERM'); }) };
}

function hexLines(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    lines.push(`    ${row.toString('hex').replace(/(..)/g, '$1 ').padEnd(48)} ${row.toString('latin1').replace(/[^\x20-\x7e]/g, '.')}`);
  }
  return lines.join('\n');
}

function connect(env, storage) {
  enfold(env, ['connection', 'add', 'demo', '--endpoint', storage.endpoint, '--access-key', storage.accessKeyId], { input: `${storage.secretAccessKey}\n` });
}

/** A key of the user's own in the storage's KMS, as `aws kms create-key` makes it. */
async function makeKmsKey(storage) {
  const { CreateKeyCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const kms = new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: { accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey } });
  const made = await kms.send(new CreateKeyCommand({ Description: 'Enfold demo' }));
  return made.KeyMetadata.KeyId;
}

/** The keys that only their owner holds: made on one computer, carried to the other in exported files. */
function shareKeys(mine, second) {
  heading('Keys that only you hold');
  const withPassphrase = (env) => ({ ...env, ENFOLD_EXPORT_PASSPHRASE: 'on paper, in the drawer' });
  for (const [name, type] of Object.entries(KEYS)) {
    const exported = path.join(scratch, `${name}.age`);
    enfold(mine, ['key', 'new', name, '--type', type]);
    enfold(withPassphrase(mine), ['key', 'export', name, '--out', exported]);
    enfold(withPassphrase(second), ['key', 'import', name, '--from', exported]);
  }
}

function showBucket(env, remote, isSealed) {
  console.log('\nWhat the bucket holds (names as S3 has them):');
  const objects = enfoldJson(env, ['ls', `${remote}/`, '--connection', 'demo'], { echo: false }).filter((row) => !row.name.startsWith('.enfold'));
  for (const row of objects.slice(0, 6)) console.log(`    ${String(row.sizeBytes ?? '').padStart(10)}  ${row.name.length > 70 ? `${row.name.slice(0, 67)}...` : row.name}`);
  if (!isSealed) return;
  const [smallest] = objects.filter((row) => row.kind === 'file' && row.sizeBytes > 200).sort((a, b) => a.sizeBytes - b.sizeBytes);
  const stored = enfold(env, ['cat', `s3://enfold-demo/${smallest.objectKey}`, '--connection', 'demo'], { echo: false, encoding: 'buffer' });
  console.log(`\nThe first bytes of one of them, as anybody with access to the bucket gets them:\n${hexLines(stored.subarray(0, 64))}`);
}

function runMode({ title, meaning, options }, kmsKeyId, storage, sample) {
  heading(`${title}: ${meaning}`);
  const [mine, second] = [home('home-1'), home('home-2')];
  const place = title.replace(/[^a-z0-9]+/g, '-').replace(/-$/, '');
  const remote = `s3://enfold-demo/${place}`;
  const pairing = ['--remote', remote, '--connection', 'demo', ...options.map((option) => (option === 'KMS_KEY' ? kmsKeyId : option))];
  const source = path.join(scratch, `${place}-folder`);
  fs.cpSync(sample, source, { recursive: true });

  const added = enfoldJson(mine, ['folder', 'add', source, ...pairing]);
  const upAt = Date.now();
  enfold(mine, ['sync', added.id]);
  const upMs = Date.now() - upAt;
  showBucket(mine, remote, options[1].startsWith('cse'));
  const isPlainAtRest = holdsText(storage.dir, CANARY);
  console.log(`\nThe sentence "${CANARY.slice(0, 24)}..." in the storage's files on disk: ${isPlainAtRest ? 'FOUND' : 'not found'}`);

  console.log('\nA second computer gets it back:');
  const restored = path.join(scratch, `${place}-restored`);
  fs.mkdirSync(restored);
  const joined = enfoldJson(second, ['folder', 'add', restored, ...pairing]);
  const downAt = Date.now();
  enfold(second, ['sync', joined.id]);
  const downMs = Date.now() - downAt;

  const [before, after] = [fingerprints(source), fingerprints(restored)];
  const differing = [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
  for (const name of differing) console.log(`    differs: ${name}`);
  const files = [...before.values()].filter((kind) => kind !== 'directory').length;
  for (const folder of [source, restored]) fs.rmSync(folder, { recursive: true });
  return { title, meaning, files, upMs, downMs, isPlainAtRest, isIdentical: differing.length === 0 };
}

function summarise(results, mebibytes) {
  heading('Summary');
  const columns = [
    ['mode', (r) => r.title], ['who holds the key', (r) => r.meaning], ['files', (r) => String(r.files)], ['MiB', () => mebibytes.toFixed(1)],
    ['up s', (r) => (r.upMs / 1000).toFixed(1)], ['down s', (r) => (r.downMs / 1000).toFixed(1)],
    ['plaintext at rest', (r) => (r.isPlainAtRest ? 'YES' : 'none')], ['second computer', (r) => (r.isIdentical ? 'identical' : 'DIFFERS')],
  ];
  const rows = [columns.map(([title]) => title), ...results.map((result) => columns.map(([, cell]) => cell(result)))];
  const widths = columns.map((_column, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) console.log(row.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd());
}

let storage;
try {
  await ensureNodeModules();
  baseEnv = await toolEnvironment();
  const built = spawnSync(process.execPath, [path.join(projectRoot, 'scripts', 'with.mjs'), 'electron-vite', 'build', '--logLevel', 'warn'], { cwd: projectRoot, stdio: 'inherit' });
  if (built.status !== 0) throw new Error('the build failed');

  heading('Enfold demo');
  console.log(`Everything happens in ${scratch} (shown as ~) and on this computer only; it is removed at the end.`);
  const sample = path.join(scratch, 'sample');
  makeSampleFolder(sample, LARGE_BYTES);
  storage = await startStorage();
  for (const name of ['home-1', 'home-2']) connect(home(name), storage);
  enfold(home('home-1'), ['bucket', 'create', 's3://enfold-demo', '--connection', 'demo']);
  shareKeys(home('home-1'), home('home-2'));
  const kmsKeyId = await makeKmsKey(storage);
  const results = MODES.map((mode) => runMode(mode, kmsKeyId, storage, sample));
  const bytes = fs.readdirSync(sample, { recursive: true, withFileTypes: true }).filter((child) => child.isFile()).reduce((sum, child) => sum + fs.statSync(path.join(child.parentPath, child.name)).size, 0);
  summarise(results, bytes / 2 ** 20);
  if (results.some((result) => result.isPlainAtRest || !result.isIdentical)) throw new Error('the demo did not come out as it should');
} catch (error) {
  console.error(`\nThe demo stopped: ${error.message}`);
  process.exitCode = 1;
} finally {
  await storage?.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
}
