/**
 * Buffers of one part's size that are used again and again: fresh ones of that size are given back by the garbage collector only
 * when several hundred MiB have piled up, and clearing their pages costs more than encrypting them.
 */
export type PartBuffers = {
  /** A view of exactly `bytes`, with anything in it. */
  take(bytes: number): Buffer;
  /** Gives back what {@link take} gave, once nobody reads or writes it any more. */
  give(view: Buffer): void;
};

/**
 * @param partBytes - what nearly every part needs; larger ones are not kept.
 * @param keep - how many to keep at most.
 */
export function createPartBuffers(partBytes: number, keep: number): PartBuffers {
  const free: ArrayBuffer[] = [];
  return {
    take(bytes) {
      if (bytes > partBytes) return Buffer.allocUnsafeSlow(bytes);
      const memory = free.pop() ?? new ArrayBuffer(partBytes);
      return Buffer.from(memory, 0, bytes);
    },
    give(view) {
      const memory = view.buffer;
      if (memory instanceof ArrayBuffer && memory.byteLength === partBytes && free.length < keep && !free.includes(memory)) free.push(memory);
    },
  };
}
