/**
 * Ceph's radosgw as a second, independent S3 server. Installed by scripts/system.mjs where that may install packages;
 * elsewhere the suites that need it say so loudly and run nothing.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const script = resolve('scripts/radosgw.sh');

export type RunningRadosgw = { endpoint: string; accessKeyId: string; secretAccessKey: string; region: string; /** Of its daemons. */ pids: readonly number[]; stop(): Promise<void> };

export function isRadosgwInstalled(): boolean {
  const installed = ['radosgw', 'ceph-mon', 'ceph-osd'].every((name) => spawnSync('which', [name]).status === 0);
  if (!installed && process.env['CI']) throw new Error('radosgw is not installed: run `npm run setup` (apt-get install radosgw ceph-mon ceph-osd ceph-common)');
  if (!installed) process.stderr.write('\n*** radosgw is not installed: its tests do NOT run. apt-get install radosgw ceph-mon ceph-osd ceph-common ***\n\n');
  return installed;
}

async function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Boots a cluster with its data in memory; takes about two seconds, some times more. */
export async function startRadosgw(): Promise<RunningRadosgw> {
  const directory = mkdtempSync(join(tmpdir(), 'enfold-rgw-'));
  const port = await freePort();
  const environment = { ...process.env, RGW_PORT: String(port), RGW_SSL_PORT: '0', MON_PORT: String(await freePort()), OSD_STORE: 'memstore', OSD_GB: '4' };
  const run = promisify(execFile);
  // Its daemons outlive the script, so nothing may wait for its standard output to close.
  await run('bash', ['-c', `"${script}" start "${directory}" > "${directory}/start.out" 2>&1 < /dev/null`], { env: environment, timeout: 120_000 });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKeyId: 'TESTACCESSKEY00000001',
    secretAccessKey: 'testSecretKey000000000000000000000000001',
    region: 'us-east-1',
    pids: ['mon', 'osd', 'rgw'].map((name) => Number(readFileSync(join(directory, `${name}.pid`), 'utf8'))),
    stop: async () => {
      await run('bash', [script, 'wipe', directory], { timeout: 60_000 });
    },
  };
}
