/**
 * Serves preload/contract.ts to the window: check the sender, parse the input, call, answer. An error is an answer too, since
 * Electron keeps only the message of a thrown one.
 */
import { ipcMain, type BrowserWindow } from 'electron';
import {
  EVENT_CHANNEL, REQUEST_CHANNEL, requests, type Answer, type EngineRequest, type EventName, type Events, type HostHandlers, type RequestName,
} from '../../preload/contract.ts';
import { originOf } from './protocol.ts';
import { SyncError, toWire } from '../model/errors.ts';

type AskEngine = (name: EngineRequest, input: unknown) => Promise<Answer<EngineRequest>>;

function isRequestName(name: unknown): name is RequestName {
  return typeof name === 'string' && Object.hasOwn(requests, name);
}

/** @param origin - the only origin whose main frame may ask. */
export function serveContract(options: { window: () => BrowserWindow | null; origin: string; host: HostHandlers; askEngine: AskEngine }): void {
  ipcMain.handle(REQUEST_CHANNEL, async (event, name: unknown, input: unknown): Promise<Answer<RequestName>> => {
    try {
      const frame = event.senderFrame;
      const window = options.window();
      if (window === null || frame === null || frame !== window.webContents.mainFrame || originOf(frame.url) !== options.origin) throw new SyncError('bad-usage', { detail: 'unknown sender' });
      if (!isRequestName(name)) throw new SyncError('bad-usage', { detail: 'unknown request' });
      const parsed = requests[name].input.safeParse(input);
      if (!parsed.success) throw new SyncError('bad-usage', { detail: `${name}: ${parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; ')}` });
      if (requests[name].by === 'shell') throw new SyncError('bad-usage', { detail: 'unknown request' });
      if (requests[name].by === 'engine') return await options.askEngine(name as EngineRequest, parsed.data);
      const handler = options.host[name as keyof HostHandlers] as (value: unknown) => Promise<never>;
      return { ok: true, value: await handler(parsed.data) };
    } catch (error) {
      return { ok: false, error: toWire(error) };
    }
  });
}

export function pushEvent<N extends EventName>(window: BrowserWindow | null, name: N, payload: Events[N]): void {
  if (window !== null && !window.isDestroyed()) window.webContents.send(EVENT_CHANNEL, name, payload);
}
