/** What wraps and unwraps data keys. One interface for every way of holding the wrapping key; `envelope.ts` knows no other. */
import { randomBytes } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { KeyId } from '../model/mode.ts';
import type { StringMap } from './encoding.ts';
import { equalStringMaps } from './encryption-context.ts';

/** Random bytes; tests give recorded ones. */
export type RandomBytes = (length: number) => Buffer;
export const systemRandom: RandomBytes = randomBytes;

export type WrapAlgorithm = 'aes-gcm' | 'rsa-oaep-sha1' | 'kms-context';
/** Read only, on an explicit switch. `v1` names no algorithm: the keyring's kind decides. */
export type LegacyWrapAlgorithm = 'kms' | 'aes-wrap' | 'rsa-oaep-sha256' | 'v1';

export type WrappedDataKey = {
  readonly wrap: WrapAlgorithm | LegacyWrapAlgorithm;
  readonly wrappedKey: Buffer;
  /** Material description, or the whole KMS encryption context. */
  readonly description: StringMap;
};
export type NewDataKey = WrappedDataKey & {
  readonly wrap: WrapAlgorithm;
  /** 32 bytes; whoever asked for it zeroes it. */
  readonly dataKey: Buffer;
};

export interface Keyring {
  /** The key that new data keys are wrapped under; null where KMS holds it. */
  readonly keyId: KeyId | null;
  /**
   * A data key that no other object has had.
   *
   * @param algorithmText - the content algorithm, which the wrap is bound to.
   */
  createDataKey(request: { readonly algorithmText: string; readonly isCommitting: boolean; readonly random: RandomBytes }): Promise<NewDataKey>;
  /** Wraps the data key that an object already has, as `createDataKey` wraps a new one. */
  wrapDataKey(dataKey: Buffer, request: { readonly algorithmText: string; readonly random: RandomBytes }): Promise<WrappedDataKey & { readonly wrap: WrapAlgorithm }>;
  /** Where the wrapping key never leaves a service, which can also take over what another of its keys wrapped. @throws as `unwrapDataKey` */
  rewrapDataKey?(wrapped: WrappedDataKey, algorithmText: string): Promise<WrappedDataKey & { readonly wrap: WrapAlgorithm }>;
  /** @throws SyncError key-not-found (made for another key or kind of key), key-unwrap-failed, context-mismatch */
  unwrapDataKey(wrapped: WrappedDataKey, algorithmText: string): Promise<Buffer>;
  /** Wraps 32 bytes for a purpose other than an object, such that no wrapped data key passes for it. */
  wrapSecret(secret: Buffer, purpose: string, random?: RandomBytes): Promise<Buffer>;
  /** @throws SyncError key-unwrap-failed */
  unwrapSecret(wrapped: Buffer, purpose: string): Promise<Buffer>;
}

/** The member of a material description that carries the Enfold key id. */
export const KEY_ID_NAME = 'enfold-key-id';

/** The Enfold key id a description names, or null where another client wrote it. */
export function keyIdIn(description: StringMap): KeyId | null {
  const keyId = Object.hasOwn(description, KEY_ID_NAME) ? description[KEY_ID_NAME] : undefined;
  return keyId === undefined ? null : (keyId as KeyId);
}

export type HeldKey = { readonly keyId: KeyId | null; readonly description?: StringMap | undefined };

/**
 * The held key a description asks for: by Enfold key id, else by an equal description, else the first one, which the user named.
 *
 * @throws SyncError key-not-found where the description names an Enfold key that is not held
 */
export function chooseKey<K extends HeldKey>(held: readonly [K, ...K[]], description: StringMap): K {
  const keyId = keyIdIn(description);
  if (keyId === null) return held.find((key) => key.description !== undefined && equalStringMaps(key.description, description)) ?? held[0];
  const found = held.find((key) => key.keyId === keyId);
  if (found === undefined) throw new SyncError('key-not-found', { detail: `It asks for key ${keyId.slice(0, 32)}.` });
  return found;
}

/** The one error for every failed unwrap: which step failed is nothing an attacker may learn. */
export function unwrapFailed(): SyncError {
  return new SyncError('key-unwrap-failed');
}
