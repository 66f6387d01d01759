/** The main job against Enfold's own storage, in every mode that exists. */
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from '../helpers/cli.ts';
import { testWholePath } from './whole-path.contract.ts';

const scratch = makeScratch();
let server: RunningStorage;
beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
});
afterAll(async () => {
  await server.stop();
  scratch.remove();
});

testWholePath('sse-s3', () => server);
testWholePath('cse-c', () => server);
