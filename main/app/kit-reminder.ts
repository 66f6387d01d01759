/** Once a year a recovery kit should be tried again: paper fades, drawers are emptied. Told once for each key, until it is checked and due anew. */
import type { KeyView } from '../../preload/contract.ts';

type Options = {
  /** Null: not to be had now. */
  readonly keys: () => Promise<readonly Pick<KeyView, 'keyId' | 'name' | 'usedBy' | 'kit'>[] | null>;
  readonly tell: (keyName: string) => void;
};

/** @returns looks once; to be called at start and now and then. */
export function createKitReminder({ keys, tell }: Options): () => Promise<void> {
  const told = new Set<string>();
  return async () => {
    for (const { keyId, name, usedBy, kit } of (await keys()) ?? []) {
      // A key that opens nothing here loses nothing here.
      if (kit.state !== 'due' || usedBy.length === 0) told.delete(keyId);
      else if (!told.has(keyId)) {
        told.add(keyId);
        tell(name);
      }
    }
  };
}
