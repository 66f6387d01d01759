/** A computer inside this process: an Enfold home of its own, a connection to a server, and folders that are synced when told. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Enfold, ModeChanges, NewFolder, SyncReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { FolderSettings } from '../../main/model/settings.ts';
import type { ReprotectResult } from '../../main/sync/reprotect.ts';
import type { Server } from './cli.ts';
import { IN_ANY_STORE } from './secrets.ts';

export const signal = new AbortController().signal;

export type InnerComputer = {
  readonly enfold: Enfold;
  readonly home: string;
  add(root: string, input: Partial<NewFolder> & Pick<NewFolder, 'bucket'>): Promise<FolderSettings>;
  sync(id: string): Promise<SyncReport>;
  /** Begins a change and carries it through. */
  change(id: string, changes: ModeChanges): Promise<ReprotectResult | null>;
  continueChange(id: string): Promise<ReprotectResult | null>;
  takeKey(name: string, from: InnerComputer): Promise<void>;
  close(): Promise<void>;
};

export async function openComputer(scratch: string, name: string, server: Server): Promise<InnerComputer> {
  const home = join(scratch, name);
  const enfold = await openEnfold({ home, env: IN_ANY_STORE, hostName: name });
  await enfold.connections.add({ kind: 's3', name: 's3', endpoint: server.endpoint, region: 'us-east-1', accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey });
  const withOpen = async <T>(id: string, use: (open: Awaited<ReturnType<Enfold['folders']['open']>>) => Promise<T>): Promise<T> => {
    const open = await enfold.folders.open(id);
    try {
      return await use(open);
    } finally {
      await open.close();
    }
  };
  const continueChange = async (id: string): Promise<ReprotectResult | null> => withOpen(id, async (open) => open.continueChange({ signal }));
  return {
    enfold, home, continueChange,
    add: async (root, input) => {
      mkdirSync(root, { recursive: true });
      const { folder } = await enfold.folders.add({ localPath: root, connection: 's3', prefix: 'photos/', mode: null, key: null, names: null, direction: 'two-way', createBucket: true, ...input });
      return folder;
    },
    sync: async (id) => withOpen(id, async (open) => open.sync({ acceptHeld: false, signal })),
    change: async (id, changes) => {
      await enfold.folders.beginChange(id, changes, signal);
      return continueChange(id);
    },
    takeKey: async (key, from) => {
      const { keyId, type } = from.enfold.keys.find(key);
      const file = join(scratch, `${key}-for-${name}`);
      writeFileSync(file, await from.enfold.keys.bytesOf(keyId));
      await enfold.keys.importFrom({ name: key, file, passphrase: null, type });
    },
    close: async () => enfold.close(),
  };
}
