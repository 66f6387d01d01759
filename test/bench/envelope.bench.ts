/**
 * Encrypting and decrypting one file into nothing: Enfold's envelope beside the bare cipher of the same runtime, the AWS Encryption SDK for
 * JavaScript and rclone's crypt, in Node and in Electron. No network and no disk writes, so that only the cryptography and what stands around it counts.
 *
 * Rounds alternate between the programs; medians are shown. Options: --mib N (default 512), --rounds N (default 3).
 * The Encryption SDK is no dependency: it is installed into a temporary folder, and left out where that fails.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { createEncryption } from '../../main/envelope/envelope.ts';
import { measure, median } from './measure.ts';

const ENCRYPTION_SDK = '@aws-crypto/client-node@5.0.2';
const SLICE_BYTES = 256 * 1024;
const { values: options } = parseArgs({ options: { mib: { type: 'string', default: '512' }, rounds: { type: 'string', default: '3' } } });
const [mib, rounds] = [Number(options.mib), Number(options.rounds)];
const scratch = mkdtempSync(join(tmpdir(), 'enfold-bench-envelope-'));
const at = (name: string): string => join(scratch, name);

type Figure = { readonly mibPerSecond: number; readonly cpuSecondsPerGiB: number };
const figureOf = (seconds: number, cpuSeconds: number): Figure => ({ mibPerSecond: mib / seconds, cpuSecondsPerGiB: (cpuSeconds * 1024) / mib });

/** A file made of the other one, slice by slice. */
function transform(from: string, to: string, change: (slice: Buffer) => Uint8Array, end: () => Uint8Array): void {
  const [source, target] = [openSync(at(from), 'r'), openSync(at(to), 'w')];
  const buffer = Buffer.alloc(SLICE_BYTES);
  for (let bytes = readSync(source, buffer); bytes > 0; bytes = readSync(source, buffer)) writeSync(target, change(buffer.subarray(0, bytes)));
  writeSync(target, end());
  closeSync(source);
  closeSync(target);
}

function installEncryptionSdk(): boolean {
  writeFileSync(at('package.json'), '{"private":true}');
  const run = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ENCRYPTION_SDK], { cwd: scratch, encoding: 'utf8' });
  if (run.status !== 0) process.stderr.write(`The AWS Encryption SDK could not be installed; it is left out.\n${run.stderr.slice(-500)}\n`);
  return run.status === 0;
}

async function makeInputs(hasSdk: boolean): Promise<void> {
  const plain = openSync(at('plain.bin'), 'w');
  const piece = Buffer.alloc(1 << 20);
  for (let count = 0; count < mib; count += 1) writeSync(plain, randomFillSync(piece));
  closeSync(plain);
  const raw = createCipheriv('aes-256-gcm', Buffer.alloc(32, 4), Buffer.alloc(12, 1), { authTagLength: 16 });
  transform('plain.bin', 'raw.bin', (slice) => raw.update(slice), () => {
    raw.final();
    return raw.getAuthTag();
  });
  const encryption = await createEncryption(createAesKeyring({ wrappingKey: Buffer.alloc(32, 3), keyId: null }), { format: 'v3' });
  transform('plain.bin', 'envelope.bin', (slice) => encryption.cipher.update(slice), () => encryption.cipher.final());
  encryption.dispose();
  writeFileSync(at('envelope.json'), JSON.stringify(encryption.metadata));
  if (hasSdk) {
    // Its own command is not needed for that: the message is made by the program that is measured, into a file.
    execFileSync(process.execPath, ['-e', `
      const { AlgorithmSuiteIdentifier, buildClient, CommitmentPolicy, RawAesKeyringNode, RawAesWrappingSuiteIdentifier } = require('@aws-crypto/client-node');
      const keyring = new RawAesKeyringNode({ keyName: 'bench', keyNamespace: 'bench', unencryptedMasterKey: new Uint8Array(32).fill(3), wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING });
      const fs = require('node:fs');
      require('node:stream').pipeline(fs.createReadStream('plain.bin'), buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT).encryptStream(keyring, { suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY }), fs.createWriteStream('esdk.bin'), (error) => { if (error) throw error; });
    `], { cwd: scratch });
  }
  await build({ logLevel: 'silent', ssr: { noExternal: true }, build: { ssr: resolve('test/bench/envelope-case.ts'), outDir: scratch, emptyOutDir: false, minify: false, rolldownOptions: { output: { entryFileNames: 'case.mjs' } } } });
}

function runCase(program: string, direction: string, electron: string | null): Figure {
  const run = spawnSync(electron ?? process.execPath, [at('case.mjs'), program, direction, scratch], { encoding: 'utf8', env: { ...process.env, ...(electron !== null && { ELECTRON_RUN_AS_NODE: '1' }) } });
  if (run.status !== 0) throw new Error(`${program} ${direction}: ${run.stderr}`);
  const { seconds, cpuSeconds } = JSON.parse(run.stdout) as { seconds: number; cpuSeconds: number };
  return figureOf(seconds, cpuSeconds);
}

const versionOf = (electron: string): string => execFileSync(electron, ['-p', 'process.versions.electron'], { encoding: 'utf8', env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } }).trim();

const { AWS_CA_BUNDLE: _unwanted, ...inherited } = process.env; // rclone 1.60 refuses to start where it is set
const rcloneEnv = (remote: string): NodeJS.ProcessEnv => ({
  ...inherited, RCLONE_CONFIG: '/dev/null', RCLONE_CONFIG_C_TYPE: 'crypt', RCLONE_CONFIG_C_REMOTE: remote, RCLONE_CONFIG_C_PASSWORD: spawnSync('rclone', ['obscure', 'bench'], { encoding: 'utf8' }).stdout.trim(),
});

/** A whole process, less one that does nothing: rclone tells no figures of its own. Its sink is its backend in memory. */
function runRclone(direction: string): Figure {
  const idle = measure(['rclone', 'version'], rcloneEnv(':memory:'), at('out.txt'));
  const { wallSeconds, cpuSeconds } = direction === 'up'
    ? measure(['rclone', 'copyto', at('plain.bin'), 'c:b/plain.bin'], rcloneEnv(':memory:bucket'), at('out.txt'))
    : measure(['sh', '-c', 'rclone cat c:plain.bin > /dev/null'], rcloneEnv(at('crypt')), at('out.txt'));
  return figureOf(wallSeconds - idle.wallSeconds, cpuSeconds - idle.cpuSeconds);
}

try {
  const hasSdk = installEncryptionSdk();
  await makeInputs(hasSdk);
  execFileSync('rclone', ['copyto', at('plain.bin'), 'c:plain.bin'], { env: rcloneEnv(at('crypt')) });
  const { ELECTRON_EXEC_PATH: electron } = process.env;
  const runtimes: readonly (readonly [string, string | null])[] = [[`Node ${process.versions.node}`, null], ...(electron === undefined ? [] : [[`Electron ${versionOf(electron)}`, electron] as const])];
  const cases: { readonly name: string; readonly direction: 'up' | 'down'; readonly run: () => Figure; readonly raw: string }[] = [];
  for (const direction of ['up', 'down'] as const) {
    for (const [runtime, program] of runtimes) {
      for (const [id, name] of [['raw', 'bare AES-256-GCM'], ['envelope', 'Enfold\'s envelope'], ...(hasSdk ? [['esdk', 'AWS Encryption SDK']] : [])] as const) {
        cases.push({ name: `${name}, ${runtime}`, direction, run: () => runCase(id ?? '', direction, program), raw: `bare AES-256-GCM, ${runtime}` });
      }
    }
    cases.push({ name: 'rclone crypt', direction, run: () => runRclone(direction), raw: `bare AES-256-GCM, ${runtimes[0]?.[0]}` });
  }
  const figures = cases.map((): Figure[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    // The first round warms the page cache and is not counted.
    for (const [index, { run }] of cases.entries()) {
      const figure = run();
      if (round > 0) figures[index]?.push(figure);
    }
  }
  const shown = cases.map((one, index) => ({ ...one, mibPerSecond: median((figures[index] ?? []).map((figure) => figure.mibPerSecond)), cpu: median((figures[index] ?? []).map((figure) => figure.cpuSecondsPerGiB)) }));
  process.stdout.write(`${mib} MiB, ${rounds} rounds; body sizes: envelope ${statSync(at('envelope.bin')).size}\n\n| | file -> ciphertext -> nothing: MiB/s, CPU s/GiB | of the bare cipher | back: MiB/s, CPU s/GiB | of the bare cipher |\n| --- | --- | --- | --- | --- |\n`);
  for (const { name, raw } of shown.filter(({ direction }) => direction === 'up')) {
    const cells = (['up', 'down'] as const).map((direction) => {
      const one = shown.find((other) => other.name === name && other.direction === direction);
      const bare = shown.find((other) => other.name === raw && other.direction === direction);
      return one === undefined || bare === undefined ? '| |' : `${one.mibPerSecond.toFixed(0)}, ${one.cpu.toFixed(2)} | ${((one.mibPerSecond / bare.mibPerSecond) * 100).toFixed(0)} % (CPU ${((bare.cpu / one.cpu) * 100).toFixed(0)} %)`;
    });
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
