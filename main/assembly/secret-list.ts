/** Everything that opens something, as one list: keys of one's own, KMS keys that folders use, secrets of access keys. */
import { fingerprintOf } from '../envelope/key-id.ts';
import type { KeyId } from '../model/mode.ts';
import type { KeyType, KitState } from '../model/settings.ts';
import type { Enfold } from './api.ts';

export type ListedSecret = {
  readonly name: string;
  readonly type: KeyType | 'kms' | 'access';
  /** Null for what has no id of Enfold's. */
  readonly keyId: KeyId | null;
  readonly fingerprint: string | null;
  readonly createdAtMs: number | null;
  readonly exportedAtMs: number | null;
  /** Null where a kit holds nothing of it. */
  readonly kitState: KitState | null;
  /** A way back without this computer was made, and where there is a kit, tried. */
  readonly isBackedUp: boolean;
  /** Names of folders (for access secrets: of folders of the connection). */
  readonly usedBy: readonly string[];
  /** Which store holds it; null where nothing is held here. */
  readonly backend: 'keychain' | 'file' | null;
};

export function listSecrets({ keys, kits, folders, connections }: Pick<Enfold, 'keys' | 'kits' | 'folders' | 'connections'>): ListedSecret[] {
  const all = folders.list();
  const own = keys.list().map((key): ListedSecret => {
    const kitState = kits.stateOf(key);
    return {
      name: key.name, type: key.type, keyId: key.keyId, fingerprint: fingerprintOf(key.keyId), createdAtMs: key.createdAtMs, exportedAtMs: key.exportedAtMs, kitState, backend: key.backend,
      isBackedUp: key.exportedAtMs !== null || (key.kit?.verifiedAtMs ?? null) !== null,
      usedBy: all.filter(({ mode }) => 'keyId' in mode && mode.keyId === key.keyId).map(({ name }) => name),
    };
  });
  const blank = { keyId: null, fingerprint: null, createdAtMs: null, exportedAtMs: null, kitState: null } as const;
  const kmsIds = new Set(all.flatMap(({ mode }) => ('kmsKeyId' in mode && mode.kmsKeyId !== null ? [mode.kmsKeyId] : [])));
  const kms = [...kmsIds].map((id): ListedSecret => ({ ...blank, name: id, type: 'kms', isBackedUp: false, backend: null, usedBy: all.filter(({ mode }) => 'kmsKeyId' in mode && mode.kmsKeyId === id).map(({ name }) => name) }));
  const access = connections.list().filter(({ kind, credentials }) => kind === 's3' && credentials.type === 'stored').map((connection): ListedSecret => ({
    ...blank, name: connection.name, type: 'access', isBackedUp: false, backend: connection.secretBackend ?? null, usedBy: all.filter(({ connectionId }) => connectionId === connection.id).map(({ name }) => name),
  }));
  return [...own, ...kms, ...access];
}
