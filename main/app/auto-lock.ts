/** Locks Enfold when nobody is there: after some minutes without input, when the screen is locked, when the computer goes to sleep. */
import { powerMonitor, systemPreferences } from 'electron';
import type { LockView } from '../../preload/contract.ts';

const LOOK_EVERY_MS = 15_000;

type Options = { readonly settings: () => Promise<LockView['settings'] | null>; readonly lock: (why: 'idle' | 'screen' | 'sleep') => void };

/** @returns what ends it */
export function watchForAbsence({ settings, lock }: Options): () => void {
  const onScreen = (): void => void settings().then((now) => now?.onScreenLock === true && lock('screen'));
  const onSleep = (): void => void settings().then((now) => now?.onSleep === true && lock('sleep'));
  const look = async (): Promise<void> => {
    const now = await settings();
    if (now?.idleMinutes !== null && now?.idleMinutes !== undefined && powerMonitor.getSystemIdleTime() >= now.idleMinutes * 60) lock('idle');
  };
  powerMonitor.on('lock-screen', onScreen);
  powerMonitor.on('suspend', onSleep);
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    powerMonitor.off('lock-screen', onScreen);
    powerMonitor.off('suspend', onSleep);
  };
}

/** Asks the system whether its user is there. False where it cannot be asked. */
export async function isUserVerified(platform: string, reason: string): Promise<boolean> {
  if (platform !== 'darwin' || !systemPreferences.canPromptTouchID()) return false;
  try {
    await systemPreferences.promptTouchID(reason);
    return true;
  } catch {
    return false;
  }
}
