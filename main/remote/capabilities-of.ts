/** What the folder's endpoint can do: as remembered by the caller, else probed once per process and place. */
import type { RemoteFolderConfig } from './folder-config.ts';
import type { Capabilities } from './capabilities.ts';
import type { ObjectStore } from './object-store.ts';
import { unlessAborted } from './on-abort.ts';
import { probeFolder } from './probe.ts';
import { createStoredFiles } from './stored-file.ts';

const known = new Map<string, Promise<Capabilities>>();
const found = new Map<string, Capabilities>();

function placeOf({ access, bucket, prefix, epochs }: RemoteFolderConfig): string {
  return JSON.stringify([access.endpoint, access.region, bucket, prefix, epochs.at(-1)?.mode]);
}

/** What was found out in this process, without asking; null: nothing yet. */
export function probedCapabilities(config: RemoteFolderConfig): Capabilities | null {
  return found.get(placeOf(config)) ?? null;
}

/** @throws SyncError mode-not-honoured, and what any request throws; a failed probe is tried again at the next call */
export async function capabilitiesOf(config: RemoteFolderConfig, store: ObjectStore, signal: AbortSignal): Promise<Capabilities> {
  if (config.capabilities !== undefined && config.capabilities !== null) return config.capabilities;
  const { requests } = createStoredFiles(config);
  const place = placeOf(config);
  let probe = known.get(place);
  if (probe === undefined) {
    probe = probeFolder(store, requests, config.prefix, signal);
    known.set(place, probe);
    probe.then((capabilities) => found.set(place, capabilities), () => known.delete(place));
  }
  return unlessAborted(probe, signal);
}
