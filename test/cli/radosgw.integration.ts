/** The main job against Ceph's radosgw, an S3 server that is not our own. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { writeAt } from '../helpers/tree.ts';
import { testWholePath } from './whole-path.contract.ts';

if (isRadosgwInstalled()) {
  let server: RunningRadosgw;
  beforeAll(async () => {
    server = await startRadosgw();
  });
  afterAll(async () => server.stop());

  testWholePath('cse-c', () => server);

  describe('a server that stores what it should encrypt in the clear', () => {
    test('is refused for sse-s3, and nothing is left behind on either side', async () => {
      const scratch = makeScratch();
      try {
        const computer = createComputer(scratch.dir, 'home');
        await computer.connect(server);
        const root = join(scratch.dir, 'folder');
        mkdirSync(root);
        writeAt(root, 'file.txt', 'private');
        await computer.ok(['bucket', 'create', 's3://refused', '--connection', 's3']);
        expect(await computer.error(['folder', 'add', root, '--remote', 's3://refused/x', '--connection', 's3', '--mode', 'sse-s3'])).toMatchObject({ exitCode: 1, code: 'mode-not-honoured' });
        expect(await computer.json(['folder', 'list'])).toEqual([]);
        expect(await computer.json(['ls', 's3://refused', '-r', '--connection', 's3'])).toEqual([]);
        expect(readdirSync(root)).toEqual(['file.txt']);
        expect(await computer.error(['put', join(root, 'file.txt'), 's3://refused/file.txt', '--connection', 's3'])).toMatchObject({ exitCode: 2, code: 'mode-not-honoured' });
        expect(await computer.json(['ls', 's3://refused', '-r', '--connection', 's3'])).toEqual([]);
      } finally {
        scratch.remove();
      }
    });
  });
} else {
  test('radosgw is not installed, which the output above says', () => {
    expect(isRadosgwInstalled()).toBe(false);
  });
}
