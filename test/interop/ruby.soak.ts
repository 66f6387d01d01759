/** The official Ruby client and Enfold's envelope with objects of 64 MiB: as ruby.integration.ts, but too large for every day. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { isRubyPeerInstalled } from './peer.ts';
import { describeRubyPeer } from './ruby.contract.ts';

describe.runIf(isRubyPeerInstalled())('with large objects', () => {
  let directory: string;
  let storage: RunningStorage;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'enfold-interop-'));
    storage = await startStorage({ dir: directory });
  });
  afterAll(async () => {
    await storage.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  describeRubyPeer('built-in storage', () => storage, [64 * 1024 * 1024]);
});
