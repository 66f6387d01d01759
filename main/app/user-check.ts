import { systemPreferences } from 'electron';

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
