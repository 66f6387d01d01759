/** What the user chose about the app itself, in a small file of its own; everything about folders is the engine's. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { app, nativeTheme } from 'electron';
import { appSettings, type AppSettings } from '../../preload/contract.ts';
import { rememberSystemScheme } from './tray.ts';
import { setLanguage } from './words.ts';

const DEFAULTS: AppSettings = { theme: 'system', language: 'system', notifications: { held: true, problem: true, locked: false }, startAtLogin: false };

export type SettingsFile = {
  readonly current: () => AppSettings;
  /** Saves, and makes it so at once. */
  readonly change: (part: Partial<AppSettings>) => AppSettings;
};

/** Electron's own login item is for macOS and Windows; Linux desktops read a file. */
function setStartAtLogin(isOn: boolean, platform: string): void {
  if (platform !== 'linux') {
    if (app.isPackaged) app.setLoginItemSettings({ openAtLogin: isOn, args: ['--hidden'] });
    return;
  }
  const file = path.join(process.env.XDG_CONFIG_HOME ?? path.join(os.homedir(), '.config'), 'autostart', 'enfold.desktop');
  mkdirSync(path.dirname(file), { recursive: true });
  const program = [process.execPath, ...(app.isPackaged ? [] : [app.getAppPath()])].map((part) => `"${part.replaceAll(/(["`$\\])/g, String.raw`\$1`)}"`).join(' ');
  writeFileSync(file, `[Desktop Entry]\nType=Application\nName=Enfold\nExec=${program} --hidden\nX-GNOME-Autostart-enabled=${isOn}\nHidden=${!isOn}\n`);
}

export function openSettings(file: string, platform: string, onChange: (settings: AppSettings) => void): SettingsFile {
  let settings = DEFAULTS;
  try {
    const parsed = appSettings.safeParse({ ...DEFAULTS, ...(JSON.parse(readFileSync(file, 'utf8')) as object) });
    if (parsed.success) settings = parsed.data;
  } catch {
    // None yet, or damaged: nothing in it is worth more than the defaults.
  }
  const apply = (): void => {
    nativeTheme.themeSource = settings.theme;
    setLanguage(settings.language === 'system' ? app.getLocale() : settings.language);
  };
  rememberSystemScheme();
  apply();
  return {
    current: () => settings,
    change: (part) => {
      const before = settings;
      settings = { ...settings, ...part };
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(settings, null, 2), { mode: 0o600 });
      renameSync(`${file}.new`, file);
      apply();
      if (before.startAtLogin !== settings.startAtLogin) setStartAtLogin(settings.startAtLogin, platform);
      onChange(settings);
      return settings;
    },
  };
}
