/** The official Ruby client on Enfold's own storage, and on Ceph's radosgw, so that no agreement rests on a server of ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { isRubyPeerInstalled } from './peer.ts';
import { ALL_SIZES, describeRubyPeer, FEW_SIZES } from './ruby.contract.ts';

const isRubyHere = isRubyPeerInstalled();

describe.runIf(isRubyHere)('with built-in storage', () => {
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
  describeRubyPeer('built-in storage', () => storage, ALL_SIZES);
});

describe.runIf(isRubyHere && isRadosgwInstalled())('with radosgw', () => {
  let server: RunningRadosgw;
  beforeAll(async () => { server = await startRadosgw(); });
  afterAll(async () => server.stop());
  describeRubyPeer('radosgw', () => server, FEW_SIZES);
});
