/**
 * A TCP proxy before a real S3 server that breaks things on demand: answers that are lost after the request took effect, bodies that end
 * early, delays, canned answers. It does not touch bytes, so signatures stay valid.
 */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

export type Fault =
  /** The server does the work; the client hears nothing and the connection breaks. */
  | { readonly type: 'drop-answer' }
  | { readonly type: 'delay-answer'; readonly ms: number }
  /** The connection breaks after so many bytes of the answer. */
  | { readonly type: 'cut-answer'; readonly afterBytes: number }
  /** The connection breaks after so many bytes of the request reached the server. */
  | { readonly type: 'cut-request'; readonly afterBytes: number }
  /** The server never hears of it. */
  | { readonly type: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

export type FaultProxy = {
  readonly endpoint: string;
  /** The next `times` requests whose first line matches meet the fault. */
  inject(requestLine: RegExp, fault: Fault, times?: number): void;
  /** First lines of all requests so far. */
  readonly requests: string[];
  stop(): Promise<void>;
};

type Rule = { readonly requestLine: RegExp; readonly fault: Fault; left: number };

const REQUEST = /^(?:GET|PUT|HEAD|POST|DELETE) \S+ HTTP\/1\.1(?=\r\n)/;

/** @param onRequest - told of every request's first line, before it reaches the server. */
export async function startFaultProxy(target: string, onRequest: (requestLine: string) => void = () => undefined): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const rules: Rule[] = [];
  const requests: string[] = [];
  const sockets = new Set<Socket>();

  function faultFor(requestLine: string): Fault | null {
    const rule = rules.find((candidate) => candidate.left > 0 && candidate.requestLine.test(requestLine));
    if (rule === undefined) return null;
    rule.left -= 1;
    return rule.fault;
  }

  function carry(client: Socket): void {
    const server = connect(Number(port), hostname);
    let fault: Fault | null = null;
    let requestBytes = 0;
    let answerBytes = 0;
    const breakBoth = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', breakBoth);
      socket.on('close', () => {
        sockets.delete(socket);
        breakBoth();
      });
    }

    client.on('data', (chunk: Buffer) => {
      const [requestLine] = REQUEST.exec(chunk.toString('latin1', 0, 8192)) ?? [];
      if (requestLine !== undefined) {
        requests.push(requestLine);
        onRequest(requestLine);
        fault = faultFor(requestLine);
        requestBytes = 0;
        answerBytes = 0;
        if (fault?.type === 'answer') {
          const { status, headers = {}, body = '' } = fault;
          const lines = Object.entries({ ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
          client.end(`HTTP/1.1 ${status} Injected\r\n${lines.join('')}\r\n${body}`);
          return;
        }
      }
      if (fault?.type === 'cut-request' && requestBytes + chunk.length > fault.afterBytes) {
        server.end(chunk.subarray(0, fault.afterBytes - requestBytes), breakBoth);
        return;
      }
      requestBytes += chunk.length;
      if (!server.destroyed) server.write(chunk);
    });

    server.on('data', (chunk: Buffer) => {
      switch (fault?.type) {
        case 'drop-answer':
          breakBoth();
          return;
        case 'cut-answer': {
          const left = fault.afterBytes - answerBytes;
          answerBytes += chunk.length;
          if (chunk.length < left) client.write(chunk);
          else client.end(chunk.subarray(0, left), breakBoth);
          return;
        }
        case 'delay-answer':
          setTimeout(() => client.write(chunk), fault.ms);
          return;
        default:
          client.write(chunk);
      }
    });
  }

  const listener = createServer(carry);
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve);
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    inject: (requestLine, fault, times = 1) => rules.push({ requestLine, fault, left: times }),
    requests,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        listener.close(() => resolve());
      });
    },
  };
}
