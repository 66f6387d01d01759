/**
 * AES-SIV (RFC 5297) on Node's own AES, for many short texts under one key: the key schedules are set up once, and what depends
 * on the associated data alone can be kept. A folder's names are some hundred thousand such texts.
 */
import { createCipheriv, type Cipheriv } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { equalBytes } from './derive.ts';

const BLOCK = 16;
const SCRATCH_BYTES = 4_096;

/** S2V over the associated data, 16 bytes. Secret like the key. */
export type SivState = Buffer;

export type Siv = {
  /** The state for a list of associated data, in order. */
  associate(associated: readonly Uint8Array[]): SivState;
  /** `state` with one more string of associated data at its end. */
  extend(state: SivState, associated: Uint8Array): SivState;
  /** 16 bytes of synthetic IV, then the ciphertext. Equal texts in equal states give equal results. */
  seal(state: SivState, plaintext: Uint8Array): Buffer;
  /** Null where the text is not authentic in that state. */
  open(state: SivState, sealed: Uint8Array): Buffer | null;
};

/** @param key - 32, 48 or 64 bytes: the halves are the keys of S2V and of CTR. @throws SyncError key-invalid */
export function createSiv(key: Buffer): Siv {
  const half = key.length / 2;
  if (![16, 24, 32].includes(half)) throw new SyncError('key-invalid');
  // One CBC cipher serves every CMAC: its chaining value is the last block it gave, which the next message's first block takes back out.
  const cbc = createCipheriv(`aes-${half * 8}-cbc`, key.subarray(0, half), Buffer.alloc(BLOCK)).setAutoPadding(false);
  const ecb = createCipheriv(`aes-${half * 8}-ecb`, key.subarray(half), null).setAutoPadding(false);
  const chain = Buffer.alloc(BLOCK);
  const zero = Buffer.alloc(BLOCK);
  const scratch = Buffer.alloc(SCRATCH_BYTES);

  /** Encrypts the first `length` bytes of `blocks` as one CBC message with a zero IV; gives its last block. */
  function lastCbcBlock(blocks: Buffer, length: number): Buffer {
    xorInto(blocks, 0, chain);
    const out = cbc.update(blocks.subarray(0, length));
    out.copy(chain, 0, length - BLOCK, length);
    return Buffer.from(chain);
  }
  const subkey1 = double(lastCbcBlock(Buffer.alloc(BLOCK), BLOCK));
  const subkey2 = double(subkey1);

  /** CMAC of `message`, with `mask` taken into its last 16 bytes where given (RFC 5297 "xorend"). */
  function cmac(message: Uint8Array, mask: Buffer | null): Buffer {
    const length = Math.max(BLOCK, Math.ceil(message.length / BLOCK) * BLOCK);
    const blocks = length <= SCRATCH_BYTES ? scratch : Buffer.alloc(length);
    blocks.set(message);
    if (mask !== null) xorInto(blocks, message.length - BLOCK, mask);
    if (message.length < length) {
      blocks[message.length] = 0x80;
      blocks.fill(0, message.length + 1, length);
    }
    xorInto(blocks, length - BLOCK, message.length === length ? subkey1 : subkey2);
    return lastCbcBlock(blocks, length);
  }

  function syntheticIv(state: SivState, plaintext: Uint8Array): Buffer {
    if (plaintext.length >= BLOCK) return cmac(plaintext, state);
    const padded = double(state);
    for (let index = 0; index < plaintext.length; index += 1) padded[index] = (padded[index] as number) ^ (plaintext[index] as number);
    padded[plaintext.length] = (padded[plaintext.length] as number) ^ 0x80;
    return cmac(padded, null);
  }

  /** Writes `text` under the key stream of `iv` into `out` from `at` on. */
  function applyStream(ecbCipher: Cipheriv, iv: Uint8Array, text: Uint8Array, out: Buffer, at: number): void {
    const count = Math.ceil(text.length / BLOCK);
    if (count === 0) return;
    const counters = Buffer.allocUnsafe(count * BLOCK);
    counters.set(iv);
    counters[8] = (counters[8] as number) & 0x7f;
    counters[12] = (counters[12] as number) & 0x7f;
    const start = counters.readUInt32BE(12);
    for (let block = 1; block < count; block += 1) {
      counters.copyWithin(block * BLOCK, 0, 12);
      counters.writeUInt32BE(start + block, block * BLOCK + 12);
    }
    const stream = ecbCipher.update(counters);
    for (let index = 0; index < text.length; index += 1) out[at + index] = (text[index] as number) ^ (stream[index] as number);
  }

  const initial = cmac(zero, null);
  const extend = (state: SivState, associated: Uint8Array): SivState => {
    const next = double(state);
    xorInto(next, 0, cmac(associated, null));
    return next;
  };
  return {
    associate: (associated) => associated.reduce<SivState>(extend, initial),
    extend,
    seal(state, plaintext) {
      const out = Buffer.allocUnsafe(BLOCK + plaintext.length);
      const iv = syntheticIv(state, plaintext);
      out.set(iv);
      applyStream(ecb, iv, plaintext, out, BLOCK);
      return out;
    },
    open(state, sealed) {
      if (sealed.length < BLOCK) return null;
      const iv = sealed.subarray(0, BLOCK);
      const plaintext = Buffer.allocUnsafe(sealed.length - BLOCK);
      applyStream(ecb, iv, sealed.subarray(BLOCK), plaintext, 0);
      if (equalBytes(syntheticIv(state, plaintext), iv)) return plaintext;
      plaintext.fill(0);
      return null;
    },
  };
}

/** Multiplication by x in GF(2^128), as CMAC and S2V use it. */
function double(block: Buffer): Buffer {
  const out = Buffer.allocUnsafe(BLOCK);
  let carry = 0;
  for (let index = BLOCK - 1; index >= 0; index -= 1) {
    const byte = block[index] as number;
    out[index] = ((byte << 1) & 0xff) | carry;
    carry = byte >>> 7;
  }
  out[BLOCK - 1] = (out[BLOCK - 1] as number) ^ (carry * 0x87);
  return out;
}

function xorInto(target: Buffer, at: number, mask: Buffer): void {
  for (let index = 0; index < BLOCK; index += 1) target[at + index] = (target[at + index] as number) ^ (mask[index] as number);
}
