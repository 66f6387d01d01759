/** Three devices as processes that are killed again and again, for a short while; ten minutes each on two servers are in the soak. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startStorage } from '../../main/storage/server.ts';
import { inScratch, newSeed } from './bad-ends.ts';
import { runThreeDevices } from './three-devices.ts';

const FOR_MS = 20_000;

test('three devices whose processes are killed come to the same tree on built-in storage, with every file as its user left it', async () => {
  await inScratch(async (scratch) => {
    const storage = await startStorage({ dir: join(scratch, 'storage') });
    try {
      const outcome = await runThreeDevices(scratch, storage, FOR_MS, newSeed());
      process.stdout.write(`three devices: ${JSON.stringify(outcome)}\n`);
      expect(outcome.acts).toBeGreaterThan(0);
    } finally {
      await storage.stop();
    }
  });
}, 900_000);
