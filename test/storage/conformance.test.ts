import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { CASES, runCase } from './conformance.ts';
import { createTarget, type Target } from './target.ts';

describe('built-in storage, as S3', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  let storage: RunningStorage;
  let target: Target;

  beforeAll(async () => {
    storage = await startStorage({ dir });
    target = createTarget(storage);
  });
  afterAll(async () => {
    target.client.destroy();
    await storage.stop();
    rmSync(dir, { recursive: true });
  });

  test.each(CASES)('$name', async (each) => {
    await runCase(target, each);
    expect.hasAssertions();
  }, 30_000);
});
