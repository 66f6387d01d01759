/** The checksums S3 knows. Values are base64 of the big-endian bytes. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256';
export const CHECKSUM_ALGORITHMS: readonly ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'];
const lengths: Record<ChecksumAlgorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 };

export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  /** Base64; called once, at the end. */
  digest(): string;
}

export const checksumHeader = (algorithm: ChecksumAlgorithm): string => `x-amz-checksum-${algorithm.toLowerCase()}`;

export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === lengths[algorithm] && bytes.toString('base64') === value;
}

const CRC32C_POLYNOMIAL = 0x82f63b78;
let crc32cTables: Uint32Array | undefined;

/** Eight tables of 256 entries: the CRC of a byte that is followed by 0 to 7 zero bytes. */
function tables32(polynomial: number): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    tables[byte] = crc >>> 0;
  }
  for (let table = 1; table < 8; table += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const before = tables[(table - 1) * 256 + byte] ?? 0;
      tables[table * 256 + byte] = ((before >>> 8) ^ (tables[before & 255] ?? 0)) >>> 0;
    }
  }
  return tables;
}

/* oxlint-disable typescript/no-non-null-assertion -- every index is in range by its mask; a check per byte would cost a third of the speed */
function updateCrc32c(start: number, chunk: Uint8Array): number {
  const t = (crc32cTables ??= tables32(CRC32C_POLYNOMIAL));
  let crc = ~start;
  let at = 0;
  for (const end = chunk.length - 7; at < end; at += 8) {
    const low = crc ^ (chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16) | (chunk[at + 3]! << 24));
    crc = t[1792 + (low & 255)]! ^ t[1536 + ((low >>> 8) & 255)]! ^ t[1280 + ((low >>> 16) & 255)]! ^ t[1024 + (low >>> 24)]!
      ^ t[768 + chunk[at + 4]!]! ^ t[512 + chunk[at + 5]!]! ^ t[256 + chunk[at + 6]!]! ^ t[chunk[at + 7]!]!;
  }
  for (; at < chunk.length; at += 1) crc = (crc >>> 8) ^ t[(crc ^ chunk[at]!) & 255]!;
  return ~crc >>> 0;
}

// CRC-64/NVME: reflected polynomial 0x9a6c9329ac4bc9b5, as two halves of 32 bits, since JavaScript has no fast 64-bit integers.
const CRC64_HIGH = 0x9a6c9329;
const CRC64_LOW = 0xac4bc9b5;
let crc64Tables: { high: Uint32Array; low: Uint32Array } | undefined;

function tables64(): { high: Uint32Array; low: Uint32Array } {
  const high = new Uint32Array(8 * 256);
  const low = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let h = 0;
    let l = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = (l & 1) === 1;
      l = ((l >>> 1) | (h << 31)) >>> 0;
      h >>>= 1;
      if (isOdd) {
        h = (h ^ CRC64_HIGH) >>> 0;
        l = (l ^ CRC64_LOW) >>> 0;
      }
    }
    high[byte] = h;
    low[byte] = l;
  }
  for (let table = 1; table < 8; table += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const at = (table - 1) * 256 + byte;
      const index = low[at]! & 255;
      low[table * 256 + byte] = ((((low[at]! >>> 8) | (high[at]! << 24)) >>> 0) ^ low[index]!) >>> 0;
      high[table * 256 + byte] = ((high[at]! >>> 8) ^ high[index]!) >>> 0;
    }
  }
  return { high, low };
}

function createCrc64(): RunningChecksum {
  const { high: th, low: tl } = (crc64Tables ??= tables64());
  let high = 0xffffffff;
  let low = 0xffffffff;
  return {
    update: (chunk) => {
      let h = high;
      let l = low;
      let at = 0;
      for (const end = chunk.length - 7; at < end; at += 8) {
        const a = l ^ (chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16) | (chunk[at + 3]! << 24));
        const b = h ^ (chunk[at + 4]! | (chunk[at + 5]! << 8) | (chunk[at + 6]! << 16) | (chunk[at + 7]! << 24));
        const i0 = 1792 + (a & 255), i1 = 1536 + ((a >>> 8) & 255), i2 = 1280 + ((a >>> 16) & 255), i3 = 1024 + (a >>> 24);
        const i4 = 768 + (b & 255), i5 = 512 + ((b >>> 8) & 255), i6 = 256 + ((b >>> 16) & 255), i7 = b >>> 24;
        l = tl[i0]! ^ tl[i1]! ^ tl[i2]! ^ tl[i3]! ^ tl[i4]! ^ tl[i5]! ^ tl[i6]! ^ tl[i7]!;
        h = th[i0]! ^ th[i1]! ^ th[i2]! ^ th[i3]! ^ th[i4]! ^ th[i5]! ^ th[i6]! ^ th[i7]!;
      }
      for (; at < chunk.length; at += 1) {
        const index = (l ^ chunk[at]!) & 255;
        l = ((l >>> 8) | (h << 24)) ^ tl[index]!;
        h = (h >>> 8) ^ th[index]!;
      }
      high = h;
      low = l;
    },
    digest: () => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(~high >>> 0, 0);
      bytes.writeUInt32BE(~low >>> 0, 4);
      return bytes.toString('base64');
    },
  };
}
/* oxlint-enable typescript/no-non-null-assertion */

function createCrc(update: (crc: number, chunk: Uint8Array) => number): RunningChecksum {
  let crc = 0;
  return {
    update: (chunk) => {
      crc = update(crc, chunk);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc >>> 0);
      return bytes.toString('base64');
    },
  };
}

export function createChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'CRC32':
      return createCrc((crc, chunk) => crc32(chunk, crc));
    case 'CRC32C':
      return createCrc(updateCrc32c);
    case 'CRC64NVME':
      return createCrc64();
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm === 'SHA1' ? 'sha1' : 'sha256');
      return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest('base64') };
    }
    default:
      return algorithm satisfies never;
  }
}

const reflectedPolynomials = { CRC32: [0xedb88320n, 32n], CRC32C: [0x82f63b78n, 32n], CRC64NVME: [0x9a6c9329ac4bc9b5n, 64n] } as const;
export type CombinableAlgorithm = keyof typeof reflectedPolynomials;
export const isCombinable = (algorithm: ChecksumAlgorithm): algorithm is CombinableAlgorithm => algorithm in reflectedPolynomials;

/** Product of two polynomials modulo the CRC's, all in reflected form: the highest bit stands for x^0. */
function multiply(a: bigint, b: bigint, polynomial: bigint, width: bigint): bigint {
  let product = 0n;
  let factor = b;
  for (let bit = width - 1n; bit >= 0n; bit -= 1n) {
    if ((a >> bit) & 1n) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n;
  }
  return product;
}

/**
 * The CRC of contents joined, from the CRC and length of each, without reading them again: the first CRC is moved on by
 * x^(8 * length) for each content that follows.
 */
export function combineCrcs(algorithm: CombinableAlgorithm, pieces: readonly { readonly value: string; readonly sizeBytes: number }[]): string {
  const [polynomial, width] = reflectedPolynomials[algorithm];
  let crc = 0n;
  for (const piece of pieces) {
    let shift = 1n << (width - 1n); // x^0
    let power = 1n << (width - 9n); // x^8
    for (let rest = piece.sizeBytes; rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) shift = multiply(shift, power, polynomial, width);
      power = multiply(power, power, polynomial, width);
    }
    crc = multiply(crc, shift, polynomial, width) ^ BigInt(`0x${Buffer.from(piece.value, 'base64').toString('hex')}`);
  }
  return Buffer.from(crc.toString(16).padStart(Number(width) / 4, '0'), 'hex').toString('base64');
}
