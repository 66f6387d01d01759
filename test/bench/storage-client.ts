/**
 * A client that costs little: requests are signed before the clock runs, go out over bare sockets, and of answers only status and length are
 * read. A process of its own, told what to do by its parent: so that several can run, and none shares a thread with a server.
 */
import { randomFillSync } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { createSigner } from '../../main/sigv4/sign.ts';
import { canonicalQuery, encodePath, UNSIGNED_PAYLOAD } from '../../main/sigv4/signature.ts';

export type Task = {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly method: 'PUT' | 'GET';
  readonly requests: readonly { readonly path: string; readonly query?: readonly (readonly [string, string])[] }[];
  /** Of each PUT. */
  readonly sizeBytes: number;
  readonly inFlight: number;
};
export type Outcome = { readonly wallSeconds: number; readonly cpuSeconds: number; readonly bodyBytes: number };

const MAX_PIECE_BYTES = 1 << 20;
const HEAD_END = Buffer.from('\r\n\r\n');

function signedHeads(task: Task): Buffer[] {
  const { host } = new URL(task.endpoint);
  const signer = createSigner(task, 'us-east-1');
  return task.requests.map(({ path, query = [] }) => {
    const signed = { host, ...signer.signHeaders({ method: task.method, path, query, headers: { host }, payloadHash: UNSIGNED_PAYLOAD }, Date.now()) };
    const target = encodePath(path) + (query.length > 0 ? `?${canonicalQuery(query)}` : '');
    const length = task.method === 'PUT' ? [`content-length: ${task.sizeBytes}`] : [];
    return Buffer.from([`${task.method} ${target} HTTP/1.1`, ...Object.entries(signed).map(([name, value]) => `${name}: ${value}`), ...length, '', ''].join('\r\n'));
  });
}

/** One connection, one request after the other. */
class Connection {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  #left = -1;
  #bodyBytes = 0;
  #onDone: (bodyBytes: number) => void = () => undefined;
  #onFail: (error: Error) => void = () => undefined;

  constructor(endpoint: string) {
    const { hostname, port } = new URL(endpoint);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on('data', (piece: Buffer) => this.#take(piece));
    this.#socket.on('error', (error) => this.#onFail(error));
    this.#socket.on('close', () => this.#onFail(new Error('the server closed the connection')));
  }

  /** @returns how long the answer's body was. */
  send(head: Buffer, body: Buffer | null, bodyBytes: number): Promise<number> {
    return new Promise((resolve, reject) => {
      [this.#onDone, this.#onFail] = [resolve, reject];
      if (body === null || bodyBytes <= body.length) {
        this.#socket.cork();
        this.#socket.write(head);
        if (body !== null) this.#socket.write(body);
        this.#socket.uncork();
        return;
      }
      this.#socket.write(head);
      void this.#stream(body, bodyBytes);
    });
  }

  async #stream(piece: Buffer, bodyBytes: number): Promise<void> {
    for (let sent = 0; sent < bodyBytes; sent += piece.length) {
      if (!this.#socket.write(piece.subarray(0, Math.min(piece.length, bodyBytes - sent)))) await new Promise((drained) => this.#socket.once('drain', drained));
    }
  }

  #take(piece: Buffer): void {
    let content = piece;
    if (this.#left < 0) {
      this.#head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
      const end = this.#head.indexOf(HEAD_END);
      if (end === -1) return;
      const text = this.#head.toString('latin1', 0, end);
      const status = text.slice(9, 12);
      if (status !== '200') {
        this.#onFail(new Error(`${text}\n${this.#head.toString('utf8', end)}`));
        return;
      }
      this.#bodyBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      this.#left = this.#bodyBytes;
      content = this.#head.subarray(end + 4);
      this.#head = Buffer.alloc(0);
    }
    this.#left -= content.length;
    if (this.#left > 0) return;
    this.#left = -1;
    this.#onDone(this.#bodyBytes);
  }

  close(): void {
    this.#onFail = () => undefined;
    this.#socket.destroy();
  }
}

async function perform(task: Task, heads: readonly Buffer[], connections: readonly Connection[]): Promise<Outcome> {
  const body = task.method === 'PUT' ? randomFillSync(Buffer.alloc(Math.min(task.sizeBytes, MAX_PIECE_BYTES))) : null;
  const rest = heads.values();
  let bodyBytes = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = process.hrtime.bigint();
  await Promise.all(connections.map(async (connection) => {
    for (const head of rest) bodyBytes += await connection.send(head, body, task.sizeBytes);
  }));
  const cpu = process.cpuUsage(cpuBefore);
  return { wallSeconds: Number(process.hrtime.bigint() - startedAt) / 1e9, cpuSeconds: (cpu.user + cpu.system) / 1e6, bodyBytes };
}

process.once('message', (task: Task) => {
  const heads = signedHeads(task);
  const connections = Array.from({ length: task.inFlight }, () => new Connection(task.endpoint));
  process.once('message', () => {
    perform(task, heads, connections).then(
      (outcome) => {
        for (const connection of connections) connection.close();
        process.send?.(outcome);
        process.disconnect();
      },
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.send?.('ready');
});
