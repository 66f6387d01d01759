/** What the folder's endpoint can do, as its records remember it, else found out anew. */
import type { Capabilities } from '../remote/capabilities.ts';
import type { ModeRequests } from '../remote/modes.ts';
import type { ObjectStore } from '../remote/object-store.ts';
import type { FolderState } from '../sync/ports.ts';
import { CAPABILITIES_FACT } from './epochs.ts';

/** Servers are updated and buckets reconfigured: what was found is found anew after this long. */
const CAPABILITIES_LAST_MS = 30 * 24 * 3600_000;

export function rememberedCapabilities(state: FolderState): Capabilities | null {
  const known = state.fact<Capabilities>(CAPABILITIES_FACT);
  return known !== null && Math.abs(Date.now() - known.probedAtMs) < CAPABILITIES_LAST_MS ? known : null;
}

/** @throws SyncError as `probeFolder` */
export async function capabilitiesIn(state: FolderState, store: ObjectStore, requests: ModeRequests, prefix: string, signal: AbortSignal): Promise<Capabilities> {
  const known = rememberedCapabilities(state);
  if (known !== null) return known;
  const { probeFolder } = await import('../remote/probe.ts');
  const found = await probeFolder(store, requests, prefix, signal);
  state.putFact(CAPABILITIES_FACT, found);
  return found;
}
