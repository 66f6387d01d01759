/** Locks Enfold when nobody is there: after some minutes without input, when the screen is locked, when the computer goes to sleep. */
import type { LockView } from '../../preload/contract.ts';

const LOOK_EVERY_MS = 15_000;

/** What is used of Electron's power monitor. */
export type Monitor = {
  on(event: 'lock-screen' | 'suspend', listener: () => void): unknown;
  off(event: 'lock-screen' | 'suspend', listener: () => void): unknown;
  /** Seconds. */
  getSystemIdleTime(): number;
};
type Options = { readonly monitor: Monitor; readonly settings: () => Promise<LockView['settings'] | null>; readonly lock: (why: 'idle' | 'screen' | 'sleep') => void };

/** @returns what ends it */
export function watchForAbsence({ monitor, settings, lock }: Options): () => void {
  const onScreen = (): void => void settings().then((now) => now?.onScreenLock === true && lock('screen'));
  const onSleep = (): void => void settings().then((now) => now?.onSleep === true && lock('sleep'));
  const look = async (): Promise<void> => {
    const now = await settings();
    if (now?.idleMinutes !== null && now?.idleMinutes !== undefined && monitor.getSystemIdleTime() >= now.idleMinutes * 60) lock('idle');
  };
  monitor.on('lock-screen', onScreen);
  monitor.on('suspend', onSleep);
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    monitor.off('lock-screen', onScreen);
    monitor.off('suspend', onSleep);
  };
}
