/** Three devices as processes that are killed again and again. ENFOLD_DEVICES_SECONDS is how long on each server. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Server } from '../helpers/cli.ts';
import { isRadosgwInstalled, startRadosgw } from '../helpers/radosgw.ts';
import { startStorage } from '../../main/storage/server.ts';
import { inScratch, newSeed } from './bad-ends.ts';
import { runThreeDevices } from './three-devices.ts';

const FOR_MS = Number(process.env['ENFOLD_DEVICES_SECONDS'] ?? 600) * 1_000;
const servers: readonly [string, (scratch: string) => Promise<Server & { stop(): Promise<void> }>][] = [
  ['built-in storage', (scratch) => startStorage({ dir: join(scratch, 'storage') })],
  ...(isRadosgwInstalled() ? [['radosgw', startRadosgw] as [string, typeof startRadosgw]] : []),
];

test.each(servers)('three devices whose processes are killed come to the same tree, with every file as its user left it: %s', async (name, startServer) => {
  await inScratch(async (scratch) => {
    const server = await startServer(scratch);
    try {
      const outcome = await runThreeDevices(scratch, server, FOR_MS, newSeed());
      process.stdout.write(`three devices on ${name}: ${JSON.stringify(outcome)}\n`);
      expect(outcome.acts).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  });
}, FOR_MS * 10 + 900_000);
