/** The storage as the process it is for its users. */
import { fork, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import type { Endpoint } from './target.ts';

const entry = resolve('main/storage-process.ts');

/** @throws where it ends before it is ready. */
export async function launch(dir: string): Promise<{ readonly child: ChildProcess; readonly access: Endpoint }> {
  const child = fork(entry, ['--dir', dir], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const access = await new Promise<Endpoint>((ready, failed) => {
    child.once('message', (message) => ready(message as Endpoint));
    child.once('exit', (code) => failed(new Error(`ended with ${String(code)}`)));
  });
  return { child, access };
}

export const ended = (child: ChildProcess): Promise<number | null> => new Promise((done) => child.once('exit', (code) => done(code)));
