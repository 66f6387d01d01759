/**
 * The thread of long bodies: hashes what is uploaded and opens what is downloaded, in memory that it shares with the server's thread. It reads
 * and writes no file, and answers each message once, in order. See `body-thread`.
 */
import type { KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { RunningHashes, type HashWish, type Hashes } from './hashes.ts';
import { CHUNK_BYTES, SEALED_CHUNK_BYTES, openChunk } from './sealing.ts';

export type Task =
  | { readonly type: 'hash-begin'; readonly id: number; readonly wish: HashWish }
  | { readonly type: 'hash'; readonly id: number; readonly memory: SharedArrayBuffer; readonly length: number }
  | { readonly type: 'hash-end'; readonly id: number }
  | { readonly type: 'hash-drop'; readonly id: number }
  /** Chunks that follow one another, from `firstIndex`; the plaintext takes the place of what was sealed. */
  | { readonly type: 'open'; readonly contentKey: KeyObject; readonly firstIndex: number; readonly lastIndex: number; readonly memory: SharedArrayBuffer; readonly length: number };

/** `done` is what the task gives: the hashes at their end, the length of the plaintext, or nothing. */
export type Done = { readonly done: Hashes | number | null } | { readonly problem: string };

const running = new Map<number, RunningHashes>();

function open({ contentKey, firstIndex, lastIndex, memory, length }: Extract<Task, { type: 'open' }>): number {
  const sealed = new Uint8Array(memory, 0, length);
  let opened = 0;
  for (let at = 0, index = firstIndex; at < length; at += SEALED_CHUNK_BYTES, index += 1) {
    const plaintext = openChunk(contentKey, index, index === lastIndex, sealed.subarray(at, at + SEALED_CHUNK_BYTES));
    // A chunk's plaintext ends before the next sealed chunk begins.
    sealed.set(plaintext, (index - firstIndex) * CHUNK_BYTES);
    opened += plaintext.length;
  }
  return opened;
}

function perform(task: Task): Hashes | number | null {
  if (task.type === 'open') return open(task);
  if (task.type === 'hash-begin') {
    running.set(task.id, new RunningHashes(task.wish));
    return null;
  }
  const hashes = running.get(task.id);
  if (hashes === undefined) throw new Error('these hashes were not begun');
  if (task.type === 'hash') {
    hashes.update(new Uint8Array(task.memory, 0, task.length));
    return null;
  }
  running.delete(task.id);
  return task.type === 'hash-end' ? hashes.finish() : null;
}

const port = parentPort;
port?.on('message', (task: Task) => {
  let answer: Done;
  try {
    answer = { done: perform(task) };
  } catch (error) {
    answer = { problem: error instanceof Error ? error.message : 'unknown error' };
  }
  port.postMessage(answer);
});
