/** One file of a gibibyte, up and down by the built command line: byte for byte, in bounded memory, on two servers. */
import { randomBytes, randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measure } from '../bench/measure.ts';
import { createComputer, makeScratch, type Server } from '../helpers/cli.ts';
import { isRadosgwInstalled, startRadosgw } from '../helpers/radosgw.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';

const BYTES = 1 << 30;
const MAX_PEAK_MIB = 250;
const scratch = makeScratch();
const source = join(scratch.dir, 'source');
const keyFile = join(scratch.dir, 'key');

beforeAll(() => {
  mkdirSync(source);
  writeFileSync(keyFile, randomBytes(32));
  const file = openSync(join(source, 'large.bin'), 'w');
  const piece = Buffer.alloc(8 << 20);
  for (let done = 0; done < BYTES; done += piece.length) writeSync(file, randomFillSync(piece));
  closeSync(file);
});
afterAll(() => scratch.remove());

type Started = Server & { stop(): Promise<void> };

/** A process of its own: measuring a client blocks this one. */
async function startBuiltIn(): Promise<Started> {
  const child = spawn(process.execPath, [resolve('out/main/cli.js'), 'storage', 'serve', '--dir', join(scratch.dir, 'storage'), '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((found) => createInterface({ input: child.stdout }).once('line', found));
  return { ...(JSON.parse(line) as Server), stop: async () => new Promise((ended) => { child.once('exit', () => ended()); child.kill('SIGTERM'); }) };
}

const servers: readonly (readonly [string, () => Promise<Started>])[] = [
  ['built-in storage', startBuiltIn],
  ...(isRadosgwInstalled() ? [['radosgw', startRadosgw] as const] : []),
];

describe.each(servers)('a file of 1 GiB on %s', (name, start) => {
  test('comes back byte for byte, in bounded memory', async () => {
    const server = await start();
    try {
      const peaks: number[] = [];
      let bucketMade = false;
      const target = join(scratch.dir, 'target');
      mkdirSync(target);
      for (const folder of [source, target]) {
        const computer = createComputer(scratch.dir, `${name}-${bucketMade ? 'second' : 'first'}`);
        await computer.connect(server);
        await computer.ok(['key', 'import', 'k', '--from', keyFile]);
        await computer.ok(['folder', 'add', folder, '--remote', 's3://large/folder', '--connection', 's3', '--mode', 'cse-c', '--key', 'k', ...(bucketMade ? [] : ['--create-bucket'])]);
        bucketMade = true;
        const env = { ...process.env, ENFOLD_HOME: computer.home, ...IN_ANY_STORE };
        peaks.push(measure([process.execPath, resolve('out/main/cli.js'), 'sync'], env, join(scratch.dir, 'log')).peakMiB);
      }
      expect(spawnSync('cmp', [join(source, 'large.bin'), join(target, 'large.bin')]).status).toBe(0);
      console.log(`${name}: peak ${peaks.map((peak) => peak.toFixed(0)).join(' MiB up, ')} MiB down`);
      for (const peak of peaks) expect(peak).toBeLessThan(MAX_PEAK_MIB);
      rmSync(target, { recursive: true });
      rmSync(join(source, '.enfold'), { recursive: true });
    } finally {
      await server.stop();
    }
  });
});
