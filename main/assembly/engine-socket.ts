/**
 * How the command line asks the Enfold that has a folder open to sync it: a local socket in Enfold's own directory, one JSON
 * value per line, for the owner only.
 */
import { rmSync, chmodSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fromWire, toWire, SyncError, type WireError } from '../model/errors.ts';
import type { SyncReport } from './api.ts';

export type SyncQuestion = { readonly type: 'sync'; readonly folderId: string; readonly acceptHeld: boolean };
/** `unlock` carries what the user typed, over a socket that is the owner's alone. */
export type EngineQuestion = SyncQuestion | { readonly type: 'lock' } | { readonly type: 'unlock'; readonly passphrase: string | null };
/** Null: done. */
type EngineAnswer<Q extends EngineQuestion> = Q extends SyncQuestion ? SyncReport : null;
type EngineReply = { readonly ok: true; readonly report: SyncReport | null } | { readonly ok: false; readonly error: WireError };

/** The longest path a socket may have is about 100 bytes; Windows has pipes instead. */
export function socketPath(home: string): string {
  const short = createHash('sha256').update(home).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\enfold-${short}`;
  return join(home, 'engine.sock');
}

/**
 * Asks the running engine, and waits for what it came to.
 *
 * @returns null where none is listening. @throws SyncError what the engine answers
 */
export async function askRunningEngine<Q extends EngineQuestion>(home: string, question: Q, signal: AbortSignal): Promise<{ readonly answer: EngineAnswer<Q> } | null> {
  const socket = await new Promise<Socket | null>((resolve) => {
    const opening = connect(socketPath(home));
    opening.once('connect', () => resolve(opening));
    opening.once('error', () => resolve(null));
  });
  if (socket === null) return null;
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    socket.on('error', () => undefined);
    socket.write(`${JSON.stringify(question)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const reply = JSON.parse(line) as EngineReply;
      if (reply.ok) return { answer: reply.report as EngineAnswer<Q> };
      throw fromWire(reply.error);
    }
    signal.throwIfAborted();
    throw new SyncError('engine-stopped');
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

const MAX_LINE = 4096;

function parseQuestion(line: string): EngineQuestion {
  let value: Readonly<Record<string, unknown>> | null = null;
  try {
    value = line.length > MAX_LINE ? null : (JSON.parse(line) as Readonly<Record<string, unknown>> | null);
  } catch {
    // Refused below.
  }
  const { type, folderId, acceptHeld, passphrase } = value ?? {};
  if (type === 'sync' && typeof folderId === 'string' && typeof acceptHeld === 'boolean') return { type, folderId, acceptHeld };
  if (type === 'lock') return { type };
  if (type === 'unlock' && (passphrase === null || typeof passphrase === 'string')) return { type, passphrase };
  throw new SyncError('bad-usage', { detail: 'not a question to the engine' });
}

/** Listens for questions until closed. Without a socket the command line says that the folder is busy: no reason to fail. */
export async function serveEngineSocket(home: string, answer: (question: EngineQuestion) => Promise<SyncReport | null>): Promise<{ close(): Promise<void> }> {
  const path = socketPath(home);
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
    const lines = createInterface({ input: socket });
    lines.on('line', (line) => {
      void (async () => {
        let reply: EngineReply;
        try {
          reply = { ok: true, report: await answer(parseQuestion(line)) };
        } catch (error) {
          reply = { ok: false, error: toWire(error) };
        }
        if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
      })();
    });
  });
  const listen = async (): Promise<boolean> =>
    new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(path, () => resolve(true));
    });
  // A socket that an engine left behind when it was killed answers nobody: it is in the way and nothing else.
  if (process.platform !== 'win32' && !(await isAnswered(path))) rmSync(path, { force: true });
  if ((await listen()) && process.platform !== 'win32') chmodSync(path, 0o600);
  return {
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
