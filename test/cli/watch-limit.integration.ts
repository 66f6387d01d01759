/** A folder with more directories than the system lets one user watch: the real limit, lowered for this one process. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { startStorage } from '../../main/storage/server.ts';
import { createComputer } from '../helpers/cli.ts';
import { notRunHere } from '../helpers/not-run-here.ts';
import { inScratch } from '../sync/bad-ends.ts';

const LIMIT = 8;
/** A user namespace of its own has a limit of its own. */
const limited = ['unshare', '-Ur', 'sh', '-c', `echo ${LIMIT} > /proc/sys/user/max_inotify_watches && exec "$@"`, 'sh'] as const;
const canLimit = process.platform === 'linux' && spawnSync(limited[0], [...limited.slice(1), 'true']).status === 0;

describe('watching more directories than the system allows', { timeout: 180_000 }, () => {
  if (!canLimit) {
    test('cannot be tried here, which was said', () => {
      notRunHere('the limit of watched directories', 'It takes Linux with user namespaces (unshare -Ur).');
      expect(canLimit).toBe(false);
    });
    return;
  }

  test('says so with what helps, and keeps in step what it does watch', async () => {
    await inScratch(async (scratch) => {
      const server = await startStorage({ dir: join(scratch, 'storage') });
      const computer = createComputer(scratch, 'anna');
      const root = join(scratch, 'many');
      for (let i = 0; i < 3 * LIMIT; i += 1) {
        mkdirSync(join(root, `d${i}`), { recursive: true });
        writeFileSync(join(root, `d${i}`, 'file'), `${i}`);
      }
      try {
        await computer.connect(server);
        const { id } = await computer.json<{ id: string }>(['folder', 'add', root, '--remote', 's3://many', '--connection', 's3', '--mode', 'sse-s3', '--create-bucket']);
        const child = computer.spawn(['sync', id, '--watch', '--json'], { through: limited });
        const ended = new Promise((resolve) => child.once('close', resolve));
        let [told, said] = ['', ''];
        child.stdout?.on('data', (chunk: Buffer) => { told += chunk.toString(); });
        child.stderr?.on('data', (chunk: Buffer) => { said += chunk.toString(); });
        await vi.waitFor(() => expect(told).toContain('"inStep":true'), { timeout: 60_000 });
        expect(said).toContain('"watch-limit"');
        expect(said).toContain('fs.inotify.max_user_watches');
        told = '';
        writeFileSync(join(root, 'at the top'), 'seen at once');
        await vi.waitFor(() => expect(told).toContain('"upload":1'), { timeout: 60_000 });
        child.kill('SIGTERM');
        await ended;
      } finally {
        await server.stop();
      }
    });
  });
});
